"""Whether requests were shared out as they should have been.

If the canary got visibly more or less than its share, something sorts the requests, and the arms
cannot be compared (sample-ratio mismatch). Two one-sided e-processes watch the split itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turnout.analysis.sequential.counts import (
    RATIOS,
    alternatives_above,
    alternatives_below,
    log_growth,
)
from turnout.analysis.sequential.mixtures import Floats, log_mean, log_two_sided

TOLERANCE = 0.05
"""A ratio of the arms' requests within 5 % of the expected one biases nothing that matters here;
balancers that count connections do not keep it more exactly."""

ALPHA = 0.001
"""Kept apart from the judge's own: an alarm ends the comparison, it accuses nobody."""


@dataclass(frozen=True, slots=True)
class ExposureCheck:
    """Log-wealth of both directions, the requests so far, and the evidence now."""

    share: float = 0.5
    """The part of the requests that the canary should get."""
    above: tuple[float, ...] = (0.0,) * len(RATIOS)
    below: tuple[float, ...] = (0.0,) * len(RATIOS)
    requests_canary: float = 0.0
    requests_baseline: float = 0.0


def check_exposure(
    check: ExposureCheck, requests_canary: Floats, requests_baseline: Floats
) -> tuple[ExposureCheck, Floats]:
    """The check after these steps, and the log-e of a mismatch after each."""
    high, low = 1 + TOLERANCE, 1 / (1 + TOLERANCE)
    share = np.full(len(requests_canary), check.share)
    arms = (requests_canary, requests_baseline, share)
    above = _running(check.above, log_growth(*arms, high, alternatives_above(high)))
    below = _running(check.below, log_growth(*arms, low, alternatives_below(low)))
    after = ExposureCheck(
        share=check.share,
        above=tuple(above[-1].tolist()),
        below=tuple(below[-1].tolist()),
        requests_canary=check.requests_canary + float(requests_canary.sum()),
        requests_baseline=check.requests_baseline + float(requests_baseline.sum()),
    )
    return after, log_two_sided(log_mean(above[1:]), log_mean(below[1:]))


def _running(before: tuple[float, ...], growth: Floats) -> Floats:
    return np.asarray(np.cumsum(np.vstack([before, growth]), axis=0))
