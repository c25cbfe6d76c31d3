"""Generated canaries: four metrics at 20 requests a second in each arm, steps of a second."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.random import Generator

from turnout.analysis.sequential import EventSteps, GaugeSteps, Kind, LatencySteps, Metric, Steps

SECOND = timedelta(seconds=1)
METRICS = (
    Metric("errors", Kind.PROPORTION, weight=4, critical=True, step=SECOND),
    Metric("latency", Kind.LATENCY, weight=3, thresholds=(50.0, 100.0, 250.0), step=SECOND),
    Metric("CPU", Kind.GAUGE, weight=1.5, step=SECOND),
    Metric("memory", Kind.GAUGE, weight=1.5, step=SECOND),
)


def observe(
    rng: Generator, steps: range, *, errors: tuple[float, float] = (0.001, 0.001), cpu: float = 1.0
) -> dict[str, Steps]:
    """Figures of these steps; `errors` and `cpu` are the canary's, then the baseline's, and the
    canary's over the baseline's."""
    index, n = list(steps), len(steps)
    canary, baseline = rng.poisson(20, (2, n))
    return {
        "errors": EventSteps(
            index,
            rng.binomial(canary, errors[0]),
            canary,
            rng.binomial(baseline, errors[1]),
            baseline,
        ),
        "latency": LatencySteps(index, slow(rng, canary), canary, slow(rng, baseline), baseline),
        "CPU": GaugeSteps(index, cpu * rng.lognormal(0, 0.1, n), rng.lognormal(0, 0.1, n)),
        "memory": GaugeSteps(index, rng.lognormal(0, 0.1, n), rng.lognormal(0, 0.1, n)),
    }


def slow(rng: Generator, requests: np.ndarray) -> np.ndarray:
    """Requests above the median, the 90th and the 99th percentile."""
    half = rng.binomial(requests, 0.5)
    tenth = rng.binomial(half, 0.2)
    return np.stack([half, tenth, rng.binomial(tenth, 0.1)], axis=1)
