"""A canary as most will be set up: errors, latency, processor and memory, a step a second.

Simulated with the judge's functions for many canaries at once; a few of them go through the judge
itself, which must find the same at the same second.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.canary_evidence import count_log_e, first_at, gauge_log_e, in_chunks
from benchmarks.outcome import Goal, Table, below
from turnout.analysis.sequential import (
    EventSteps,
    GaugeSteps,
    Kind,
    LatencySteps,
    Metric,
    Steps,
    advance,
    start,
)
from turnout.analysis.sequential.combine import canary_log_e
from turnout.analysis.sequential.counts import exposure_share
from turnout.analysis.sequential.ending import anytime_alpha
from turnout.analysis.sequential.gauges import log_ratios
from turnout.analysis.sequential.mixtures import Floats, log_mean

ALPHA, STEPS = 0.01, 300
REQUESTS = 20.0
"""Per second and arm."""

SECOND = timedelta(seconds=1)
METRICS = (
    Metric("errors", Kind.PROPORTION, weight=5, critical=True, step=SECOND),
    Metric("latency", Kind.LATENCY, weight=3, thresholds=(50.0, 90.0, 99.0), step=SECOND),
    Metric("CPU", Kind.GAUGE, weight=1, step=SECOND),
    Metric("memory", Kind.GAUGE, weight=1, step=SECOND),
)
Figures = dict[str, tuple[NDArray[Any], NDArray[Any]]]
"""Canary and baseline; runs by steps (by thresholds)."""


def judge_default_canaries(runs: int) -> tuple[Table, tuple[Goal, ...]]:
    """False alarms and seconds until an error rate of 5 % instead of 0.1 % is found."""
    rows: list[tuple[str | float, ...]] = []
    quiet = in_chunks(runs, 600, lambda rng, n: _alarms(draw(rng, n, 0.001)))
    harmful = in_chunks(runs // 2, 601, lambda rng, n: _alarms(draw(rng, n, 0.05, steps=60)))
    for name, at in (("0.1 % errors in both arms", quiet), ("5 % in the canary", harmful)):
        found = np.isfinite(at)
        median, most = (float(np.quantile(at, part, method="nearest")) for part in (0.5, 0.95))
        shown = (m if math.isfinite(m) else math.nan for m in (median, most))
        rows.append((name, 100 * float(found.mean()), *shown))
    _compare_with_the_judge()
    columns = (f"errors, latency, 2 gauges; {STEPS} s", "alarms in %", "median, s", "95 %, s")
    false, limit = 100 * float(np.isfinite(quiet).mean()), 1 + 200 * math.sqrt(0.0099 / runs)
    return Table("A usual canary, 20 requests a second in each arm", columns, tuple(rows)), (
        below("False alarms of a usual canary", false, limit, "%"),
        below("Seconds until one error a second is found", float(np.median(harmful)), 20, "s"),
    )


def draw(rng: Generator, runs: int, errors: float, steps: int = STEPS) -> Figures:
    """What the metrics see, with this part of the canary's requests failing."""
    shape = runs, steps
    canary, baseline = rng.poisson(REQUESTS, (2, *shape))
    gauges = rng.lognormal(0, 0.1, (2, 2, *shape))
    return {
        "requests": (canary, baseline),
        "errors": (rng.binomial(canary, errors), rng.binomial(baseline, 0.001)),
        "latency": (_slow(rng, canary), _slow(rng, baseline)),
        "CPU": (gauges[0, 0], gauges[0, 1]),
        "memory": (gauges[1, 0], gauges[1, 1]),
    }


def _slow(rng: Generator, requests: NDArray[Any]) -> NDArray[Any]:
    half = rng.binomial(requests, 0.5)
    tenth = rng.binomial(half, 0.2)
    return np.stack([half, tenth, rng.binomial(tenth, 0.1)], axis=-1)


def _alarms(figures: Figures) -> Floats:
    share = exposure_share(*figures["requests"])
    ours, theirs = figures["latency"]
    latency = [count_log_e(ours[..., j], theirs[..., j], share) for j in range(3)]
    log_es = [
        count_log_e(*figures["errors"], share),
        log_mean(np.stack(latency, axis=-1)),
        *(gauge_log_e(log_ratios(*figures[name]), prewhiten=True) for name in ("CPU", "memory")),
    ]
    average = canary_log_e(np.stack(log_es, axis=-1), [metric.weight for metric in METRICS])
    return first_at(average, -math.log(anytime_alpha(ALPHA, has_end_test=True)))


def _compare_with_the_judge() -> None:
    """Stops the benchmark if what was simulated is not what the judge does."""
    figures = draw(np.random.default_rng(602), 5, 0.05, steps=40)
    for run, simulated in enumerate(_alarms(figures)):
        state = advance(start(METRICS, planned_steps=STEPS), steps_of(figures, run))
        judged = math.inf if state.failed_at is None else state.failed_at
        assert judged == simulated, (judged, simulated)


def steps_of(figures: Figures, run: int) -> dict[str, Steps]:
    """One run as the judge takes it."""
    arms = {name: (canary[run], baseline[run]) for name, (canary, baseline) in figures.items()}
    requests, index = arms["requests"], range(len(arms["requests"][0]))
    return {
        "errors": EventSteps(index, arms["errors"][0], requests[0], arms["errors"][1], requests[1]),
        "latency": LatencySteps(
            index, arms["latency"][0], requests[0], arms["latency"][1], requests[1]
        ),
        "CPU": GaugeSteps(index, *arms["CPU"]),
        "memory": GaugeSteps(index, *arms["memory"]),
    }
