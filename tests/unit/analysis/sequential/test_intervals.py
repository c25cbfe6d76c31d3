"""Confidence sequences of ratios, shifts, quantiles and means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.random import default_rng

from turnout.analysis.sequential.counts import RATIOS, exposure_share, log_growth
from turnout.analysis.sequential.gauge_evidence import add_gauge, no_gauge
from turnout.analysis.sequential.means import asymptotic_radius, normal_mixture_radius
from turnout.analysis.sequential.metric import Kind, Metric
from turnout.analysis.sequential.mixtures import log_mean, log_two_sided
from turnout.analysis.sequential.quantiles import (
    dkw_radius,
    equality_log_e,
    log_martingale,
    quantile_interval,
    stitched_radius,
)
from turnout.analysis.sequential.ratio_interval import EDGE, RatioInterval, narrow


def two_sided(ratio: float, canary: np.ndarray, baseline: np.ndarray, share: np.ndarray) -> float:
    """Straight from the definition, step by step."""
    ways = [
        log_mean(log_growth(canary, baseline, share, ratio, others).sum(axis=0))
        for others in (ratio * RATIOS, ratio / RATIOS)
    ]
    return float(log_two_sided(*ways))


def test_the_ends_of_the_sequence_are_where_the_evidence_reaches_its_level() -> None:
    """One look, so that no intersection hides them; the exposures differ from step to step."""
    rng = default_rng(21)
    exposure = rng.uniform(50, 400, (2, 40))
    canary, baseline = rng.poisson(0.03 * 1.5 * exposure[0]), rng.poisson(0.03 * exposure[1])
    share = exposure_share(*exposure)
    _, bounds = narrow(RatioInterval(), canary * 1.0, canary + baseline * 1.0, share, 0.05)
    ends = bounds.low[-1], bounds.high[-1]
    assert -EDGE < ends[0] < bounds.estimate[-1] < ends[1] < EDGE
    for end, before in zip(ends, (bounds.low[-2], bounds.high[-2]), strict=True):
        evidence = two_sided(math.exp(end), canary, baseline, share)
        is_new = end != before
        assert evidence == pytest.approx(math.log(20), abs=0.01) if is_new else True
    assert two_sided(math.exp(bounds.low[-1] - 0.05), canary, baseline, share) > math.log(20) - 1
    lowest = min(two_sided(r, canary, baseline, share) for r in np.linspace(1.2, 1.9, 30))
    assert lowest < 0


def test_a_first_step_is_bounded_exactly_where_the_definition_says() -> None:
    canary, baseline, share = np.array([60.0]), np.array([30.0]), np.array([0.4])
    _, bounds = narrow(RatioInterval(), canary, canary + baseline, share, 0.05)
    for end in (bounds.low[0], bounds.high[0]):
        assert two_sided(math.exp(end), canary, baseline, share) == pytest.approx(
            math.log(20), abs=1e-3
        )
    assert math.exp(bounds.estimate[0]) == pytest.approx(60 / 30 * 0.6 / 0.4, rel=0.002)


def test_without_events_nothing_is_bounded() -> None:
    _, bounds = narrow(RatioInterval(), np.zeros(3), np.zeros(3), np.full(3, 0.5), 0.05)
    assert bounds.low.tolist() == [-EDGE] * 3
    assert bounds.high.tolist() == [EDGE] * 3
    assert np.isnan(bounds.estimate).all()


def test_the_true_ratio_seldom_leaves_its_sequence() -> None:
    """At most 5 % of runs at any time; four standard errors are left."""
    rng = default_rng(22)
    missed = 0
    for _ in range(30):
        canary, baseline = rng.poisson([[16.0], [8.0]], (2, 15)).astype(np.float64)
        _, bounds = narrow(RatioInterval(), canary, canary + baseline, np.full(15, 0.5), 0.05)
        missed += not bounds.low[-1] <= math.log(2) <= bounds.high[-1]
    assert missed <= 6


@pytest.mark.parametrize("prewhiten", [False, True])
def test_the_shift_of_a_gauge_is_within_its_sequence(prewhiten: bool) -> None:
    rng = default_rng(23)
    metric = Metric("cpu", Kind.GAUGE, prewhiten=prewhiten)
    missed = 0
    for _ in range(15):
        moved = math.log(1.2) + rng.normal(0, 0.1, 50)
        evidence, _ = add_gauge(metric, no_gauge(metric), moved, beta=0.05, planned=50)
        interval = evidence.interval
        missed += not interval.low <= math.log(1.2) <= interval.high
        assert interval.high - interval.low < 0.3
    assert missed <= 4


def test_the_quantile_is_a_martingale() -> None:
    """The mean over the next sample, which is below the quantile with probability p."""
    p = 0.9
    for below, count in ((0, 0), (3, 5), (40, 42)):
        here = np.exp(log_martingale(below, count, p))
        up, stay = np.exp(log_martingale([below + 1, below], count + 1, p))
        assert p * up + (1 - p) * stay == pytest.approx(here)


def test_a_quantile_is_bounded_by_samples() -> None:
    samples = np.sort(default_rng(24).exponential(1, 4000))
    low, high = quantile_interval(samples, 0.9, 0.05)
    assert low < math.log(10) < high
    assert high - low < 0.5
    assert quantile_interval(samples[:5], 0.9, 0.05) == (-math.inf, math.inf)


def test_other_quantiles_are_told_apart_and_equal_ones_are_not() -> None:
    rng = default_rng(25)
    baseline, same = np.sort(rng.exponential(1, (2, 2000)))
    assert equality_log_e(same, baseline, 0.9) < math.log(100)
    assert equality_log_e(1.4 * same, baseline, 0.9) > math.log(100)


def test_ties_are_no_difference() -> None:
    samples = np.repeat([10.0, 20.0, 30.0], 400)
    assert equality_log_e(samples, samples, 0.5) <= 0


def test_bands_shrink_and_the_closed_forms_are_the_wider_ones() -> None:
    counts = np.array([100, 1000, 4000])
    assert np.all(np.diff(dkw_radius(counts, 0.05)) < 0)
    ranks = np.arange(4001)
    alive = np.flatnonzero(log_martingale(ranks, 4000, 0.9) < math.log(20))
    exact = (alive[-1] - alive[0]) / 4000 / 2
    assert 1.4 < stitched_radius(4000, 0.9, 0.05) / exact < 1.9


def test_the_asymptotic_sequence_costs_what_the_specification_says() -> None:
    """1.55 times the fixed interval at 1000 samples, tuned for them."""
    assert asymptotic_radius(1000, 1.0, 0.05, 1000) * math.sqrt(1000) / 1.96 == pytest.approx(
        1.55, abs=0.03
    )


def test_both_forms_of_the_normal_mixture_are_one_curve() -> None:
    eta2 = 0.01
    t = np.array([10.0, 100.0, 1000.0])
    ours = normal_mixture_radius(t, 1 / eta2, 0.05) / t
    inner = t * eta2 + 1
    theirs = np.sqrt(2 * inner / (t**2 * eta2) * np.log(np.sqrt(inner) / 0.05))
    assert ours == pytest.approx(theirs)
