"""A whole judgement, from documents to a document."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from tests.unit.analysis.compatible.builders import THRESHOLDS, config, metric, pair
from turnout.analysis.compatible import judge
from turnout.model.canary.document import write_document
from turnout.model.canary.result import Classification, MetricResult, Verdict
from turnout.model.errors import InvalidDocument


def samples(mean: float, seed: int, n: int = 60) -> list[float]:
    found: list[float] = np.random.default_rng(seed).normal(mean, 1, n).tolist()
    return found


def judged(control: list[Any], experiment: list[Any], **canary: Any) -> MetricResult:
    found = judge(config(metric(**canary)), [pair(control, experiment)], THRESHOLDS)
    return found.results[0]


def test_the_result_is_written_as_kayenta_writes_it() -> None:
    found = judge(
        config(metric("cpu", ["system"], muted=None), metric("lost", [])),
        [
            pair([1, "NaN", 3], [3, 1], tags={"zone": "a"}),
            pair([], [1, 3], name="lost"),
        ],
        THRESHOLDS,
    )
    assert json.loads(write_document(found)) == {
        "judgeName": "NetflixACAJudge-v1.0",
        "results": [
            {
                "name": "cpu",
                "id": "p-1",
                "tags": {"zone": "a"},
                "classification": "Pass",
                "classificationReason": "The Canary and Baseline data are identical",
                "groups": ["system"],
                "experimentMetadata": {
                    "stats": {"min": 1, "max": 3, "mean": 2, "std": math.sqrt(2), "count": 2}
                },
                "controlMetadata": {
                    "stats": {"min": 1, "max": 3, "mean": 2, "std": math.sqrt(2), "count": 2}
                },
                "resultMetadata": {"ratio": 1},
                "critical": False,
                "muted": False,
            },
            {
                "name": "lost",
                "id": "p-1",
                "tags": {},
                "classification": "Nodata",
                "classificationReason": "Missing data for lost",
                "groups": [],
                "experimentMetadata": {
                    "stats": {"min": 1, "max": 3, "mean": 2, "std": math.sqrt(2), "count": 2}
                },
                "controlMetadata": {"stats": {"min": 0, "max": 0, "mean": 0, "std": 0, "count": 0}},
                "resultMetadata": {"ratio": 1},
                "critical": False,
                "muted": False,
            },
        ],
        "groupScores": [
            {"name": "system", "score": 100, "classification": "", "classificationReason": ""}
        ],
        "score": {
            "score": 0,
            "classification": "Fail",
            "classificationReason": "Canary Failed: 50% or more metrics returned NODATA",
        },
    }


def test_a_ratio_that_is_no_number_is_written_as_text() -> None:
    found = judged([0.0] * 60, samples(100, 1))
    assert json.loads(write_document(found))["resultMetadata"] == {"ratio": "NaN"}


def test_a_metric_that_has_no_order_is_an_error_without_a_ratio() -> None:
    # One point against one: the noise decides between High, Low and Error, so several are tried.
    found = [judged([3 + k], [5 + 3 * k], critical=True) for k in range(40)]
    errors = [one for one in found if one.classification is Classification.ERROR]
    assert errors
    for error in errors:
        assert error.classification_reason == "Metric Classification Failed"
        assert not error.critical
        assert "resultMetadata" not in json.loads(write_document(error))
        assert error.control_metadata.stats is not None


def test_replaced_samples_are_zeros_for_both_sides_alone() -> None:
    found = judged(["NaN", "NaN"], [0, 0, 0], nanStrategy="replace", mustHaveData=True)
    assert found.classification is Classification.PASS
    assert found.control_metadata.stats is not None
    assert found.control_metadata.stats.count == 2


def test_results_keep_the_order_of_the_pairs_and_the_first_configuration_counts() -> None:
    first, second = metric("a", ["one"]), metric("a", ["two"], critical=True)
    pairs = [pair([1], [1], name=name, id=f"{n}") for n, name in enumerate("baa")]
    found = judge(config(metric("b"), first, second), pairs, THRESHOLDS)
    assert [(one.name, one.id, one.groups) for one in found.results] == [
        ("b", "0", ("system",)),
        ("a", "1", ("one",)),
        ("a", "2", ("one",)),
    ]


def test_each_tag_of_a_metric_counts_by_itself() -> None:
    good = pair(samples(100, 1), samples(100, 2))
    bad = pair(samples(100, 3), samples(120, 4))
    found = judge(config(metric()), [good, bad], THRESHOLDS)
    assert found.score.score == 50.0


def test_a_pair_without_a_metric_fails_the_judgement() -> None:
    with pytest.raises(InvalidDocument) as refused:
        judge(config(metric("cpu_user")), [pair([1], [2], name="cpu_usr")], THRESHOLDS)
    assert refused.value.problems[0].nearest == "cpu_user"


@pytest.mark.parametrize(
    "canary",
    [
        {"critical": "true"},
        {"muted": 1},
        {"direction": None},
        {"direction": 5},
        {"nanStrategy": None},
        {"outliers": {"strategy": None}},
        {"outliers": {"outlierFactor": "3"}},
        {"outliers": {"strategy": "remove", "outlierFactor": 0}},
        {"outliers": {"strategy": "remove", "outlierFactor": None}},
        {"outliers": [{"strategy": "remove"}]},
        {"effectSize": {"measure": None}},
        {"effectSize": {"allowedIncrease": "1.1"}},
        {"effectSize": {"allowedIncrease": True}},
    ],
)
def test_an_option_of_the_wrong_type_fails_the_judgement(canary: dict[str, Any]) -> None:
    with pytest.raises(InvalidDocument):
        judged([1], [1], **canary)


@pytest.mark.parametrize(
    "canary",
    [
        {"critical": None},
        {"outliers": None},
        {"effectSize": None},
        {"outliers": 3},
        {"outliers": [{"else": 1}]},
        {"outliers": {"outlierFactor": None}},
        {"direction": "sideways"},
        {"effectSize": {"measure": "Cles"}},
    ],
)
def test_what_the_reference_takes_for_a_default_is_taken(canary: dict[str, Any]) -> None:
    assert judged([1], [1], **canary).classification is Classification.PASS


def test_thresholds_in_the_configuration_are_not_read() -> None:
    document = config(metric())
    lax = document.model_validate(
        {"metrics": [metric()], "classifier": {"scoreThresholds": {"pass": 0, "marginal": 0}}}
    )
    found = judge(lax, [pair(samples(100, 1), samples(120, 2))], THRESHOLDS)
    assert found.score.classification is Verdict.FAIL


def test_infinite_samples_make_no_noise_beside_a_pass() -> None:
    found = judged([*samples(100, 1), "Infinity"], samples(120, 2))
    assert found.classification is Classification.PASS
    assert found.control_metadata.stats is not None
    assert found.control_metadata.stats.max == math.inf
