"""Two levels, measured at the same time in both arms: processor, memory, queue length.

What moves both arms alike cancels in the difference D of a step. If the arms are exchangeable, D is
symmetric about 0, and a bounded odd bet on its sign has mean at most 1, without any moments. Noise
that is private to an arm and lasts for many steps breaks the symmetry; `Memory` takes the
predictable part of it away. All functions take arrays of any leading shape.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike
from scipy.special import log_ndtr

from turnout.analysis.sequential.mixtures import Bools, Floats

BETS: Floats = np.array([0.03, 0.06, 0.1, 0.17, 0.28, 0.45, 0.7, 0.9])
"""Parts of the wealth that are put at stake; weighed alike."""

LARGEST_LOG_RATIO = 10.0
"""A ratio beyond e^10 counts as e^10: an arm at zero is neither an error nor infinite evidence."""

ALIKE = 1e-9
"""Differences below this part of the level are rounding, not evidence."""

WINDOW = 120
"""So many past differences set the scale of the next bet."""

_AT_ONCE = 2048
"""Windows: they take 2 MB."""

SCALE_WARM_UP = 5
MEMORY_WARM_UP = 15
"""Steps without a bet: while the scale, or the memory of the noise, is not known yet."""


def log_ratios(canary: ArrayLike, baseline: ArrayLike) -> Floats:
    """D for levels that are zero or positive: scale-free."""
    ours, theirs = np.asarray(canary, dtype=float), np.asarray(baseline, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(ours) - np.log(theirs)
    ratio = np.where(_are_alike(ours, theirs), 0.0, ratio)
    return np.clip(ratio, -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)


def differences(canary: ArrayLike, baseline: ArrayLike) -> Floats:
    """D for levels that may be negative."""
    ours, theirs = np.asarray(canary, dtype=float), np.asarray(baseline, dtype=float)
    return np.where(_are_alike(ours, theirs), 0.0, ours - theirs)


def bet_scale(past: ArrayLike) -> Floats:
    """1.5 median|D| of the past, along the last axis: fixed before the step that it is for."""
    return np.asarray(1.5 * np.median(np.abs(np.asarray(past, dtype=float)), axis=-1), dtype=float)


def bet_scales(differences: Floats, count: int) -> Floats:
    """The scale of the bet on each of the last `count` differences, from the WINDOW before it; 0
    when there is none.
    """
    first = len(differences) - count
    scales = np.zeros(count)
    behind = min(max(WINDOW - first, 0), count)
    for place in range(max(1 - first, 0), behind):
        scales[place] = bet_scale(differences[: first + place])
    for begin in range(behind, count, _AT_ONCE):
        end = min(begin + _AT_ONCE, count)
        past = differences[first + begin - WINDOW : first + end - 1]
        scales[begin:end] = bet_scale(sliding_window_view(past, WINDOW))
    return scales


def bet_growth(difference: ArrayLike, scale: ArrayLike) -> Floats:
    """log(1 + λ tanh(D/c)) for every bet λ, on a new last axis.

    With a scale of 0 (all past differences were 0) only the sign counts.
    """
    d, c = np.broadcast_arrays(np.asarray(difference, dtype=float), np.asarray(scale, dtype=float))
    signal = np.where(c > 0, np.tanh(np.divide(d, c, out=np.zeros(d.shape), where=c > 0)), 0.0)
    signal = np.where(c > 0, signal, np.sign(d))
    return np.asarray(np.log1p(BETS * signal[..., None]), dtype=float)


def autocorrelation(
    products: ArrayLike,
    sums: tuple[ArrayLike, ArrayLike],
    ends: tuple[ArrayLike, ArrayLike],
    count: ArrayLike,
) -> Floats:
    """How much of a difference the one before predicts: the slope of D_s on D_{s-1} in the past.

    From Σ D_s D_{s-1}, from Σ D and Σ D², from the first and the last D, and from how many there
    are. Corrected for its bias by (1+3φ)/n and kept within [0, 0.95]; 0 for less than five steps.
    """
    total, squares = (np.asarray(value, dtype=float) for value in sums)
    first, last = (np.asarray(value, dtype=float) for value in ends)
    known = np.asarray(count, dtype=float)
    is_enough, pairs = known >= SCALE_WARM_UP, np.maximum(known - 1, 1)
    before, after = total - last, total - first
    common = np.asarray(products, dtype=float) - before * after / pairs
    spread = squares - last**2 - before**2 / pairs
    phi = np.divide(common, spread, out=np.zeros(np.shape(spread)), where=spread > 0)
    corrected = np.clip(phi + (1 + 3 * phi) / (pairs + 1), 0.0, 0.95)
    return np.asarray(np.where(is_enough, corrected, 0.0), dtype=float)


def normal_log_e(total: ArrayLike, squares: ArrayLike, rho: float) -> Floats:
    """The self-normalised mixture, two-sided, for S = ΣD and V = ΣD²: valid at exact symmetry
    (de la Peña 1999)."""
    s, v = np.asarray(total, dtype=float), np.asarray(squares, dtype=float) + rho
    return np.asarray(0.5 * np.log(rho / v) + s**2 / (2 * v), dtype=float)


def normal_log_e_above(total: ArrayLike, squares: ArrayLike, rho: float) -> Floats:
    """The same, one-sided: a half-normal mixture."""
    s, v = np.asarray(total, dtype=float), np.asarray(squares, dtype=float) + rho
    return np.asarray(math.log(2) + normal_log_e(s, squares, rho) + log_ndtr(s / np.sqrt(v)))


def best_rho(planned_squares: float, alpha: float) -> float:
    """The mixture's rho that is tightest when V reaches `planned_squares`."""
    level = 2 * math.log(1 / alpha)
    return planned_squares / (level + math.log(1 + level))


def _are_alike(ours: Floats, theirs: Floats) -> Bools:
    close: Bools = np.abs(ours - theirs) <= ALIKE * np.abs(ours) + ALIKE * np.abs(theirs)
    return close
