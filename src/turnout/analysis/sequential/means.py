"""Means that may be looked at after every sample: half-widths of confidence sequences.

The asymptotic sequence is approximate: start it no earlier than 100 samples when data are skewed.
Sources: Howard et al. 2021 (normal mixture); Waudby-Smith et al., arXiv 2103.06476 (asymptotic).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from turnout.analysis.sequential.mixtures import Floats

SKEWED_START = 100


def normal_mixture_radius(variance: ArrayLike, rho: float, alpha: float) -> Floats:
    """|S_t| stays below this at all times with probability 1-alpha, for a sub-Gaussian sum with
    variance process V.
    """
    total = np.asarray(variance, dtype=float) + rho
    width = total * (np.log(total / rho) + 2 * np.log(1 / alpha))
    return np.asarray(np.sqrt(width), dtype=float)


def asymptotic_radius(
    count: ArrayLike, deviation: ArrayLike, alpha: float, planned: float
) -> Floats:
    """Half-width around the running mean of `count` samples with that standard deviation, tightest
    at `planned` samples.
    """
    t, eta2 = np.asarray(count, dtype=float), tuning(alpha, planned)
    inner = t * eta2 + 1
    width = 2 * inner / (t**2 * eta2) * np.log(np.sqrt(inner) / alpha)
    return np.asarray(deviation, dtype=float) * np.sqrt(width)


def tuning(alpha: float, planned: float) -> float:
    """η² of the asymptotic sequence."""
    log_alpha = np.log(alpha)
    return float((-2 * log_alpha + np.log(1 - 2 * log_alpha)) / planned)
