"""Cleaning and figures of one side."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.unit.analysis.compatible.builders import options, side
from turnout.analysis.compatible.outliers import (
    beyond_deviations,
    beyond_fences,
    without_outliers,
)
from turnout.analysis.compatible.samples import clean, mean_of, stats_of
from turnout.model.canary.result import Stats


def test_missing_samples_are_dropped_or_become_zero() -> None:
    samples = (1.0, math.nan, 3.0)
    assert clean(samples, options()).values.tolist() == [1.0, 3.0]
    assert clean(samples, options(nanStrategy="replace")).values.tolist() == [1.0, 0.0, 3.0]
    assert clean(samples, options(nanStrategy="Replace")).values.tolist() == [1.0, 3.0]


def test_outliers_beyond_both_fences_are_dropped() -> None:
    # Of 0, 1, …, 9 and 100 the quartiles are 2.5 and 7.5, the 99th percentile is 90.9.
    values = [*map(float, range(10)), 100.0]
    remove = {"strategy": "remove", "outlierFactor": 3}
    assert clean(values, options(outliers=remove)).values.tolist() == values[:10]
    assert clean(values, options()).values.tolist() == values


def test_at_most_the_outermost_hundredth_is_dropped_on_each_side() -> None:
    # The narrow fences 24.5 and 74.5 give way to the percentiles 0.99 and 98.01.
    values = np.arange(100.0)
    assert without_outliers(values, 1e-9).tolist() == values[1:99].tolist()
    assert without_outliers(np.array([]), 3.0).tolist() == []


def test_missing_samples_go_before_outliers() -> None:
    remove = {"strategy": "remove", "outlierFactor": 1}
    samples = [*(50.0,) * 150, math.nan]
    cleaned = clean(samples, options(outliers=remove, nanStrategy="replace"))
    assert cleaned.values.tolist() == [50.0] * 150


def test_the_plain_detectors_mark_what_is_strictly_beyond() -> None:
    values = np.array([0.0, 1, 2, 3, 4, 10])  # quartiles 1.25 and 3.75
    assert beyond_fences(values, 2.5).tolist() == [False] * 6  # upper fence: 10
    assert beyond_fences(values, 2.4).tolist() == [*(False,) * 5, True]
    around = np.array([-1.0, 1.0])  # standard deviation of the population: 1
    assert beyond_deviations(around, 1.0).tolist() == [False, False]
    assert beyond_deviations(around, 0.99).tolist() == [True, True]


@pytest.mark.parametrize("detector", [beyond_fences, beyond_deviations])
@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan])
def test_a_detector_wants_a_factor_above_0(detector: object, factor: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        detector(np.array([1.0]), factor)  # type: ignore[operator]  # one of two functions


def test_the_figures_of_a_side() -> None:
    found = stats_of(side(4, 1, 2, 5))
    assert found == Stats(min=1, max=5, mean=3, std=(10 / 3) ** 0.5, count=4)


def test_a_single_sample_does_not_vary_and_none_has_zeros() -> None:
    assert stats_of(side(7)) == Stats(min=7, max=7, mean=7, std=0, count=1)
    assert stats_of(side()) == Stats(min=0, max=0, mean=0, std=0, count=0)


def test_the_second_pass_mends_the_mean() -> None:
    values = np.array([1e16, 1.0, 1.0, 1.0])
    assert mean_of(values) == 2500000000000001.0  # one pass: 2500000000000000.0
