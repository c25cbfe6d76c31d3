"""Quantiles from samples, at any time, without assumptions on the distribution.

Source: Howard and Ramdas, Bernoulli 28(3), 2022. Arrays of samples are sorted by the caller where
the name says so.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, xlogy

from turnout.analysis.sequential.mixtures import Floats

STRENGTH = 200.0
"""κ of the Beta mixture: the sequence is tightest at about so many samples over p(1-p)."""


def log_martingale(
    at_most: ArrayLike, count: ArrayLike, p: float, strength: float = STRENGTH
) -> Floats:
    """The logarithm of M_n(x) for X = #{samples <= x} of n: a martingale at the true p-quantile.

    X need not be whole: with ties any mass between F(x-) and F(x) is allowed.
    """
    below = np.asarray(at_most, dtype=float)
    above = np.asarray(count, dtype=float) - below
    start, rest = strength * p, strength * (1 - p)
    mixture = betaln(start + below, rest + above) - betaln(start, rest)
    return np.asarray(mixture - xlogy(below, p) - xlogy(above, 1 - p), dtype=float)


def quantile_interval(
    ordered: ArrayLike, p: float, alpha: float, strength: float = STRENGTH
) -> tuple[float, float]:
    """The confidence sequence of the p-quantile after these sorted samples; infinite where they do
    not bound it.
    """
    samples = np.asarray(ordered, dtype=float)
    counts = np.arange(samples.size + 1)
    alive = np.flatnonzero(log_martingale(counts, samples.size, p, strength) < -math.log(alpha))
    low, high = int(alive[0]), int(alive[-1])
    return (
        float(samples[low - 1]) if low > 0 else -math.inf,
        float(samples[high]) if high < samples.size else math.inf,
    )


def equality_log_e(canary: ArrayLike, baseline: ArrayLike, p: float) -> float:
    """Evidence that the p-quantiles differ: the least product of both martingales over all x.

    Both arrays sorted. An e-process in the order in which samples arrive, whatever their mixture.
    """
    ours, theirs = np.asarray(canary, dtype=float), np.asarray(baseline, dtype=float)
    points = np.union1d(ours, theirs)
    total = _least(ours, points, p) + _least(theirs, points, p)
    between = _at(ours, points, p) + _at(theirs, points, p)
    return float(min(total.min(), between.min())) if points.size else 0.0


def dkw_radius(count: ArrayLike, alpha: float) -> Floats:
    """A band around the empirical distribution, uniform in x and in time: 0.85 √((log(1+log t) +
    C)/t), with the closed form C = 0.8 log(1612/alpha).
    """
    t = np.asarray(count, dtype=float)
    level = np.log1p(np.log(t)) + 0.8 * math.log(1612 / alpha)
    return np.asarray(0.85 * np.sqrt(level / t), dtype=float)


def stitched_radius(count: ArrayLike, p: float, alpha: float) -> Floats:
    """A closed form for the p-quantile's rank, wider than the martingale: p ± this."""
    t = np.asarray(count, dtype=float)
    level = (1.4 * np.log(np.log(2.1 * t)) + math.log(10 / alpha)) / t
    return np.asarray(1.5 * np.sqrt(p * (1 - p) * level) + 0.8 * level, dtype=float)


def _at(ordered: Floats, points: Floats, p: float) -> Floats:
    return log_martingale(np.searchsorted(ordered, points, side="right"), ordered.size, p)


def _least(ordered: Floats, points: Floats, p: float) -> Floats:
    """The least value over the mass that ties allow: the martingale is convex, least near n p."""
    low = np.searchsorted(ordered, points, side="left").astype(float)
    high = np.searchsorted(ordered, points, side="right").astype(float)
    return log_martingale(np.clip(ordered.size * p, low, high), ordered.size, p)
