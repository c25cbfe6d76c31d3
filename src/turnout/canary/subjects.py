"""What is compared: the metrics of a configuration, ready to be fetched and judged."""

from __future__ import annotations

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

ROUTER_STEP = timedelta(seconds=1)
PROCESS_STEP = timedelta(seconds=5)
STORE_STEP = timedelta(seconds=60)
"""What most metrics systems sample in less."""

FEWEST_STEPS = 20
"""Of a gauge: fifteen to learn its noise, five to bet."""

FALLBACK_THRESHOLDS_MS = (50.0, 250.0, 1000.0)
"""For a service whose usual latency nobody has seen."""

_EVENTS = (Kind.COUNT, Kind.PROPORTION)


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
    return tuple(
        _subject(config, metric, f"metrics[{n}]", duration, (history or {}).get(metric.name, {}))
        for n, metric in enumerate(config.metrics)
    )


def too_short_for(subjects: Sequence[Subject], duration: timedelta) -> tuple[Subject, ...]:
    """Gauges that cannot have enough steps in this time, and that nothing depends on."""
    return tuple(
        s
        for s in subjects
        if s.kind is Kind.GAUGE
        and not s.options.critical
        and not s.options.must_have_data
        and duration < FEWEST_STEPS * s.step
    )


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
    thresholds = evidence.thresholds_ms or tuple(history.get("thresholds_ms", ()))
    harm = evidence.harm_of_interest
    return Subject(
        name=metric.name,
        kind=kind,
        query=metric.query,
        exposure=metric.exposure_query or _exposure(kind, metric.query),
        step=_step(evidence.step, metric.query, kind, duration),
        options=read_options(metric),
        margin=evidence.margin,
        harm_of_interest=harm if harm > evidence.margin else evidence.margin + harm,
        weight=_weight(config, metric),
        thresholds_ms=(thresholds or FALLBACK_THRESHOLDS_MS) if kind is Kind.LATENCY else (),
        dispersion=evidence.dispersion or history.get("dispersion"),
    )


def _kind(config: CanaryConfig, said: Kind | None, query: Query) -> Kind:
    if is_compatible(config):
        return Kind.LEGACY
    if said in (None, Kind.LEGACY):
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


def _weight(config: CanaryConfig, metric: MetricConfig) -> float:
    """Its share in the weights of its groups; equal ones where none are named."""
    weights = config.classifier.group_weights if config.classifier else {}
    if not weights:
        return 1.0
    sizes: dict[str, int] = {}
    for one in config.metrics:
        for group in one.groups:
            sizes[group] = sizes.get(group, 0) + 1
    found = sum(weights.get(group, 0.0) / sizes[group] for group in metric.groups)
    return found if found > 0 else _LEAST


_LEAST = 0.1
"""In per cent. A metric that is worth nothing is told about, and hardly counts."""


def _refused(metric: MetricConfig, message: str, path: str) -> InvalidDocument:
    problem = Problem(message, path)
    return InvalidDocument(f"Cannot fetch the metric {metric.name!r}: {problem}", (problem,))
