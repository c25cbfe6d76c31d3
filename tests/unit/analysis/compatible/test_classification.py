"""Rules 8.1 to 8.5, one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.unit.analysis.compatible.builders import options, side
from turnout.analysis.compatible.classification import Finding, classify, mean_ratio
from turnout.analysis.compatible.mean_inequality import classify_by_mean, cohens_d
from turnout.analysis.compatible.samples import Side, side_of
from turnout.analysis.compatible.shift import AllTied
from turnout.model.canary.result import Classification

PASS, HIGH, LOW = Classification.PASS, Classification.HIGH, Classification.LOW
NO_DATA, NO_DATA_FAIL = Classification.NO_DATA, Classification.NO_DATA_FAIL
EMPTY = side()


def normal(mean: float, *, seed: int = 1, n: int = 60, spread: float = 1.0) -> Side:
    return side_of(np.random.default_rng(seed).normal(mean, spread, n))


def found(experiment: Side, control: Side, **canary: Any) -> Finding:
    with np.errstate(all="ignore"):
        return classify("cpu", experiment, control, options(**canary))


BASE, UP, DOWN = normal(100), normal(120, seed=2), normal(80, seed=3)


@pytest.mark.parametrize(
    ("canary", "expected"),
    [
        ({}, Finding(NO_DATA, "Missing data for cpu")),
        ({"critical": True}, Finding(NO_DATA, "Missing data for cpu", is_critical=True)),
        ({"mustHaveData": True}, Finding(NO_DATA_FAIL, "Missing data for cpu")),
        (
            {"mustHaveData": True, "critical": True},
            Finding(NO_DATA, "Missing data for cpu", is_critical=True),
        ),
        ({"nanStrategy": "replace", "mustHaveData": True, "critical": True}, Finding(PASS)),
    ],
)
@pytest.mark.parametrize("sides", [(EMPTY, BASE), (BASE, EMPTY), (EMPTY, EMPTY)])
def test_sides_without_samples(
    canary: dict[str, Any], expected: Finding, sides: tuple[Side, Side]
) -> None:
    assert found(*sides, **canary) == expected


def test_equal_bags_pass_in_whatever_order() -> None:
    expected = Finding(PASS, "The Canary and Baseline data are identical")
    assert found(side(3, 1, 2), side(1, 2, 3), critical=True) == expected


def test_a_single_value_in_different_numbers_passes_without_a_reason() -> None:
    assert found(side(4, 4), side(4, 4, 4)) == Finding(PASS)


def test_more_is_high_and_less_is_low_by_default() -> None:
    assert found(UP, BASE) == Finding(HIGH, "cpu was classified as High", mean_ratio(UP, BASE))
    assert found(DOWN, BASE) == Finding(LOW, "cpu was classified as Low", mean_ratio(DOWN, BASE))


def test_only_the_direction_that_is_bad_counts() -> None:
    assert found(UP, BASE, direction="decrease").classification is PASS
    assert found(DOWN, BASE, direction="increase").classification is PASS
    assert found(UP, BASE, direction="increase").classification is HIGH
    assert found(DOWN, BASE, direction="decrease").classification is LOW


def test_an_unknown_direction_means_either() -> None:
    assert found(UP, BASE, direction="Decrease").classification is HIGH


def test_what_is_allowed_is_no_change_to_be_told() -> None:
    assert found(UP, BASE, effectSize={"allowedIncrease": 1.25}).classification is PASS
    assert found(UP, BASE, effectSize={"allowedIncrease": 1.15}).classification is HIGH
    assert found(DOWN, BASE, effectSize={"allowedDecrease": 0.75}).classification is PASS
    assert found(DOWN, BASE, effectSize={"allowedDecrease": 0.85}).classification is LOW


def test_the_share_of_larger_pairs_is_the_effect_when_asked_for() -> None:
    # Complete separation: a share of 1, or 0.
    share: dict[str, Any] = {"measure": "cles"}
    assert found(UP, BASE, effectSize=share | {"allowedIncrease": 1.0}).classification is HIGH
    assert found(UP, BASE, effectSize=share | {"allowedIncrease": 1.01}).classification is PASS
    assert found(DOWN, BASE, effectSize=share | {"allowedDecrease": 0.0}).classification is LOW
    assert found(DOWN, BASE, effectSize=share | {"allowedDecrease": -0.1}).classification is PASS


def test_ties_count_half_in_the_share_of_larger_pairs() -> None:
    # Each of two thirds of x wins all pairs, a third is tied with every y: 5/6.
    x, y = side(*(1, 2, 3) * 30), side(*(1,) * 60)
    share: dict[str, Any] = {"measure": "cles"}
    for allowed, expected in ((0.8333, HIGH), (0.8334, PASS)):
        found_here = found(x, y, effectSize=share | {"allowedIncrease": allowed})
        assert found_here.classification is expected


def test_a_null_allowed_decrease_makes_low_impossible() -> None:
    assert found(DOWN, BASE, effectSize={"allowedDecrease": None}).classification is PASS


def test_a_critical_metric_fails_from_its_critical_effect_on() -> None:
    critical = "The metric cpu was classified as High (Critical)"
    ratio = mean_ratio(UP, BASE)
    beyond = found(UP, BASE, critical=True, effectSize={"criticalIncrease": 1.1})
    below = found(UP, BASE, critical=True, effectSize={"criticalIncrease": 1.5})
    assert beyond == Finding(HIGH, critical, ratio, is_critical=True)
    assert below == Finding(HIGH, "cpu was classified as High", ratio)
    low = found(DOWN, BASE, critical=True)
    assert low.reason == "The metric cpu was classified as Low (Critical)"
    assert low.is_critical
    assert not found(DOWN, BASE, critical=True, effectSize={"criticalDecrease": 0.5}).is_critical


def test_a_ratio_of_nothing_is_not_a_number_and_counts_as_large_enough() -> None:
    zero = side(*(0.0,) * 60)
    assert math.isnan(mean_ratio(BASE, zero))
    high = found(
        BASE, zero, critical=True, effectSize={"allowedIncrease": 9, "criticalIncrease": 9}
    )
    assert (high.classification, high.is_critical) == (HIGH, True)
    assert math.isnan(high.deviation or 0)


def test_constant_samples_get_noise_and_the_same_verdict_each_time() -> None:
    x, y = side(*(101.0,) * 30), side(*(100.0,) * 30)
    first = found(x, y)
    assert first.classification is HIGH
    assert first.deviation == pytest.approx(1.01, abs=0.01)
    assert first.deviation != 1.01
    assert found(x, y) == first


def test_constant_samples_of_which_one_side_is_zero_keep_it_exactly() -> None:
    high = found(side(*(5.0,) * 30), side(*(0.0,) * 30))
    assert high.classification is HIGH
    assert math.isnan(high.deviation or 0)


def test_one_point_against_one_has_a_verdict_that_can_be_repeated() -> None:
    def verdict() -> object:
        try:
            return found(side(5.0), side(3.0))
        except AllTied:
            return "error"

    assert verdict() == verdict()


# Section 12: where the reference surprises.


def test_small_units_hide_a_change_that_large_ones_show() -> None:
    base = np.random.default_rng(5).normal(100, 5, 30)
    more = np.random.default_rng(6).normal(112, 5, 30)
    assert found(side_of(more), side_of(base)).classification is HIGH
    assert found(side_of(more * 1e-6), side_of(base * 1e-6)).classification is PASS


def test_any_clean_separation_fails_however_small() -> None:
    x, y = normal(101, spread=0.01), normal(100, seed=2, spread=0.01)
    assert found(x, y).classification is HIGH


def test_two_points_against_two_are_enough_to_fail() -> None:
    assert found(side(10, 11), side(1, 2)).classification is HIGH


@pytest.mark.parametrize("infinite", [math.inf, -math.inf])
def test_one_infinite_sample_passes_everything(infinite: float) -> None:
    assert found(side(*UP.values, infinite), BASE).classification is PASS
    assert found(UP, side(*BASE.values, infinite)).classification is PASS


def test_errors_in_most_minutes_against_none_pass() -> None:
    r = np.random.default_rng(9)
    errors = np.where(r.random(60) < 0.6, r.integers(1, 20, 60) * 1.0, 0.0)
    assert found(side_of(errors), side(*(0.0,) * 60)).classification is PASS


def test_for_negative_metrics_the_ratio_turns_an_increase_around() -> None:
    # Larger, but the ratio of the means is below 1, which is no increase.
    assert found(normal(-80), normal(-100, seed=2)).classification is PASS


# The second classifier, 8.5.


def by_mean(experiment: Side, control: Side, **canary: Any) -> Finding:
    return classify_by_mean(experiment, control, options(**canary))


def test_by_mean_any_difference_counts() -> None:
    more = "The Canary mean was greater than the Baseline mean"
    less = "The Canary mean was less than the Baseline mean"
    assert by_mean(side(2, 4), side(1, 2), critical=True) == Finding(HIGH, more, 2.0, True)
    assert by_mean(side(1, 2), side(2, 4)) == Finding(LOW, less, 0.5)
    assert by_mean(side(2, 4), side(1, 2), direction="decrease") == Finding(PASS)
    assert by_mean(side(1, 2), side(2, 4), direction="increase") == Finding(PASS)
    assert by_mean(side(1, 3), side(2, 2), critical=True) == Finding(PASS)


def test_by_mean_missing_data_has_no_reason_and_no_deviation() -> None:
    assert by_mean(EMPTY, BASE) == Finding(NO_DATA, None, 0.0)
    assert by_mean(EMPTY, BASE, mustHaveData=True) == Finding(NO_DATA_FAIL)
    assert by_mean(EMPTY, BASE, nanStrategy="replace") == Finding(PASS)


def test_cohens_d_is_in_pooled_deviations() -> None:
    # Variances 1 and 4 with two and four degrees of freedom: sqrt((2 * 1 + 4 * 4) / 6).
    x, y = side(1, 2, 3), side(8, 8, 10, 12, 12)
    assert cohens_d(x, y) == pytest.approx(8 / 3**0.5, rel=1e-12)
