"""Passing early: the roles swapped.

The hypothesis is now that the canary *is* worse by the harm of interest or more. Evidence against
it of 1/β lets a canary pass before its planned end, wrongly with probability at most β.
"""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from turnout.analysis.sequential.counts import alternatives_below, log_growth
from turnout.analysis.sequential.mixtures import Floats


def safety_growth(
    events_canary: ArrayLike, events_baseline: ArrayLike, share: ArrayLike, harm_of_interest: float
) -> Floats:
    """What a step adds to the evidence that the increase is below the harm of interest."""
    null = 1 + harm_of_interest
    return log_growth(events_canary, events_baseline, share, null, alternatives_below(null))


def safety_level(beta: float) -> float:
    """The log-e at which harm of interest is excluded."""
    return -math.log(beta)
