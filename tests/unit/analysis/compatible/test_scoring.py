"""Section 9."""

from __future__ import annotations

import pytest

from tests.unit.analysis.compatible.builders import THRESHOLDS, config, result
from turnout.analysis.compatible.scoring import score
from turnout.model.canary.configuration import ScoreThresholds
from turnout.model.canary.result import GroupScore, MetricResult, Score, Verdict


def total(*results: MetricResult, weights: dict[str, float] | None = None) -> Score:
    return score(results, config(weights=weights), THRESHOLDS)[1]


def groups(*results: MetricResult) -> dict[str, float]:
    return {group.name: group.score for group in score(results, config(), THRESHOLDS)[0]}


def test_a_group_scores_by_its_share_of_passes() -> None:
    found = groups(
        result("Pass", "a", "b"),
        result("High", "a"),
        result("NodataFailMetric", "a"),
        result("Low", "b"),
    )
    assert found == {"a": pytest.approx(100 / 3), "b": 50.0}


def test_missing_data_and_errors_are_not_counted_in_a_group() -> None:
    assert groups(result("Pass", "a"), result("Nodata", "a"), result("Error", "a")) == {"a": 100.0}


def test_a_group_without_data_shows_0_and_counts_100() -> None:
    results = result("Error", "a"), result("Pass", "b"), result("Pass", "b")
    assert groups(*results) == {"a": 0.0, "b": 100.0}
    assert total(*results).score == 100.0


def test_the_texts_of_a_group_stay_empty() -> None:
    (group,), _ = score([result("Pass", "a")], config(), THRESHOLDS)
    assert group == GroupScore(name="a", score=100.0, classification="", classification_reason="")


def test_a_canary_whose_only_metric_is_an_error_scores_100() -> None:
    assert total(result("Error", "a")) == Score(
        score=100.0, classification=Verdict.PASS, classification_reason=""
    )


def test_a_critical_failure_ends_it_with_the_reason_of_the_first() -> None:
    found = total(
        result("Pass", "a", critical=True),
        result("High", "a"),
        result("Low", "a", critical=True, reason="because"),
        result("High", "a", critical=True, reason="too late"),
    )
    assert found == Score(
        score=0.0, classification=Verdict.FAIL, classification_reason="Canary Failed: because"
    )


def test_a_critical_failure_without_a_reason_says_null() -> None:
    found = total(result("Nodata", "a", critical=True))
    assert found.classification_reason == "Canary Failed: null"


def test_half_of_the_metrics_without_data_fail_the_canary() -> None:
    half = total(result("Nodata", "a"), result("Pass", "a"))
    assert half.score == 0.0
    assert half.classification_reason == "Canary Failed: 50% or more metrics returned NODATA"
    less = total(result("Nodata", "a"), result("Pass", "a"), result("Pass", "a"))
    assert less.score == 100.0
    failed = total(result("NodataFailMetric", "a"), result("Pass", "a"))
    assert (failed.score, failed.classification_reason) == (50.0, "")


def test_no_metric_at_all_scores_nothing_and_says_nothing() -> None:
    assert total() == Score(score=0.0, classification=Verdict.FAIL, classification_reason="")


def test_muted_metrics_change_nothing() -> None:
    muted = result("High", "a", "quiet", critical=True, muted=True)
    assert total(muted, result("Pass", "a")).score == 100.0
    assert groups(muted, result("Pass", "a")) == {"a": 100.0}


A_FAILS = (result("High", "a"), result("Pass", "b"), result("Pass", "c"))


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (None, 66.67),
        ({"a": 40}, 60.0),
        ({"a": 40, "b": 50}, 60.0),
        ({"b": 50, "c": 50}, 100.0),
        ({"b": 60, "c": 60}, 120.0),
        ({"b": 10, "c": 10, "a": 10}, 20.0),
        ({"elsewhere": 40}, 40.0),
        ({"a": 140}, -40.0),
    ],
)
def test_weights_are_taken_as_they_are(weights: dict[str, float] | None, expected: float) -> None:
    assert total(*A_FAILS, weights=weights).score == expected


def test_halves_are_rounded_away_from_zero_as_they_are_written() -> None:
    # 0.125 per cent of 100; binary rounding to even would give 0.12.
    assert total(result("Pass", "a"), weights={"a": 0.125}).score == 0.13
    # The double nearest to 1.005 lies below it; what is written decides.
    assert total(result("Pass", "a"), weights={"a": 1.005}).score == 1.01
    assert total(result("Pass", "a"), weights={"a": -0.125}).score == -0.13


def test_metrics_without_a_group_reach_nothing() -> None:
    assert total(result("Pass")).score == 0.0


@pytest.mark.parametrize(
    ("pass_", "marginal", "expected"),
    [
        (50.0, 50.0, Verdict.PASS),
        (50.01, 50.0, Verdict.MARGINAL),
        (95.0, 50.01, Verdict.FAIL),
    ],
)
def test_the_verdict_follows_the_thresholds_of_the_request(
    pass_: float, marginal: float, expected: Verdict
) -> None:
    thresholds = ScoreThresholds(pass_=pass_, marginal=marginal)
    _, found = score([result("Pass", "a"), result("High", "a")], config(), thresholds)
    assert found.classification is expected
