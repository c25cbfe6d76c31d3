"""The limits of the shift are those of the plain second implementation, to the last bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.analysis.compatible.plain import PlainAllTied, plain_shift, plain_statistic
from turnout.analysis.compatible.rank_test import QUANTILE, shift_of
from turnout.analysis.compatible.shift import AllTied, ShiftStatistic


def both(x: np.ndarray, y: np.ndarray) -> tuple[object, object]:
    with np.errstate(all="ignore"):
        try:
            expected: object = plain_shift(x, y)
        except PlainAllTied:
            expected = "all tied"
        try:
            found = shift_of(np.sort(x), np.sort(y))
            ours: object = (found.lower, found.upper, found.estimate)
        except AllTied:
            ours = "all tied"
    return ours, expected


def assert_equal(x: np.ndarray, y: np.ndarray) -> None:
    ours, expected = both(x, y)
    assert repr(ours) == repr(expected), (x, y)


SAMPLES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda r, n: r.normal(100, 10, n),
    "whole numbers": lambda r, n: r.integers(0, 6, n) * 1.0,
    "tiny": lambda r, n: r.normal(100, 10, n) * 1e-6,
    "two decimals": lambda r, n: np.round(r.normal(100, 10, n), 2),
    "tenths that are not exact": lambda r, n: r.integers(0, 30, n) * 0.1,
    "negative": lambda r, n: -r.lognormal(3, 1, n),
    "many zeros": lambda r, n: r.lognormal(0, 2, n) * (r.random(n) < 0.4),
    "huge": lambda r, n: r.normal(1, 1e-3, n) * 1e12,
    "one value": lambda r, n: np.full(n, r.normal()),
    "almost one value": lambda r, n: 1.0 + 2.3e-16 * r.integers(0, 4, n),
}


@pytest.mark.parametrize("of_x", SAMPLES)
@pytest.mark.parametrize("of_y", SAMPLES)
def test_limits_and_estimate_equal_the_plain_ones(of_x: str, of_y: str) -> None:
    r = np.random.default_rng([list(SAMPLES).index(of_x), list(SAMPLES).index(of_y)])
    for most in (4, 4, 4, 4, 12, 12, 12, 12, 40, 40):
        m, n = (int(size) for size in r.integers(1, most, 2))
        assert_equal(SAMPLES[of_x](r, m), SAMPLES[of_y](r, n))


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("sizes", [(60, 50), (180, 180), (400, 370)])
def test_long_series_are_counted_by_their_differences_and_stay_equal(
    kind: str, sizes: tuple[int, int]
) -> None:
    r = np.random.default_rng(sizes)
    assert_equal(*(SAMPLES[kind](r, size) for size in sizes))


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.integers(-4, 4).map(lambda k: k / 3), min_size=1, max_size=7),
    st.lists(st.integers(-4, 4).map(lambda k: k / 3), min_size=1, max_size=7),
)
def test_ties_that_depend_on_rounding_are_the_same(x: list[float], y: list[float]) -> None:
    assert_equal(np.array(x), np.array(y))


finite = st.floats(-1e9, 1e9).map(lambda v: v + 0.0)  # no -0.0: it is outside the contract


@settings(max_examples=400, deadline=None)
@given(
    st.lists(finite, min_size=1, max_size=9),
    st.lists(finite, min_size=1, max_size=9),
)
def test_any_finite_samples_give_the_same_limits(x: list[float], y: list[float]) -> None:
    assert_equal(np.array(x), np.array(y))


@pytest.mark.parametrize("seed", range(40))
def test_infinite_samples_give_the_same_limits(seed: int) -> None:
    r = np.random.default_rng(seed)
    x, y = r.normal(0, 1, 5), r.normal(0, 1, 6)
    (x if seed % 2 else y)[:2] = r.choice([np.inf, -np.inf], 2)
    assert_equal(x, y)


@pytest.mark.parametrize("seed", range(20))
def test_a_statistic_asked_at_any_shifts_in_any_order_is_the_plain_one(seed: int) -> None:
    r = np.random.default_rng(seed)
    x, y = np.sort(np.round(r.normal(0, 1, 90), 2)), np.sort(np.round(r.normal(0, 1, 80), 2))
    statistic = ShiftStatistic(x, y)
    shifts = np.concatenate((r.normal(0, 0.2, 60), np.round(r.normal(0, 2, 60), 2)))
    for shift in r.permutation(shifts).tolist():
        assert statistic(shift) == plain_statistic(x, y, shift, 0.0)


@pytest.mark.parametrize("size", [25, 70])
@pytest.mark.parametrize("kind", ["normal", "tenths that are not exact", "huge"])
def test_shifts_within_rounding_of_a_difference_are_counted_as_rounding_decides(
    kind: str, size: int
) -> None:
    r = np.random.default_rng(size)
    x, y = np.sort(SAMPLES[kind](r, size)), np.sort(SAMPLES[kind](r, size))
    statistic = ShiftStatistic(x, y)
    for shift in shift_of(x, y).estimate + np.linspace(-1, 1, 9) * (x[-1] - x[0]) / 50:
        statistic(float(shift))  # so that only a few pairs are undecided
    near = np.sort(np.subtract.outer(x, y).ravel())[size * size // 2 - 40 :: 10][:8]
    steps = np.array([-2, -0.5, 0, 0.5, 2]) * np.spacing(abs(x[-1]))
    for shift in np.add.outer(near, steps).ravel().tolist():
        assert statistic(shift) == plain_statistic(x, y, shift, 0.0)


def test_the_statistic_of_two_against_two_is_worked_out_by_hand() -> None:
    # Ranks of x: 3 and 4; D = 7 - 3 - 2 = 2, c = 1/2, variance = 4/12 * 5.
    statistic = ShiftStatistic(np.array([3.0, 4.0]), np.array([1.0, 2.0]))
    assert statistic(0.0) == pytest.approx(1.5 / (20 / 12) ** 0.5, rel=1e-15)


def test_ties_lessen_the_variance() -> None:
    # Ranks of x: 2 and 4; D = 6 - 3 - 2 = 1; one group of three: variance = 1/3 * (5 - 24/12).
    statistic = ShiftStatistic(np.array([2.0, 3.0]), np.array([2.0, 2.0]))
    assert statistic.count(0.0) == (2, 2, 24)
    assert statistic(0.0) == pytest.approx(0.5, rel=1e-15)


def test_a_few_points_per_side_fall_back_to_the_outermost_shifts() -> None:
    found = shift_of(np.array([10.0, 11.0]), np.array([1.0, 2.0]))
    assert (found.lower, found.upper) == (8.0, 10.0)


def test_the_quantile_is_that_of_98_per_cent() -> None:
    from scipy.special import ndtri

    assert abs(QUANTILE - float(ndtri(0.01))) < 1e-15


def test_one_sample_against_an_equal_one_has_no_order() -> None:
    with pytest.raises(AllTied):
        shift_of(np.array([2.0]), np.array([1.0]))
