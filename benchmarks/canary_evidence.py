"""The judge's evidence over many simulated canaries at once.

Figures are arrays of runs by steps. The evidence is computed with the judge's own functions, which
take such arrays; only the loop over the steps of a gauge is written again here, for all runs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from turnout.analysis.sequential.counts import alternatives_above, log_growth, running_log_e
from turnout.analysis.sequential.early_pass import safety_growth
from turnout.analysis.sequential.gauges import (
    BETS,
    MEMORY_WARM_UP,
    SCALE_WARM_UP,
    WINDOW,
    autocorrelation,
    best_rho,
    bet_growth,
    bet_scale,
    normal_log_e_above,
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
    """Evidence of harm after each step of a gauge, by the bets on symmetry."""
    runs, steps = differences.shape
    wealth, found = np.zeros((runs, len(BETS))), np.zeros((runs, steps))
    moved = whitened(differences) if prewhiten else differences
    for t in range(MEMORY_WARM_UP if prewhiten else SCALE_WARM_UP, steps):
        scale = bet_scale(moved[:, max(0, t - WINDOW) : t])
        wealth += bet_growth(moved[:, t], scale)
        found[:, t] = log_mean(wealth)
    return found


def mixture_log_e(differences: Floats, variance: float, *, prewhiten: bool = False) -> Floats:
    """The same by the self-normalised normal mixture, which reports use for intervals.

    `variance` is what is planned for a difference; it tunes, and need not be right.
    """
    steps = differences.shape[1]
    counted = differences
    if prewhiten:
        counted = np.where(np.arange(steps) < MEMORY_WARM_UP, 0.0, whitened(differences))
    sums = np.cumsum(counted, axis=1), np.cumsum(counted**2, axis=1)
    return normal_log_e_above(*sums, best_rho(steps * variance, 0.01))


def whitened(differences: Floats) -> Floats:
    """Without the part of each difference that those before it predict."""
    runs, steps = differences.shape
    found, sums = differences.copy(), np.zeros((3, runs))  # total, squares, products
    for t in range(1, steps):
        last = differences[:, t - 1]
        sums += last, last**2, last * (differences[:, t - 2] if t > 1 else 0.0)
        phi = autocorrelation(sums[2], (sums[0], sums[1]), (differences[:, 0], last), t)
        found[:, t] -= phi * last
    return found
