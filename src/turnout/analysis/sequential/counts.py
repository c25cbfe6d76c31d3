"""Two streams of events, such as errors of the canary and errors of the baseline.

Given how many events both arms had in a step, which arm each came from is a coin with a known bias,
whatever the common rate does: the daily rhythm, waves and retries of both arms cancel out. (As a
test: Przyborowski and Wilenski 1940; as an e-process: Lindon and Malek, NeurIPS 2022.) The
same formula holds for proportions: with p_c <= R p_b a factor has mean at most 1, conservatively
for large p.

All functions take arrays of any leading shape (steps, runs) and add one axis for the alternatives.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaln, log1p, xlogy

from turnout.analysis.sequential.mixtures import Floats, log_mean

RATIOS: Floats = np.array(
    [1.03, 1.05, 1.08, 1.12, 1.17, 1.25, 1.35, 1.5, 1.7, 2, 2.5, 3.2, 4.5, 7, 12, 25]
)
"""The alternatives to the boundary of the null hypothesis, as multiples of it; weighed alike."""


def exposure_share(canary: ArrayLike, baseline: ArrayLike) -> Floats:
    """The canary's part of the exposure (requests, pod-seconds); a half when there was none."""
    ours, theirs = np.asarray(canary, dtype=float), np.asarray(baseline, dtype=float)
    total = ours + theirs
    return np.asarray(
        np.divide(ours, total, out=np.full(np.shape(total), 0.5), where=total > 0), dtype=float
    )


def log_growth(
    events_canary: ArrayLike,
    events_baseline: ArrayLike,
    share: ArrayLike,
    null: float,
    alternatives: ArrayLike,
) -> Floats:
    """What a step adds to the log-wealth of the bet on each alternative rate ratio.

    An e-process for "the ratio is at most `null`" when all alternatives lie above it, and for "at
    least `null`" when all lie below. With θ(R) = R a / (R a + b) it is
    X log(θ_j/θ_0) + Y log((1-θ_j)/(1-θ_0)).
    """
    ours = np.asarray(events_canary, dtype=float)[..., None]
    both = ours + np.asarray(events_baseline, dtype=float)[..., None]
    part = np.asarray(share, dtype=float)[..., None]
    others = np.asarray(alternatives, dtype=float)
    tilt = np.log((others * part + 1 - part) / (null * part + 1 - part))
    return np.asarray(ours * np.log(others / null) - both * tilt, dtype=float)


def alternatives_above(null: float) -> Floats:
    """Harm: ratios above the boundary."""
    return null * RATIOS


def alternatives_below(null: float) -> Floats:
    """Safety: ratios below the harm that is to be excluded."""
    return null / RATIOS


def running_log_e(growth: Floats, axis: int = -2) -> Floats:
    """The e-process over time, from the growth of each step and alternative."""
    return log_mean(np.cumsum(growth, axis=axis))


def null_share(share: ArrayLike, null: float) -> Floats:
    """The probability that an event is the canary's when the rate ratio is `null`."""
    part = np.asarray(share, dtype=float)
    return np.asarray(null * part / (null * part + 1 - part), dtype=float)


def beta_log_e(
    events_canary: ArrayLike, events_baseline: ArrayLike, probability: float, strength: float = 10
) -> Floats:
    """The closed form for a constant split, two-sided: a Beta mixture around the null probability.

    `strength` is the mixture's weight in events (κ in the source).
    """
    ours, theirs = np.asarray(events_canary, dtype=float), np.asarray(events_baseline, dtype=float)
    p, q = strength * probability, strength * (1 - probability)
    marginal = betaln(p + ours, q + theirs) - betaln(p, q)
    return np.asarray(marginal - _log_null(ours, theirs, probability), dtype=float)


def beta_log_e_above(
    events_canary: ArrayLike, events_baseline: ArrayLike, probability: float, strength: float = 10
) -> Floats:
    """The same, one-sided: the mixture is cut to probabilities above the null."""
    ours, theirs = np.asarray(events_canary, dtype=float), np.asarray(events_baseline, dtype=float)
    p, q = strength * probability, strength * (1 - probability)
    above = log1p(-betainc(p + ours, q + theirs, probability))
    prior = log1p(-betainc(p, q, probability))
    whole = beta_log_e(ours, theirs, probability, strength)
    return np.asarray(whole + above - prior, dtype=float)


def _log_null(ours: Floats, theirs: Floats, probability: float) -> Floats:
    return np.asarray(xlogy(ours, probability) + xlogy(theirs, 1 - probability), dtype=float)
