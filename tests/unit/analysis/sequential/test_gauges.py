"""Paired levels: bets that need symmetry and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng
from scipy.integrate import quad

from turnout.analysis.sequential.gauges import (
    BETS,
    autocorrelation,
    best_rho,
    bet_growth,
    bet_scale,
    differences,
    log_ratios,
    normal_log_e,
    normal_log_e_above,
)


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
def test_a_bet_on_a_symmetric_difference_has_mean_one(size: float, scale: float) -> None:
    growth = bet_growth(np.array([size, -size]), scale)
    assert np.exp(growth).mean(axis=0) == pytest.approx(np.ones(len(BETS)))


def test_a_bet_against_a_difference_that_leans_down_loses() -> None:
    growth = bet_growth(np.array([1.0, -1.2]), 1.5)
    assert np.all(np.exp(growth).mean(axis=0) < 1)


def test_without_any_difference_so_far_only_the_sign_counts() -> None:
    growth = bet_growth(np.array([1e-3, -7.0, 0.0]), 0.0)
    assert growth == pytest.approx(np.log1p(np.outer([1, -1, 0], BETS)))


def test_the_scale_is_that_of_the_middle_difference() -> None:
    assert bet_scale([-2.0, 0.1, 4.0]) == 3.0


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_log_ratios_do_not_depend_on_the_unit(unit: float) -> None:
    canary, baseline = default_rng(3).lognormal(0, 1, (2, 50))
    assert log_ratios(unit * canary, unit * baseline) == pytest.approx(
        log_ratios(canary, baseline), abs=1e-12
    )


def test_an_arm_at_zero_is_a_large_ratio_and_both_at_zero_are_alike() -> None:
    assert log_ratios([0, 5, 0], [0, 0, 5]).tolist() == [0, 10, -10]


def test_rounding_is_no_difference() -> None:
    assert log_ratios([0.1 + 0.2], [0.3]).tolist() == [0]
    assert differences([-(0.1 + 0.2)], [-0.3]).tolist() == [0]


@pytest.mark.parametrize("total", [-3.0, 0.5, 8.0])
def test_the_normal_mixtures_are_their_integrals(total: float) -> None:
    """Of exp(λS - λ²V/2) over λ ~ N(0, 1/rho), whole and its upper half."""
    squares, rho = 5.0, 2.0

    def weighed(bet: float) -> float:
        density = math.sqrt(rho / (2 * math.pi)) * math.exp(-rho * bet**2 / 2)
        return density * math.exp(bet * total - bet**2 * squares / 2)

    whole, above = quad(weighed, -20, 20)[0], 2 * quad(weighed, 0, 20)[0]
    assert normal_log_e(total, squares, rho) == pytest.approx(math.log(whole))
    assert normal_log_e_above(total, squares, rho) == pytest.approx(math.log(above))


def test_the_normal_mixture_has_mean_at_most_one_over_all_signs() -> None:
    sizes = np.array([0.3, 2.0, 1.1, 0.7, 5.0, 0.2])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1)
    values = np.exp(normal_log_e(sizes @ signs, np.sum(sizes**2), 3.0))
    assert 0.2 < values.mean() <= 1


def test_the_best_rho_is_the_best_one() -> None:
    planned, alpha = 50.0, 0.01

    def radius(rho: float) -> float:
        v = planned + rho
        return math.sqrt(v * (math.log(v / rho) + 2 * math.log(1 / alpha)))

    best = best_rho(planned, alpha)
    assert radius(best) < radius(best * 2)
    assert radius(best) < radius(best / 2)


def test_the_memory_of_noise_is_the_slope_on_the_difference_before() -> None:
    rng = default_rng(8)
    d = np.empty(400)
    d[0] = 0.0
    for t in range(1, 400):
        d[t] = 0.6 * d[t - 1] + rng.normal()
    d += 3.0
    plain = np.polyfit(d[:-1], d[1:], 1)[0]
    ends = d[0], d[-1]
    found = autocorrelation(np.sum(d[1:] * d[:-1]), (d.sum(), np.sum(d**2)), ends, 400)
    assert found == pytest.approx(plain + (1 + 3 * plain) / 400)


def test_an_unpredictable_past_has_no_memory_to_take_away() -> None:
    assert autocorrelation(1.0, (3.0, 9.0), (1.0, 1.0), 4) == 0.0
