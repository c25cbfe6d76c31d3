"""How far apart two samples are: limits and estimate of the location shift by the rank-sum test.

Equal to R's `wilcox.test(x, y, conf.int=TRUE, conf.level=0.98, exact=FALSE, correct=TRUE)` in its
limits; the estimate keeps the continuity correction, which newer versions of R drop.
"""

from __future__ import annotations

from dataclasses import dataclass

from turnout.analysis.compatible.shift import Array, ShiftStatistic
from turnout.analysis.compatible.zeroin import find_zero

QUANTILE = -2.3263478740408408
"""Of the normal distribution at (1 - 0.98) / 2; the confidence level is fixed."""


@dataclass(frozen=True, slots=True)
class Shift:
    """The location shift of x against y. `lower` may be above `upper` when samples are tied."""

    lower: float
    upper: float
    estimate: float


def estimate_shift(statistic: ShiftStatistic) -> Shift:
    """Raises `AllTied` when a shift is tried at which all samples are equal."""
    return Shift(
        lower=_limit(statistic, -QUANTILE),
        upper=_limit(statistic, QUANTILE),
        estimate=find_zero(statistic, statistic.low, statistic.high),
    )


def shift_of(x: Array, y: Array) -> Shift:
    """Of sorted samples, neither of them empty."""
    return estimate_shift(ShiftStatistic(x, y))


def _limit(statistic: ShiftStatistic, quantile: float) -> float:
    def above_quantile(shift: float) -> float:
        return statistic(shift) - quantile

    if above_quantile(statistic.low) <= 0.0:
        return statistic.low
    if above_quantile(statistic.high) >= 0.0:
        return statistic.high
    return find_zero(above_quantile, statistic.low, statistic.high)
