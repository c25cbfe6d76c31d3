"""From the samples of one side to those that are judged, and their figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turnout.analysis.compatible.outliers import without_outliers
from turnout.analysis.compatible.shift import Array
from turnout.model.canary.options import MetricOptions, NanStrategy, OutlierStrategy
from turnout.model.canary.result import Stats


@dataclass(frozen=True, slots=True)
class Side:
    """Samples without NaN, in the order of time and by size."""

    values: Array
    ordered: Array
    mean: float
    """0 when there are no samples."""


def clean(samples: Sequence[float], options: MetricOptions) -> Side:
    """What is judged of one side's samples."""
    values = np.array(samples, dtype=np.float64)
    missing = np.isnan(values)
    if np.count_nonzero(missing):
        removes = options.nan_strategy is NanStrategy.REMOVE
        values = values[~missing] if removes else np.where(missing, 0.0, values)
    if options.outlier_strategy is OutlierStrategy.REMOVE:
        values = without_outliers(values, options.outlier_factor)
    return side_of(values)


def side_of(values: Array) -> Side:
    """A side of samples that need no cleaning."""
    return Side(values, np.sort(values), mean_of(values))


def mean_of(values: Array) -> float:
    """In two passes, summed in the order of time: whether a mean is exactly 0 decides verdicts."""
    if len(values) == 0:
        return 0.0
    first = _sum(values) / len(values)
    return first + _sum(values - first) / len(values)


def stats_of(side: Side) -> Stats:
    """The figures of a report; all 0 for no samples."""
    count = len(side.values)
    if count == 0:
        return Stats(min=0.0, max=0.0, mean=0.0, std=0.0, count=0)
    low, high = float(side.ordered[0]), float(side.ordered[-1])
    return Stats(min=low, max=high, mean=side.mean, std=_deviation(side), count=count)


def _deviation(side: Side) -> float:
    """With n - 1; 0 for a single sample."""
    if len(side.values) == 1:
        return 0.0
    apart = side.values - side.mean
    return math.sqrt(float(np.dot(apart, apart)) / (len(apart) - 1))


def _sum(values: Array) -> float:
    return float(values.cumsum()[-1])
