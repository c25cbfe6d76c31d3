"""The second classifier of the reference, which only looks at which mean is larger. For comparison;
the judge does not use it.
"""

from __future__ import annotations

import math
from dataclasses import replace

from turnout.analysis.compatible.classification import Finding, before_test, mean_ratio
from turnout.analysis.compatible.samples import Side, stats_of
from turnout.model.canary.options import Direction, MetricOptions
from turnout.model.canary.result import Classification


def classify_by_mean(experiment: Side, control: Side, options: MetricOptions) -> Finding:
    """`High` or `Low` as soon as the means differ in a direction that counts."""
    if len(experiment.values) == 0 or len(control.values) == 0:
        return _without_data(experiment, control, options)
    ratio = mean_ratio(experiment, control)
    if experiment.mean > control.mean and options.direction is not Direction.DECREASE:
        reason = "The Canary mean was greater than the Baseline mean"
        return Finding(Classification.HIGH, reason, ratio, options.critical)
    if experiment.mean < control.mean and options.direction is not Direction.INCREASE:
        reason = "The Canary mean was less than the Baseline mean"
        return Finding(Classification.LOW, reason, ratio, options.critical)
    return Finding(Classification.PASS)


def _without_data(experiment: Side, control: Side, options: MetricOptions) -> Finding:
    found = before_test("", experiment, control, options) or Finding(Classification.PASS)
    is_unknown = found.classification is Classification.NO_DATA
    return replace(found, reason=None, deviation=0.0 if is_unknown else found.deviation)


def cohens_d(experiment: Side, control: Side) -> float:
    """The difference of the means in pooled standard deviations, without its sign.

    J. Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), section 2.5. Infinite,
    or not a number, when neither side varies.
    """
    m, n = len(experiment.values), len(control.values)
    apart = abs(experiment.mean - control.mean)
    squares = (m - 1) * stats_of(experiment).std ** 2 + (n - 1) * stats_of(control).std ** 2
    if squares == 0.0:
        return math.inf if apart else math.nan
    return apart / math.sqrt(squares / (m + n - 2))
