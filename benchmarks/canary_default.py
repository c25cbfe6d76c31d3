"""A canary as most will be set up: errors, latency, processor and memory, a step a second.

Simulated with the judge's functions for many canaries at once; a few of them go through the judge
itself, which must find the same at the same second.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.canary_worlds import count_log_e, first_at, gauge_log_e, in_chunks
from benchmarks.outcome import Goal, Table, below
from turnout.analysis.sequential import (
    EventSteps,
    GaugeSteps,
    Kind,
    LatencySteps,
    Metric,
    State,
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

COPIES, LATE, TIMED = 13, 300, 10
"""Fifty metrics, more or less; how many steps are late; over how many time is taken."""

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
    quiet = in_chunks(runs, 600, lambda rng, n: _alarms(_draw(rng, n, 0.001)))
    harmful = in_chunks(runs // 2, 601, lambda rng, n: _alarms(_draw(rng, n, 0.05, steps=60)))
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


def measure_cost() -> Table:
    """One step of fifty metrics: at the beginning, and late."""
    metrics = [
        replace(metric, name=f"{metric.name} {place}")
        for place in range(COPIES)
        for metric in METRICS
    ]
    figures = _draw(np.random.default_rng(603), 1, 0.001, steps=LATE + 2 * TIMED)
    steps = _steps(figures, 0)
    state, early = _timed(start(metrics, planned_steps=LATE), steps, 0)
    state = advance(state, _copies(steps, TIMED, LATE))
    _, late = _timed(state, steps, LATE)
    columns = f"one step of {len(metrics)} metrics", "ms"
    rows = ("of the first", early), (f"after {LATE}", late), ("late over early", late / early)
    return Table("What a step costs", columns, rows)


def _timed(state: State, steps: dict[str, Steps], begin: int) -> tuple[State, float]:
    """The state after TIMED steps, and milliseconds for one."""
    began = time.perf_counter()
    for place in range(begin, begin + TIMED):
        state = advance(state, _copies(steps, place, place + 1))
    return state, 1000 * (time.perf_counter() - began) / TIMED


def _copies(steps: dict[str, Steps], begin: int, end: int) -> dict[str, Steps]:
    parts = {name: _cut(whole, begin, end) for name, whole in steps.items()}
    return {f"{name} {place}": part for place in range(COPIES) for name, part in parts.items()}


def _cut(steps: Steps, begin: int, end: int) -> Steps:
    columns = {name: getattr(steps, name)[begin:end] for name in type(steps).__slots__}
    return type(steps)(**columns)


def _draw(rng: Generator, runs: int, errors: float, steps: int = STEPS) -> Figures:
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
    figures = _draw(np.random.default_rng(602), 5, 0.05, steps=40)
    for run, simulated in enumerate(_alarms(figures)):
        state = advance(start(METRICS, planned_steps=STEPS), _steps(figures, run))
        judged = math.inf if state.failed_at is None else state.failed_at
        assert judged == simulated, (judged, simulated)


def _steps(figures: Figures, run: int) -> dict[str, Steps]:
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
