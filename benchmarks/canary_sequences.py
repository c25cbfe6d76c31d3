"""Confidence sequences of quantiles and means: how often the truth ever leaves them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from benchmarks.canary_worlds import in_chunks
from benchmarks.outcome import Goal, Table, below
from turnout.analysis.sequential.means import SKEWED_START, asymptotic_radius
from turnout.analysis.sequential.mixtures import Floats
from turnout.analysis.sequential.quantiles import equality_log_e, log_martingale

ALPHA = 0.05
QUANTILE_SAMPLES, MEAN_SAMPLES = 4000, 3000
LOOK_EVERY, MOST_PER_ARM, SLOW_RUNS = 100, 4000, 100
"""Of two quantiles: samples between looks, at most, and runs (each look goes over all samples)."""

Draw = Callable[[Generator, tuple[int, int]], Floats]


def measure_sequences(runs: int) -> tuple[Table, list[Goal]]:
    """Per cent of runs in which the truth is outside at any time, at a nominal 5 %."""
    rows: list[tuple[str | float, ...]] = []
    goals = []
    limit = 100 * ALPHA + 200 * math.sqrt(ALPHA * (1 - ALPHA) / runs)
    for seed, (p, written) in enumerate(((0.5, 2.3), (0.9, 2.9), (0.99, 2.3)), start=700):
        wrong = 100 * float(in_chunks(runs, seed, _quantile_wrong(p)).mean())
        rows.append((f"quantile {p}, {QUANTILE_SAMPLES} samples", written, wrong))
        goals.append(below(f"Sequence ever wrong, quantile {p}", wrong, limit, "%"))
    for seed, (name, draw, mean, written) in enumerate(_means(), start=710):
        wrong = 100 * float(in_chunks(runs, seed, _mean_wrong(draw, mean)).mean())
        rows.append((f"mean, {name}, from sample {SKEWED_START}", written, wrong))
    for seed, (ratio, text) in enumerate(((1.0, "0.25"), (1.2, "90"), (1.3, "99.8")), start=720):
        rng = np.random.default_rng(seed)
        found = np.mean([_tells_apart(rng, ratio) for _ in range(SLOW_RUNS)])
        rows.append((f"two p90 at 1 %, x{ratio}: told apart", text, 100 * float(found)))
    columns = ("ever outside, in % of runs", "design", "measured")
    return Table("Confidence sequences at 95 %", columns, tuple(rows)), goals


def _quantile_wrong(p: float) -> Callable[[Generator, int], Floats]:
    def wrong(rng: Generator, runs: int) -> Floats:
        below_p = np.cumsum(rng.random((runs, QUANTILE_SAMPLES)) < p, axis=1)
        log_m = log_martingale(below_p, np.arange(1, QUANTILE_SAMPLES + 1), p)
        return np.asarray(log_m.max(axis=1) >= -math.log(ALPHA), dtype=float)

    return wrong


def _means() -> tuple[tuple[str, Draw, float, float], ...]:
    return (
        ("normal", lambda rng, shape: rng.normal(size=shape), 0.0, 3.0),
        ("exponential", lambda rng, shape: rng.exponential(size=shape), 1.0, 3.5),
        ("log-normal", lambda rng, shape: rng.lognormal(size=shape), math.exp(0.5), 6.8),
    )


def _mean_wrong(draw: Draw, mean: float) -> Callable[[Generator, int], Floats]:
    def wrong(rng: Generator, runs: int) -> Floats:
        samples = draw(rng, (runs, MEAN_SAMPLES))
        count = np.arange(1, MEAN_SAMPLES + 1)
        running = np.cumsum(samples, axis=1) / count
        variance = np.cumsum(samples**2, axis=1) / count - running**2
        radius = asymptotic_radius(count, np.sqrt(np.maximum(variance, 0)), ALPHA, 1000)
        is_out = np.abs(running - mean) > radius
        return np.asarray(is_out[:, SKEWED_START - 1 :].any(axis=1), dtype=float)

    return wrong


def _tells_apart(rng: Generator, ratio: float) -> bool:
    canary, baseline = rng.exponential(1, (2, MOST_PER_ARM))
    canary = canary * ratio
    return any(
        equality_log_e(np.sort(canary[:count]), np.sort(baseline[:count]), 0.9) >= math.log(100)
        for count in range(LOOK_EVERY, MOST_PER_ARM + 1, LOOK_EVERY)
    )
