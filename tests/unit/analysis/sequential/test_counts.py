"""Events in two arms: a martingale under the null, whatever the common rate does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng
from scipy.integrate import quad

from turnout.analysis.sequential.counts import (
    RATIOS,
    alternatives_above,
    beta_log_e,
    beta_log_e_above,
    exposure_share,
    log_growth,
    null_share,
    running_log_e,
)
from turnout.analysis.sequential.dispersion import estimate_dispersion
from turnout.analysis.sequential.early_pass import safety_growth
from turnout.analysis.sequential.mixtures import log_mean


def binomial(n: int, p: float) -> np.ndarray:
    return np.array([math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)])


@pytest.mark.parametrize("events", [0, 1, 2, 7])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.8])
@pytest.mark.parametrize("null", [1.0, 1.2])
def test_a_factor_has_mean_one_at_the_null_and_less_below_it(
    events: int, share: float, null: float
) -> None:
    canary = np.arange(events + 1)
    growth = log_growth(
        canary, events - canary, np.full(events + 1, share), null, alternatives_above(null)
    )
    for ratio in (null, 0.9 * null, 0.2 * null):
        chance = binomial(events, float(null_share(share, ratio)))
        means = chance @ np.exp(growth)
        if ratio == null:
            assert means == pytest.approx(np.ones(len(RATIOS)))
        else:
            assert np.all(means <= 1 + 1e-12)


@pytest.mark.parametrize(("requests_canary", "requests_baseline"), [(3, 3), (2, 9), (8, 4)])
@pytest.mark.parametrize("proportion", [0.02, 0.3, 0.7])
def test_a_factor_of_proportions_has_mean_at_most_one(
    requests_canary: int, requests_baseline: int, proportion: float
) -> None:
    null = 1.1
    share = float(exposure_share(requests_canary, requests_baseline))
    chance = np.outer(
        binomial(requests_canary, min(1.0, null * proportion)),
        binomial(requests_baseline, proportion),
    )
    canary, baseline = np.indices(chance.shape)
    growth = log_growth(
        canary, baseline, np.full(chance.shape, share), null, alternatives_above(null)
    )
    means = np.einsum("xy,xyj->j", chance, np.exp(growth))
    assert np.all(means <= 1 + 1e-12)


def test_the_means_are_taken_over_something() -> None:
    """Above the null the same factor does grow."""
    canary = np.arange(8)
    growth = log_growth(canary, 7 - canary, np.full(8, 0.5), 1.0, alternatives_above(1.0))
    assert np.all(binomial(7, 2 / 3) @ np.exp(growth) > 1)


@pytest.mark.parametrize("ratio", [1.5, 1.6, 4.0])
def test_safety_has_mean_one_at_the_harm_of_interest_and_less_above_it(ratio: float) -> None:
    canary = np.arange(6)
    growth = safety_growth(canary, 5 - canary, np.full(6, 0.3), 0.5)
    means = binomial(5, float(null_share(0.3, ratio))) @ np.exp(growth)
    if ratio == 1.5:
        assert means == pytest.approx(np.ones(len(RATIOS)))
    else:
        assert np.all(means < 1)


def test_ten_errors_against_none_are_worth_what_was_worked_out_by_hand() -> None:
    """With equal exposure each event multiplies the bet on R by 2R/(1+R)."""
    expected = math.log(sum((2 * r / (1 + r)) ** 10 for r in RATIOS) / 16)
    growth = log_growth(np.ones(10), np.zeros(10), np.full(10, 0.5), 1.0, RATIOS)
    assert running_log_e(growth)[-1] == pytest.approx(expected)


def test_the_closed_form_is_the_integral_over_the_mixture() -> None:
    events_canary, events_baseline, p, strength = 9, 4, 0.4, 10.0
    start, rest = strength * p, strength * (1 - p)
    norm = math.gamma(start) * math.gamma(rest) / math.gamma(strength)

    def weighed(theta: float) -> float:
        prior = theta ** (start - 1) * (1 - theta) ** (rest - 1) / norm
        likelihood = (theta / p) ** events_canary * ((1 - theta) / (1 - p)) ** events_baseline
        return float(prior * likelihood)

    whole, above = quad(weighed, 0, 1)[0], quad(weighed, p, 1)[0]
    prior_above = quad(lambda t: t ** (start - 1) * (1 - t) ** (rest - 1) / norm, p, 1)[0]
    assert beta_log_e(events_canary, events_baseline, p) == pytest.approx(math.log(whole))
    assert beta_log_e_above(events_canary, events_baseline, p) == pytest.approx(
        math.log(above / prior_above)
    )


def test_a_fine_grid_comes_to_the_closed_form() -> None:
    events_canary, events_baseline, strength = 30, 12, 10.0
    theta = (np.arange(20000) + 0.5) / 20000
    prior = (theta * (1 - theta)) ** (strength / 2 - 1)
    growth = log_growth(
        np.array([events_canary]),
        np.array([events_baseline]),
        np.array([0.5]),
        1.0,
        theta / (1 - theta),
    )[0]
    grid = log_mean(growth, prior / prior.sum())
    assert grid == pytest.approx(beta_log_e(events_canary, events_baseline, 0.5), abs=1e-6)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=20),
    st.sampled_from([1e-6, 1e-3, 1e6]),
)
def test_the_unit_of_the_exposure_does_not_matter(
    steps: list[tuple[int, int]], unit: float
) -> None:
    canary, baseline = np.array(steps).T
    exposure = default_rng(5).uniform(0.5, 2, (2, len(steps)))

    def growth(scale: float) -> np.ndarray:
        share = exposure_share(exposure[0] * scale, exposure[1] * scale)
        return log_growth(canary, baseline, share, 1.0, RATIOS)

    assert growth(unit) == pytest.approx(growth(1.0))


def test_equal_arms_under_shared_waves_seldom_reach_the_level() -> None:
    """Ville's inequality: at most 5 % of runs ever do. The bound leaves four standard errors."""
    rng = default_rng(11)
    runs, steps = 1500, 120
    rate = 3 * np.exp(rng.normal(0, 0.7, (runs, steps)))
    share = np.full((runs, steps), 0.5)
    growth = log_growth(rng.poisson(rate), rng.poisson(rate), share, 1.0, RATIOS)
    alarms = np.mean(running_log_e(growth).max(axis=1) >= math.log(20))
    assert 0.002 < alarms < 0.05 + 4 * math.sqrt(0.05 * 0.95 / runs)


def test_a_doubled_rate_is_found() -> None:
    rng = default_rng(12)
    share = np.full((300, 120), 0.5)
    growth = log_growth(
        rng.poisson(6, share.shape), rng.poisson(3, share.shape), share, 1.0, RATIOS
    )
    assert np.mean(running_log_e(growth).max(axis=1) >= math.log(100)) > 0.97


def test_dispersion_is_the_ratio_of_sums() -> None:
    """(3-1)² + (0-4)² over 4 + 4; a step with no figures does not count."""
    nan = math.nan
    assert estimate_dispersion([3, 0, nan], [9, 9, 9], [1, 4, 2], [9, 9, 9]) == 20 / 8
    assert estimate_dispersion([2, 3], [1, 1], [2, 3], [1, 1]) == 1.0
    assert estimate_dispersion([], [], [], []) == 1.0


def test_dispersion_finds_the_size_of_bursts_even_when_events_are_rare() -> None:
    """Bursts of exactly five: the variance is five times that of single events."""
    rng = default_rng(13)
    a, b = 5 * rng.poisson(0.05, (2, 40000))
    ones = np.ones(40000)
    assert estimate_dispersion(a, ones, b, ones) == pytest.approx(5, rel=0.1)
