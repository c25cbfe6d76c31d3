"""Everything that the judge knows of a running canary, as plain values.

Written down between two steps and read again it goes on as if nothing had happened: no evidence is
lost, and none is counted twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from turnout.analysis.sequential.count_evidence import CountEvidence
from turnout.analysis.sequential.ending import anytime_alpha
from turnout.analysis.sequential.exposure import ExposureCheck
from turnout.analysis.sequential.gauge_evidence import GaugeEvidence
from turnout.analysis.sequential.intake import Tally
from turnout.analysis.sequential.metric import Kind, Metric
from turnout.analysis.sequential.progress import Trace


@dataclass(frozen=True, slots=True)
class Track:
    """One metric so far. Evidence is told as log-e, now and at its height."""

    evidence: CountEvidence | GaugeEvidence
    tally: Tally = field(default_factory=Tally)
    last: int = -1
    """The step that was closed last."""
    log_e: float = 0.0
    peak: float = 0.0
    safety_peak: float = 0.0
    trace: Trace = field(default_factory=Trace)


@dataclass(frozen=True, slots=True)
class State:
    """A canary under judgement. `tracks` are in the order of `metrics`.

    Times are seconds since its start: of the moment when the canary's evidence reached its level,
    and of the one when requests turned out to be shared wrongly.
    """

    metrics: tuple[Metric, ...]
    alpha: float
    beta: float
    planned_steps: int
    tracks: tuple[Track, ...]
    exposure: ExposureCheck | None
    log_e: float = 0.0
    peak: float = 0.0
    failed_at: float | None = None
    mismatched_at: float | None = None
    has_intervals: bool = True
    """False in a replay of many canaries, where nobody reads their confidence sequences."""


def any_alpha(state: State) -> float:
    """The part of alpha for looking at any time; the rest is for the end, if a metric has a test
    there."""
    return anytime_alpha(state.alpha, has_end_test=any(map(has_end_test, state.metrics)))


def has_end_test(metric: Metric) -> bool:
    """Gauges have none: nothing exact is known of them."""
    return metric.kind is not Kind.GAUGE


_STATES = TypeAdapter(State)


def dump(state: State) -> dict[str, Any]:  # JSON
    """The state as JSON holds it, strictly: what is not finite is a text."""
    found: dict[str, Any] = _plain(_STATES.dump_python(state, mode="json"))
    return found


def load(document: dict[str, Any]) -> State:  # JSON
    """The state that `dump` wrote. Raises ValueError for anything else."""
    return _STATES.validate_python(document)


def _plain(value: Any) -> Any:  # JSON, whatever it holds
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
