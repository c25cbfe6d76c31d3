"""Samples far away from the others. The judge uses `without_outliers` only; the two plain detectors
are for whoever compares.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from turnout.analysis.compatible.shift import Array

Flags = npt.NDArray[np.bool_]


def without_outliers(values: Array, factor: float) -> Array:
    """Without what lies beyond the fences of the quartiles and beyond the outermost hundredths.

    So a fence never cuts more than a hundredth on its side.
    """
    if len(values) == 0:
        return values
    lowest, lower, upper, highest = np.percentile(values, (1, 25, 75, 99))
    reach = factor * (upper - lower)
    low, high = min(lowest, lower - reach), max(highest, upper + reach)
    kept: Array = values[~((values < low) | (values > high))]
    return kept


def beyond_fences(values: Array, factor: float) -> Flags:
    """Which samples lie more than `factor` times the interquartile range outside the quartiles.

    Raises `ValueError` unless the factor is above 0.
    """
    _demand_positive(factor)
    lower, upper = np.percentile(values, (25, 75))
    reach = factor * (upper - lower)
    found: Flags = (values < lower - reach) | (values > upper + reach)
    return found


def beyond_deviations(values: Array, factor: float) -> Flags:
    """Which samples are more than `factor` standard deviations (of the population) off the mean.

    Raises `ValueError` unless the factor is above 0.
    """
    _demand_positive(factor)
    found: Flags = np.abs(values - np.mean(values)) > factor * np.std(values)
    return found


def _demand_positive(factor: float) -> None:
    if not factor > 0:
        raise ValueError(f"The factor of an outlier detector must be above 0, not {factor:g}")
