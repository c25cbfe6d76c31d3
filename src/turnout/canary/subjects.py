"""What is compared: the metrics of a configuration, ready to be fetched and judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from turnout.model.canary.configuration import COMPATIBLE_JUDGE, CanaryConfig, MetricConfig
from turnout.model.canary.options import (
    Direction,
    Kind,
    MetricOptions,
    read_evidence_options,
    read_options,
)
from turnout.model.canary.queries import ProcessQuery, Query, RouterQuery
from turnout.model.errors import InvalidDocument, Problem
from turnout.model.units import format_duration
from turnout.model.words import enumerate_names

ROUTER_STEP = timedelta(seconds=1)
PROCESS_STEP = timedelta(seconds=5)
STORE_STEP = timedelta(seconds=60)
"""What most metrics systems sample in less."""

FEWEST_STEPS = 40
"""Of a gauge: fifteen to learn its noise, twenty to bet, and some may be missing. With fewer no
harm, however large, would be found, and a pass would mean nothing."""

FALLBACK_THRESHOLDS_MS = (50.0, 250.0, 1000.0)
"""For a service whose usual latency nobody has seen."""

_EVENTS = (Kind.COUNT, Kind.PROPORTION)
_PARTS_OF_REQUESTS = ("errors", "client_errors", "timeouts", "resets")


@dataclass(frozen=True, slots=True)
class Subject:
    """One metric. `thresholds_ms` and `dispersion` are from history where nobody named them."""

    name: str
    kind: Kind
    query: Query
    exposure: Query | None
    step: timedelta
    options: MetricOptions
    margin: float
    harm_of_interest: float
    weight: float
    thresholds_ms: tuple[float, ...] = ()
    dispersion: float | None = None

    @property
    def is_own(self) -> bool:
        """Whether it comes from Turnout itself, and not from a metrics system."""
        return isinstance(self.query, RouterQuery | ProcessQuery)

    @property
    def direction(self) -> Direction:
        """Which change is harm."""
        return self.options.direction


def is_compatible(config: CanaryConfig) -> bool:
    """Whether the reference's rules judge, and not ours."""
    return config.judge is not None and config.judge.name == COMPATIBLE_JUDGE


def subjects_of(
    config: CanaryConfig, duration: timedelta, history: Mapping[str, Any] | None = None
) -> tuple[Subject, ...]:
    """Every metric that is fetched, in the order of the configuration.

    `history` is what `learn` found. Raises `InvalidDocument` for a metric that cannot be fetched.
    """
    if not config.metrics:
        raise InvalidDocument("Nothing can be judged", (Problem("has no metric", "metrics"),))
    names = [metric.name for metric in config.metrics]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        problem = Problem(f"has several metrics with the name {enumerate_names(twice)}", "metrics")
        raise InvalidDocument("Nothing can be judged", (problem,))
    subjects = tuple(
        _subject(config, metric, f"metrics[{n}]", duration, (history or {}).get(metric.name, {}))
        for n, metric in enumerate(config.metrics)
    )
    if all(subject.options.muted for subject in subjects):
        problem = Problem("are all muted", "metrics")
        raise InvalidDocument("Nothing can be judged", (problem,))
    return subjects


def too_short_for(subjects: Sequence[Subject], duration: timedelta) -> tuple[Subject, ...]:
    """Gauges that cannot have enough steps in this time, and that nothing depends on."""
    return tuple(
        s
        for s in subjects
        if s.kind is Kind.GAUGE and not is_wanted(s) and duration < FEWEST_STEPS * s.step
    )


def refuse_hopeless(subjects: Sequence[Subject], duration: timedelta) -> None:
    """Raises `InvalidDocument` for what can be known before it begins: metrics that must be judged,
    and cannot be in this time.
    """
    for subject in subjects:
        fewest = FEWEST_STEPS if subject.kind is Kind.GAUGE and is_wanted(subject) else 1
        is_left_out = subject.kind is Kind.GAUGE and not is_wanted(subject)
        if duration < fewest * subject.step and not is_left_out:
            raise _too_short(subject.name, fewest * subject.step, duration)
    short = too_short_for(subjects, duration)
    if len(short) == len(subjects):
        needed = min(FEWEST_STEPS * subject.step for subject in short)
        raise _too_short(enumerate_names([s.name for s in short]), needed, duration)


def is_wanted(subject: Subject) -> bool:
    """Whether the analysis depends on it."""
    return subject.options.critical or subject.options.must_have_data


def _too_short(names: str, needed: timedelta, duration: timedelta) -> InvalidDocument:
    needs, has = format_duration(needed), format_duration(duration)
    problem = Problem(f"{has} is too short for {names}: {needs} is the least", "duration")
    hint = "Compare for longer, or give the metric a shorter step."
    return InvalidDocument(f"Cannot judge: {problem}", (problem,), hint=hint)


def _subject(
    config: CanaryConfig,
    metric: MetricConfig,
    path: str,
    duration: timedelta,
    history: Mapping[str, Any],
) -> Subject:
    if metric.query is None:
        raise _refused(metric, "has no query", f"{path}.query")
    evidence = read_evidence_options(metric)
    kind = _kind(config, evidence.kind, metric.query)
    if kind is Kind.LATENCY and not _is_latency(metric.query):
        raise _refused(
            metric,
            "kind latency needs the query {type: router, metricName: latency}; for another source "
            "compare slow requests as a proportion",
            f"{path}.query",
        )
    exposure = metric.exposure_query or _exposure(kind, metric.query)
    if kind is Kind.PROPORTION and exposure is None:
        raise _refused(
            metric,
            "kind proportion needs all requests as exposureQuery; without it, use kind count",
            f"{path}.exposureQuery",
        )
    thresholds = evidence.thresholds_ms or tuple(history.get("thresholds_ms", ()))
    harm = evidence.harm_of_interest
    return Subject(
        name=metric.name,
        kind=kind,
        query=metric.query,
        exposure=exposure,
        step=_step(evidence.step, metric.query, kind, duration),
        options=read_options(metric),
        margin=evidence.margin,
        harm_of_interest=harm if harm > evidence.margin else evidence.margin + harm,
        weight=weigh(config, metric),
        thresholds_ms=_thresholds(thresholds) if kind is Kind.LATENCY else (),
        dispersion=evidence.dispersion or history.get("dispersion"),
    )


def _kind(config: CanaryConfig, said: Kind | None, query: Query) -> Kind:
    if is_compatible(config):
        return Kind.LEGACY
    if said in (None, Kind.LEGACY):
        if isinstance(query, RouterQuery) and query.metric_name in _PARTS_OF_REQUESTS:
            return Kind.PROPORTION
        return Kind.LATENCY if _is_latency(query) else Kind.GAUGE
    return said or Kind.GAUGE


def _is_latency(query: Query) -> bool:
    return isinstance(query, RouterQuery) and query.metric_name == "latency"


def _exposure(kind: Kind, query: Query) -> Query | None:
    """The requests that the router's own figures refer to."""
    if kind in (*_EVENTS, Kind.LATENCY) and isinstance(query, RouterQuery):
        return RouterQuery(type="router", metric_name="requests")
    return None


def _step(said: float | None, query: Query, kind: Kind, duration: timedelta) -> timedelta:
    if said is not None:
        return timedelta(seconds=max(1, round(said)))
    if kind is Kind.LEGACY:  # enough of them for its test, as far as the time allows
        return min(STORE_STEP, timedelta(seconds=max(1, int(duration.total_seconds() / 50))))
    if isinstance(query, RouterQuery):
        return ROUTER_STEP
    return PROCESS_STEP if isinstance(query, ProcessQuery) else STORE_STEP


def _thresholds(wanted: Sequence[float]) -> tuple[float, ...]:
    return tuple(sorted(set(wanted or FALLBACK_THRESHOLDS_MS)))


def weigh(config: CanaryConfig, metric: MetricConfig) -> float:
    """Its share in the weights of its groups. Groups without one share what is left of 100 alike;
    where none are named all metrics count alike.
    """
    weights = config.classifier.group_weights if config.classifier else {}
    if not weights:
        return 1.0
    sizes: dict[str, int] = {}
    for one in config.metrics:
        for group in one.groups:
            sizes[group] = sizes.get(group, 0) + 1
    left = max(0.0, 100 - sum(weights.values())) / (len(sizes.keys() - weights.keys()) or 1)
    found = sum(weights.get(group, left) / sizes[group] for group in metric.groups)
    return found if 0 < found < math.inf else _LEAST


_LEAST = 0.1
"""In per cent. A metric that is worth nothing is told about, and hardly counts."""


def _refused(metric: MetricConfig, message: str, path: str) -> InvalidDocument:
    problem = Problem(message, path)
    return InvalidDocument(f"Cannot fetch the metric {metric.name!r}: {problem}", (problem,))
