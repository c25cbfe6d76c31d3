"""Simulated canaries for the benchmark of the sequential judge: many runs at once, seeded.

Figures are arrays of runs by steps. The evidence is computed with the judge's own functions, which
take such arrays; only the loop over the steps of a gauge is written again here, for all runs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from turnout.analysis.sequential.counts import (
    alternatives_above,
    log_growth,
    running_log_e,
)
from turnout.analysis.sequential.early_pass import safety_growth
from turnout.analysis.sequential.gauges import (
    BETS,
    MEMORY_WARM_UP,
    SCALE_WARM_UP,
    WINDOW,
    autocorrelation,
    bet_growth,
    bet_scale,
)
from turnout.analysis.sequential.mixtures import Floats, log_mean

CHUNK = 400
"""Runs at once: what fits into the cache of a small machine, more or less."""


def in_chunks(runs: int, seed: int, simulate: Callable[[Generator, int], Floats]) -> Floats:
    """What `simulate` finds for so many runs, put together."""
    sizes = [min(CHUNK, runs - begin) for begin in range(0, runs, CHUNK)]
    rngs = np.random.default_rng(seed).spawn(len(sizes))
    return np.concatenate([simulate(rng, size) for rng, size in zip(rngs, sizes, strict=True)])


def first_at(log_e: Floats, level: float) -> Floats:
    """The step (from 1) at which each run reaches the level; infinite if it never does."""
    reached = log_e >= level
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)


def count_log_e(canary: ArrayLike, baseline: ArrayLike, share: ArrayLike = 0.5) -> Floats:
    """Evidence of harm after each step."""
    return running_log_e(log_growth(canary, baseline, share, 1.0, alternatives_above(1.0)))


def safety_log_e(canary: ArrayLike, baseline: ArrayLike, harm: float) -> Floats:
    """Evidence of safety after each step."""
    return running_log_e(safety_growth(canary, baseline, 0.5, harm))


def gauge_log_e(differences: Floats, *, prewhiten: bool = False) -> Floats:
    """Evidence of harm after each step of a gauge."""
    runs, steps = differences.shape
    wealth, found = np.zeros((runs, len(BETS))), np.zeros((runs, steps))
    whitened, sums = np.empty((runs, steps)), np.zeros((3, runs))  # total, squares, products
    warm_up = MEMORY_WARM_UP if prewhiten else SCALE_WARM_UP
    for t in range(steps):
        d, last = differences[:, t], differences[:, t - 1] if t else np.zeros(runs)
        ends = differences[:, 0], last
        phi = autocorrelation(sums[2], (sums[0], sums[1]), ends, t) if prewhiten else 0.0
        whitened[:, t] = d - phi * last
        if t >= warm_up:
            scale = bet_scale(whitened[:, max(0, t - WINDOW) : t])
            wealth += bet_growth(whitened[:, t], scale)
            found[:, t] = log_mean(wealth)
        sums += d, d**2, d * last
    return found


def rhythm(rng: Generator, runs: int, steps: int, shocks: float = 0.5) -> Floats:
    """What moves both arms: a daily rhythm from a random hour, and shocks of single minutes."""
    hour = rng.uniform(0, 2 * np.pi, (runs, 1))
    day = 1 + 0.6 * np.sin(hour + np.arange(steps) * 2 * np.pi / 1440)
    return np.asarray(day * rng.lognormal(-(shocks**2) / 2, shocks, (runs, steps)))


def bursty(rng: Generator, mean: ArrayLike, ratio: float, shape: tuple[int, int]) -> Floats:
    """Counts with this variance over mean: Poisson with a rate of its own in every step."""
    rate = np.broadcast_to(np.asarray(mean, dtype=float), shape)
    return np.asarray(rng.poisson(rng.gamma(rate / (ratio - 1)) * (ratio - 1)), dtype=float)


def in_bursts(rng: Generator, mean: float, size: float, shape: tuple[int, int]) -> Floats:
    """Counts that come in bursts of geometric size."""
    bursts = rng.poisson(mean / size, shape)
    more = rng.negative_binomial(np.maximum(bursts, 1), 1 / size)
    return np.where(bursts > 0, bursts + more, 0).astype(float)


def autoregressive(rng: Generator, phi: float, shape: tuple[int, int]) -> Floats:
    """Noise with memory, of standard deviation 1, from its stationary start."""
    noise = rng.normal(size=shape)
    noise[:, 1:] *= np.sqrt(1 - phi**2)
    for t in range(1, shape[1]):
        noise[:, t] += phi * noise[:, t - 1]
    return np.asarray(noise)


def dispersions(canary: Floats, baseline: Floats) -> Floats:
    """φ of each run's history at equal exposure; `estimate_dispersion` for many runs at once."""
    ratio = np.sum((canary - baseline) ** 2, axis=1) / np.sum(canary + baseline, axis=1)
    return np.asarray(np.maximum(1.0, ratio)[:, None], dtype=float)
