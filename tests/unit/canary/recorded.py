"""Analyses as they are kept: records with evidence, without an analyst."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.canary.house import BASELINE, CANARY, SOURCE, config, metric
from turnout.canary.evidence import Slice
from turnout.canary.recorded import write_config
from turnout.model.analysis import (
    Analysis,
    AnalysisRecord,
    AnalysisSettings,
    AnalysisVerdict,
    Finding,
)
from turnout.model.canary.configuration import CanaryConfig

BEGAN = datetime(2026, 1, 1, 13, tzinfo=UTC)
DURATION = timedelta(minutes=2)
ID = "d-1.analyse-50"

ERRORS = metric("errors", "proportion", "errors", critical=True, margin=0.1, harmOfInterest=0.5)
LATENCY = metric("latency", "latency", "latency", thresholdsMs=[50, 250])
CPU = metric("cpu", "gauge", "cpu", margin=0.25)
MEMORY = metric("memory", "gauge", "memory", muted=True)
TWO_METRICS = config(ERRORS, LATENCY)


def record(
    verdict: AnalysisVerdict = AnalysisVerdict.RUNNING,
    sentence: str = "undecided so far",
    *,
    configuration: CanaryConfig = TWO_METRICS,
    ended_after: timedelta | None = None,
    until: datetime | None = None,
    notes: tuple[str, ...] = (),
    **settings: Any,
) -> AnalysisRecord:
    settings.setdefault("duration", DURATION)
    return AnalysisRecord(
        analysis=Analysis(
            id=ID,
            cluster="shop",
            experiment=CANARY,
            control=BASELINE,
            source=SOURCE,
            settings=AnalysisSettings(**settings),
            experiment_share=50,
            control_share=50,
            notes=notes,
        ),
        deployment="d-1",
        document=write_config(configuration),
        began_at=BEGAN,
        planned_end=BEGAN + settings["duration"],
        finding=Finding(verdict=verdict, sentence=sentence, until=until),
        ended_at=None if ended_after is None else BEGAN + ended_after,
    )


def errors(canary: float, baseline: float, steps: int = 120, name: str = "errors") -> Slice:
    """Forty requests a second in each arm, of which these parts fail."""
    rng = random.Random(7)
    return Slice(
        metric=name,
        first=0,
        canary=(_fails(rng, canary, steps), (40.0,) * steps),
        baseline=(_fails(rng, baseline, steps), (40.0,) * steps),
    )


def latency(steps: int = 120) -> Slice:
    """A tenth above 50 ms, a fiftieth above 250 ms, in both arms alike."""
    rng = random.Random(11)
    arms = []
    for _ in range(2):
        slow = _fails(rng, 0.1, steps)
        arms.append((slow, tuple(float(rng.random() < 0.2 * s) for s in slow), (40.0,) * steps))
    return Slice(metric="latency", first=0, canary=arms[0], baseline=arms[1])


def alike(steps: int = 120) -> tuple[Slice, ...]:
    return (errors(0.02, 0.02, steps), latency(steps))


def broken(steps: int = 120) -> tuple[Slice, ...]:
    return (errors(0.15, 0.02, steps), latency(steps))


def level(name: str, canary: Sequence[float], baseline: Sequence[float]) -> Slice:
    return Slice(metric=name, first=0, canary=(tuple(canary),), baseline=(tuple(baseline),))


def _fails(rng: random.Random, part: float, steps: int) -> tuple[float, ...]:
    return tuple(float(sum(rng.random() < part for _ in range(40))) for _ in range(steps))
