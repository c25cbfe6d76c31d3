"""Many metrics: averages, levels, lists; the share of alpha at the end; durations."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.analysis.sequential.combine import (
    alarm_level,
    canary_log_e,
    closed_testing,
    e_bh,
    normalise,
)
from turnout.analysis.sequential.duration import (
    MOST,
    events_needed,
    gauge_steps,
    plan_duration,
    wald_events,
)
from turnout.analysis.sequential.ending import (
    anytime_alpha,
    conditional_binomial_p,
    end_alpha,
)


def test_the_canary_is_the_weighted_average_of_its_metrics() -> None:
    found = canary_log_e(np.log([8.0, 2.0]), [3, 1])
    assert found == pytest.approx(math.log(6.5))


def test_huge_evidence_does_not_overflow() -> None:
    assert canary_log_e([5000.0, -5000.0], [1, 1]) == pytest.approx(5000 - math.log(2))


@pytest.mark.parametrize("weights", [[], [0.0], [1.0, -1.0], [math.nan]])
def test_weights_that_count_nowhere_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="Weights must be positive"):
        normalise(weights)


def test_the_average_is_never_weaker_than_bonferroni() -> None:
    """A metric at its own level takes the canary to its level."""
    level = alarm_level(0.01, weight=0.25)
    assert canary_log_e([level, -50.0], [1, 3]) >= alarm_level(0.01) - 1e-12


def test_e_bh_lists_what_was_worked_out_by_hand() -> None:
    """K = 4, 5 %: the k largest must be at least 80/k. 30 is listed because three are large."""
    assert e_bh(np.log([30.0, 100.0, 1.0, 45.0]), 0.05) == (0, 1, 3)
    assert e_bh(np.log([30.0, 35.0, 1.0, 2.0]), 0.05) == ()


@given(st.lists(st.integers(0, 80), min_size=1, max_size=6))
def test_closed_testing_looks_at_all_sets(whole: list[int]) -> None:
    values = [number + 0.123 for number in whole]  # no average is exactly at the level
    everybody = range(len(values))
    groups = [g for size in everybody for g in combinations(everybody, size + 1)]
    slow = tuple(
        k
        for k in everybody
        if all(np.mean([values[i] for i in group]) >= 20 for group in groups if k in group)
    )
    assert closed_testing(np.log(values), 0.05) == slow


def test_alpha_is_spent_once() -> None:
    weights = [0.5, 0.3, 0.2]
    end = sum(end_alpha(0.01, weight) for weight in weights)
    assert anytime_alpha(0.01, has_end_test=True) + end == pytest.approx(0.01)
    assert anytime_alpha(0.01, has_end_test=False) == 0.01


def test_the_end_test_is_the_binomial_tail() -> None:
    """P(Bin(10, 1/2) >= 9) = 11/1024."""
    assert conditional_binomial_p(9, 10, 0.5) == pytest.approx(11 / 1024)
    assert conditional_binomial_p(0, 0, 0.5) == 1.0
    assert conditional_binomial_p(5, 10, 0.5) == 1.0


def test_the_end_test_holds_for_a_split_that_varies() -> None:
    """Hoeffding: the tail of a sum of unlike coins is at most the binomial's with their mean."""
    coins = [0.1, 0.3, 0.5, 0.9, 0.2, 0.4]
    chance = np.array([1.0])
    for p in coins:
        chance = np.convolve(chance, [1 - p, p])
    mean = sum(coins) / 6
    for count in range(4, 7):
        assert chance[count:].sum() <= conditional_binomial_p(count, 6, mean)


@pytest.mark.parametrize(
    ("ratio", "events"), [(1.05, 15481), (1.1, 4060), (1.25, 744), (1.5, 229), (2, 81), (3, 35)]
)
def test_the_events_needed_are_those_of_the_table(ratio: float, events: int) -> None:
    assert wald_events(ratio, 0.01) == pytest.approx(events, abs=1)


@pytest.mark.parametrize(
    ("ratio", "share", "events"),
    [(1.05, 0.1, 56550), (1.1, 0.05, 27215), (1.25, 0.01, 21779), (2, 0.1, 202), (2, 0.01, 1647)],
)
def test_a_small_canary_needs_as_many_more_as_the_table_says(
    ratio: float, share: float, events: int
) -> None:
    assert events_needed(ratio, 0.01, share=share, certainty=1.35) == pytest.approx(
        events, rel=0.005
    )


def test_a_five_percent_regression_of_one_error_a_second_takes_hours() -> None:
    half, _, twentieth, _ = plan_duration(1.05, 60)
    assert half.minutes_median / 60 == pytest.approx(5.5, abs=0.3)
    assert half.minutes_most / 60 == pytest.approx(8.6, abs=0.3)
    assert twentieth.minutes_median / 60 == pytest.approx(29, abs=1)
    assert plan_duration(1.05, 60, dispersion=3)[0].minutes_most == 3 * half.minutes_most
    assert plan_duration(1.05, 0)[0].minutes_median == math.inf


def test_a_gauge_takes_no_less_than_the_floor_of_its_bets() -> None:
    deviation = math.sqrt(2 * 0.896 / 600)
    assert gauge_steps(1.05, deviation, 0.01) == 20
    assert gauge_steps(1.05, deviation, 0.01, certainty=MOST) == pytest.approx(23.1, abs=0.3)
    assert gauge_steps(1.05, 0.0, 0.01) == 20
