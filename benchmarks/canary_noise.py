"""What both arms of a simulated canary are made of: rhythms, bursts, noise with a memory.

Arrays of runs by steps; seeded by the caller.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from turnout.analysis.sequential.mixtures import Floats


def rhythm(rng: Generator, runs: int, steps: int, shocks: float = 0.5) -> Floats:
    """What moves both arms: a daily rhythm from a random hour, and shocks of single minutes."""
    hour = rng.uniform(0, 2 * np.pi, (runs, 1))
    day = 1 + 0.6 * np.sin(hour + np.arange(steps) * 2 * np.pi / 1440)
    return np.asarray(day * rng.lognormal(-(shocks**2) / 2, shocks, (runs, steps)))


def bursty(
    rng: Generator, mean: float, dispersion: float, shape: tuple[int, int], effect: float = 1.0
) -> Floats:
    """Counts with this variance over mean: Poisson with a rate of its own in every step.

    An effect multiplies the rate of each step, so that what it changes varies as much as before.
    """
    rate = rng.gamma(mean / (dispersion - 1), dispersion - 1, shape)
    return np.asarray(rng.poisson(effect * rate), dtype=float)


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
