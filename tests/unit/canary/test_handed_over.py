"""Kayenta's documents, judged by either judge."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from turnout.canary.handed_over import judge_document, judge_of, judge_pairs
from turnout.model.canary.configuration import COMPATIBLE_JUDGE, SEQUENTIAL_JUDGE, JudgeChoice
from turnout.model.canary.document import read_document
from turnout.model.canary.request import JudgeRequest
from turnout.model.canary.result import JudgeResult
from turnout.model.errors import InvalidDocument

REQUESTS = {"type": "prometheus", "metricName": "requests"}


def metric(name: str, **options: Any) -> dict[str, Any]:
    return {
        "name": name,
        "groups": [name],
        "query": {"type": "prometheus", "metricName": name},
        "analysisConfigurations": {"canary": {"direction": "increase", **options}},
    }


ERRORS = metric("errors", kind="proportion", critical=True) | {"exposureQuery": REQUESTS}
MUTED = metric("requests", muted=True)
CPU = metric("cpu", kind="gauge")


def pair(name: str, control: list[Any], experiment: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "id": name,
        "values": {"control": control, "experiment": experiment},
        **more,
    }


def judged(metrics: list[Any], pairs: list[Any], judge: str = SEQUENTIAL_JUDGE) -> JudgeResult:
    document: Any = {
        "canaryConfig": {"name": "shop", "judge": {"name": judge}, "metrics": metrics},
        "scoreThresholds": {"pass": 95, "marginal": 75},
        "metricSetPairList": pairs,
    }
    return judge_pairs(read_document(JudgeRequest, document))


def failing(seed: int, rate: float, n: int = 60) -> list[int]:
    """Errors of 300 requests a step."""
    draw = random.Random(seed)
    return [sum(draw.random() < rate for _ in range(300)) for _ in range(n)]


def test_a_harmful_proportion_is_high_and_critical_and_the_score_is_0() -> None:
    result = judged(
        [ERRORS, MUTED],
        [
            pair("errors", failing(1, 0.01), failing(2, 0.04)),
            pair("requests", [300] * 60, [300] * 60),
        ],
    )
    errors, requests = result.results
    assert (errors.classification, errors.critical) == ("High", True)
    assert "of 18,000 requests in the canary" in str(errors.classification_reason)
    assert (requests.classification, requests.muted) == ("Pass", True)
    assert (result.score.score, result.score.classification) == (0.0, "Fail")
    assert result.judge_name == SEQUENTIAL_JUDGE


def test_exposures_that_differ_are_not_taken_for_errors() -> None:
    few = [n // 2 for n in failing(3, 0.02)]
    result = judged(
        [ERRORS, MUTED],
        [pair("errors", few, failing(4, 0.02)), pair("requests", [150] * 60, [300] * 60)],
    )
    assert (result.results[0].classification, result.score.score) == ("Pass", 100.0)


def test_a_metric_without_samples_has_nodata_and_the_canary_is_inconclusive() -> None:
    result = judged([CPU], [pair("cpu", ["NaN"] * 30, ["NaN"] * 30)])
    assert result.results[0].classification == "Nodata"
    assert result.score.score == 0.0
    assert result.score.classification_reason.startswith("Inconclusive: ")
    must = metric("cpu", kind="gauge", mustHaveData=True)
    result = judged([must], [pair("cpu", ["NaN"] * 30, ["NaN"] * 30)])
    assert result.results[0].classification == "NodataFailMetric"


LEVEL = [50.0 + (n * 7) % 5 for n in range(60)]


@pytest.mark.parametrize(
    "missing",
    [
        metric("disk", kind="gauge", critical=True, mustHaveData=True),
        metric("disk", kind="count", critical=True, mustHaveData=True),
        metric("disk", kind="proportion", critical=True, mustHaveData=True),
        metric("disk", kind="latency", critical=True, mustHaveData=True),
    ],
)
def test_a_metric_without_a_pair_counts_as_one_without_samples(missing: dict[str, Any]) -> None:
    cpu = pair("cpu", LEVEL, LEVEL[::-1])
    assert judged([CPU], [cpu]).score.score == 100.0
    found = judged([CPU, missing], [cpu])
    assert [one.classification for one in found.results] == ["Pass", "NodataFailMetric"]
    assert found.score.score == 0.0
    assert found.score.classification_reason.startswith("Inconclusive: ")
    same = judged([CPU, missing], [cpu, pair("disk", [], [])])
    assert same == found


def test_the_compatible_judge_judges_the_pairs_that_it_is_sent() -> None:
    must = metric("disk", critical=True, mustHaveData=True)
    found = judged([CPU, must], [pair("cpu", LEVEL, LEVEL[::-1])], COMPATIBLE_JUDGE)
    assert [one.name for one in found.results] == ["cpu"]


def test_requests_that_nobody_sent_are_still_missed() -> None:
    with pytest.raises(InvalidDocument, match="kind proportion needs the requests as well"):
        judged([ERRORS, MUTED], [pair("errors", [1], [1])])


def test_a_proportion_without_its_requests_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="kind proportion needs the requests as well"):
        judged([ERRORS], [pair("errors", [1], [1])])


def test_a_pair_without_a_metric_names_the_nearest() -> None:
    with pytest.raises(InvalidDocument) as refused:
        judged([CPU], [pair("cpus", [1], [1])])
    assert refused.value.problems[0].nearest == "cpu"


def test_pairs_of_one_metric_with_several_tags_are_judged_one_by_one() -> None:
    result = judged(
        [CPU],
        [
            pair("cpu", LEVEL, LEVEL[::-1], tags={"zone": "a"}),
            pair("cpu", LEVEL, [2 * v for v in LEVEL[::-1]], tags={"zone": "b"}),
        ],
    )
    assert [found.classification for found in result.results] == ["Pass", "High"]


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        (None, COMPATIBLE_JUDGE),
        (JudgeChoice(), COMPATIBLE_JUDGE),
        (JudgeChoice(name=SEQUENTIAL_JUDGE), SEQUENTIAL_JUDGE),
        (JudgeChoice(name="RemoteJudge-v1.0"), COMPATIBLE_JUDGE),
        (
            JudgeChoice(name="RemoteJudge-v1.0", judge_configurations={"judge": SEQUENTIAL_JUDGE}),
            SEQUENTIAL_JUDGE,
        ),
    ],
)
def test_the_judge_is_the_one_that_is_named(choice: JudgeChoice | None, meant: str) -> None:
    assert judge_of(choice) == meant


def test_an_unknown_judge_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidDocument) as refused:
        judge_of(JudgeChoice(name="turnout-sequentia"))
    assert refused.value.problems[0].nearest == SEQUENTIAL_JUDGE


def test_figures_that_are_not_finite_are_texts_in_the_answer() -> None:
    document = {
        "canaryConfig": {"metrics": [CPU]},
        "scoreThresholds": {"pass": 95, "marginal": 75},
        "metricSetPairList": [pair("cpu", [0, 0, 0, 0], [1, 2, 3, 4])],
    }
    answer = json.loads(judge_document(json.dumps(document).encode(), lambda _doing, _done: None))
    assert answer["results"][0]["resultMetadata"] == {"ratio": "NaN"}
