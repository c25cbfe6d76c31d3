"""What is found about one metric: `High`, `Low`, `Pass`, or that there is no data.

The tolerance is a quarter of the estimated shift, not of the metric's level. So a clean separation
fails however small it is, and a wide one may pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from turnout.analysis.compatible.noise import with_noise
from turnout.analysis.compatible.rank_test import Shift, estimate_shift
from turnout.analysis.compatible.samples import Side
from turnout.analysis.compatible.shift import ShiftStatistic
from turnout.model.canary.options import (
    Direction,
    EffectSize,
    Measure,
    MetricOptions,
    NanStrategy,
)
from turnout.model.canary.result import Classification

TOLERANCE = 0.25
"""Of the estimated shift; fixed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one metric. `deviation` is None when nothing could be said."""

    classification: Classification
    reason: str | None = None
    deviation: float | None = 1.0
    is_critical: bool = False


def classify(name: str, experiment: Side, control: Side, options: MetricOptions) -> Finding:
    """The first rule that fits. Raises `AllTied` when the samples have no order."""
    return before_test(name, experiment, control, options) or _by_test(
        name, *with_noise(name, experiment, control), options
    )


def before_test(
    name: str, experiment: Side, control: Side, options: MetricOptions
) -> Finding | None:
    """What needs no test: sides without samples, equal sides, a single value. Else None."""
    if len(experiment.values) == 0 or len(control.values) == 0:
        return _without_data(name, options)
    if np.array_equal(experiment.ordered, control.ordered):
        reason = "The Canary and Baseline data are identical"
        return Finding(Classification.PASS, reason)
    low = min(experiment.ordered[0], control.ordered[0])
    high = max(experiment.ordered[-1], control.ordered[-1])
    return Finding(Classification.PASS) if low == high else None


def _without_data(name: str, options: MetricOptions) -> Finding:
    if options.nan_strategy is NanStrategy.REPLACE:
        return Finding(Classification.PASS)
    reason = f"Missing data for {name}"
    if options.must_have_data and not options.critical:
        return Finding(Classification.NO_DATA_FAIL, reason)
    return Finding(Classification.NO_DATA, reason, is_critical=options.critical)


def _by_test(name: str, experiment: Side, control: Side, options: MetricOptions) -> Finding:
    statistic = ShiftStatistic(experiment.ordered, control.ordered)
    shift = estimate_shift(statistic)
    ratio = mean_ratio(experiment, control)
    is_share = options.effect_size.measure is Measure.CLES
    effect = share_of_larger(statistic) if is_share else ratio
    found = _changed(shift, effect, options)
    if found is Classification.PASS:
        return Finding(found, deviation=ratio)
    is_critical = options.critical and _is_critical(found, effect, options.effect_size)
    reason = (
        f"The metric {name} was classified as {found} (Critical)"
        if is_critical
        else f"{name} was classified as {found}"
    )
    return Finding(found, reason, ratio, is_critical)


def _changed(shift: Shift, effect: float, options: MetricOptions) -> Classification:
    bounds, width = options.effect_size, TOLERANCE * abs(shift.estimate)
    is_high = shift.lower > width and _reaches(effect, bounds.allowed_increase)
    if is_high and options.direction is not Direction.DECREASE:
        return Classification.HIGH
    is_low = shift.upper < -width and _falls_to(effect, bounds.allowed_decrease)
    if is_low and options.direction is not Direction.INCREASE:
        return Classification.LOW
    return Classification.PASS


def _is_critical(found: Classification, effect: float, bounds: EffectSize) -> bool:
    if found is Classification.HIGH:
        return _reaches(effect, bounds.critical_increase)
    return _falls_to(effect, bounds.critical_decrease)


def _reaches(effect: float, bound: float) -> bool:
    """An effect that is not known counts as large enough."""
    return math.isnan(effect) or effect >= bound


def _falls_to(effect: float, bound: float) -> bool:
    return math.isnan(effect) or effect <= bound


def mean_ratio(experiment: Side, control: Side) -> float:
    """Experiment by control; not a number when either mean is exactly 0."""
    if experiment.mean == 0.0 or control.mean == 0.0:
        return math.nan
    return experiment.mean / control.mean


def share_of_larger(statistic: ShiftStatistic) -> float:
    """In which share of all pairs the experiment is larger; ties count half."""
    wins, ties, _ = statistic.count(0.0)
    return (wins + ties / 2.0) / statistic.pairs
