"""Canaries that are judged at intervals, over HTTP: comparisons, and Kayenta's own request."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.api.parts import Parts, build_parts
from tests.unit.api.test_canary_past import NOW, history, post
from turnout.model.analysis import AnalysisRecord, AnalysisVerdict
from turnout.model.errors import Temporary

CONFIG = """\
applications: [shop]
judge: {name: NetflixACAJudge-v1.0}
metrics:
  - name: errors
    query: {type: router, metricName: errors}
    groups: [errors]
    scopeName: default
    analysisConfigurations: {canary: {direction: increase}}
"""
MINE = {"text": CONFIG, "name": "mine.yaml"}
MINUTE = timedelta(minutes=1)
GROUPS = {"experiment": "shop-v002", "control": "shop-v001", "cluster": "shop", "config": MINE}
PAST = {**GROUPS, "start": (NOW - 60 * MINUTE).isoformat(), "duration": "PT40M", "every": "PT20M"}
METRIC = {
    "name": "errors",
    "query": {"type": "router", "metricName": "errors"},
    "groups": ["errors"],
    "scopeName": "default",
    "analysisConfigurations": {"canary": {"direction": "increase"}},
}
REQUEST: dict[str, Any] = {
    "scopes": [
        {
            "controlScope": "shop-v001",
            "controlLocation": "shop",
            "experimentScope": "shop-v002",
            "experimentLocation": "shop",
            "startTimeIso": "2026-01-01T01:00:00Z",
            "endTimeIso": "2026-01-01T01:40:59Z",
            "step": 30,
            "extendedScopeParams": {"team": "checkout"},
        }
    ],
    "thresholds": {"pass": 95, "marginal": 75},
    "analysisIntervalMins": 20,
    "siteLocal": {"ticket": 7},
}
PASSED = "Final canary score 100.0 met or exceeded the pass score threshold."


def noisy(figure: str, group: str, at: datetime) -> float:
    """Some errors, ten times as many in shop-v002 from an hour before NOW plus 20 minutes on."""
    second = int(at.timestamp())
    usual = 5 + second * 7919 % 11
    is_bad = group == "shop-v002" and at >= NOW - 40 * MINUTE
    return float(usual * (10 if is_bad else 1)) if figure == "errors" else math.nan


async def begun(parts: Parts, body: dict[str, Any], path: str = "comparisons") -> AnalysisRecord:
    answer = await post(parts, path, body)
    assert answer.status_code == 200, answer.text
    return AnalysisRecord.model_validate_json(answer.text)


async def ended(parts: Parts, record: AnalysisRecord) -> AnalysisRecord:
    """After all judgements that are due now."""
    for _ in range(20):
        before, record = record, await parts.backend.intervals.advance(record.analysis.id)
        if before == record:
            break
    return record


def scores(record: AnalysisRecord) -> list[float | None]:
    assert record.intervals
    return [window.score for window in record.intervals.windows]


async def test_a_time_that_has_passed_is_judged_window_by_window() -> None:
    parts = await history()
    record = await begun(parts, PAST)
    assert (record.finding.verdict, scores(record)) == (AnalysisVerdict.RUNNING, [None, None])
    assert record.finding.sentence == ("Judgement 1 of 2 is due at 2026-01-01 02:20:00 UTC.")
    record = await ended(parts, record)
    assert scores(record) == [100.0, 100.0]
    assert (record.finding.verdict, record.finding.sentence) == (AnalysisVerdict.PASS, PASSED)
    assert record.ended_at == NOW - 20 * MINUTE


async def test_a_score_that_is_not_above_the_marginal_one_ends_it() -> None:
    parts = await history()
    parts.figures.value = noisy
    record = await ended(
        parts, await begun(parts, {**PAST, "duration": "PT60M", "lookback": "PT20M"})
    )
    assert scores(record) == [100.0, 0.0, None]
    assert record.finding.verdict is AnalysisVerdict.FAIL
    assert record.finding.sentence.startswith(
        "Final canary score 0.0 is not above the marginal score threshold."
    )
    assert record.ended_at == NOW - 20 * MINUTE


async def test_what_is_to_come_is_judged_when_its_time_has_come() -> None:
    parts = await history()
    record = await ended(parts, await begun(parts, {**GROUPS, "every": "PT5M"}))
    assert (record.began_at, scores(record)) == (NOW, [None, None, None])
    parts.world.pass_time(5 * MINUTE)
    assert scores(await ended(parts, record)) == [None, None, None]  # figures may come late
    parts.world.pass_time(timedelta(seconds=10))
    record = await ended(parts, record)
    assert scores(record) == [100.0, None, None]
    assert record.finding.sentence == (
        "Judgement 1 of 3: score 100.0, Pass. Judgement 2 of 3 is due at 2026-01-01 03:10:00 UTC."
    )
    parts.world.pass_time(10 * MINUTE)
    assert (await ended(parts, record)).finding.verdict is AnalysisVerdict.PASS


async def test_the_report_lists_every_judgement_and_shows_the_last_one() -> None:
    parts = await history()
    parts.figures.value = noisy
    body = {**PAST, "duration": "PT60M", "lookback": "PT10M", "begin_after": "PT1M"}
    record = await ended(parts, await begun(parts, body))
    async with parts.client() as client:
        report = (await client.get(f"/canaries/{record.analysis.id}")).json()
        page = (await client.get(f"/canaries/{record.analysis.id}/page")).text
    windows = [
        (w["number"], w["start"][11:16], w["end"][11:16], w["score"], w["verdict"])
        for w in report["windows"]
    ]
    assert windows == [
        (1, "02:11", "02:21", 100.0, "Pass"),
        (2, "02:31", "02:41", 0.0, "Fail"),
        (3, "02:51", "03:01", None, ""),
    ]
    assert (report["score"], report["metrics"][0]["counted"]["steps"]) == (0.0, 50)
    assert report["headline"] == "The canary failed: shop-v002 scored 0 of 100."
    assert "3 judgements" in page
    assert "not made" in page


async def test_before_the_first_judgement_a_report_has_no_score() -> None:
    parts = await history()
    record = await begun(parts, {**GROUPS, "every": "PT5M"})
    async with parts.client() as client:
        report = (await client.get(f"/canaries/{record.analysis.id}")).json()
        page = await client.get(f"/canaries/{record.analysis.id}/page")
    assert (report["score"], report["metrics"]) == (None, [])
    assert (report["headline"], page.status_code) == (
        "Still comparing shop-v002 with shop-v001: nothing is decided yet.",
        200,
    )


async def test_a_person_may_end_it() -> None:
    parts = await history()
    record = await begun(parts, {**GROUPS, "every": "PT5M"})
    said = {"choice": "fail", "by": "anna", "comment": "enough"}
    async with parts.client() as client:
        await client.post(f"/canaries/{record.analysis.id}/judgment", json=said)
    record = await ended(parts, record)
    assert record.finding.verdict is AnalysisVerdict.FAIL
    assert record.finding.sentence.startswith("anna said fail (enough)")


async def test_the_group_before_the_switch_is_looked_at_before_it_in_all_windows() -> None:
    parts = await history()
    body = {"cluster": "shop", "config": MINE, "before": True, "duration": "PT30M"}
    record = await begun(parts, {**body, "every": "PT10M", "begin_after": "PT5M"})
    switched = NOW - 60 * MINUTE
    assert (record.began_at, record.planned_end) == (
        switched + 5 * MINUTE,
        switched + 35 * MINUTE,
    )
    assert record.analysis.control_offset == 35 * MINUTE  # it ends when the switch begins
    assert (await ended(parts, record)).finding.verdict is AnalysisVerdict.PASS


async def test_few_data_points_are_warned_of() -> None:
    parts = await history()
    coarse = CONFIG.replace("direction: increase", "direction: increase, step: 60")
    body = {**PAST, "config": {"text": coarse, "name": "mine.yaml"}}
    record = await ended(parts, await begun(parts, body))
    assert record.finding.sentence == (
        f"{PASSED} One of the metrics returned fewer than 50 data points, which can reduce"
        " confidence in the final canary score."
    )


async def test_figures_that_cannot_be_had_are_waited_for_and_are_no_fail() -> None:
    parts = await history()
    parts.figures.trouble = Temporary("prometheus answers 503")
    record = await ended(parts, await begun(parts, PAST))
    assert record.finding.sentence == (
        "Judgement 1 waits for figures: errors: prometheus answers 503"
    )
    parts.world.pass_time(4 * MINUTE)
    assert (await ended(parts, record)).ended_at is None
    parts.world.pass_time(MINUTE)
    assert (await ended(parts, record)).finding.verdict is AnalysisVerdict.ERROR


async def test_figures_that_come_back_are_judged() -> None:
    parts = await history()
    parts.figures.trouble = Temporary("prometheus answers 503")
    record = await ended(parts, await begun(parts, PAST))
    parts.figures.trouble = None
    assert (await ended(parts, record)).finding.verdict is AnalysisVerdict.PASS


async def test_a_group_without_figures_fails_by_the_rules_of_the_reference() -> None:
    parts = await history()
    record = await ended(parts, await begun(parts, {**PAST, "experiment": "shop-v009"}))
    assert record.finding.sentence.startswith(
        "Final canary score 0.0 is not above the marginal score threshold. Canary Failed: 50% or "
        "more metrics returned NODATA."
    )


async def test_our_own_judge_refuses_intervals_and_says_what_to_do_instead() -> None:
    answer = await post(await history(), "comparisons", {**PAST, "config": {"name": "default"}})
    problem = answer.json()
    assert answer.status_code == 422
    assert "may be looked at all the time and so needs no intervals" in problem["detail"]
    assert "compare without them" in problem["detail"]
    assert problem["problems"][0]["path"] == "judge.name"


@pytest.mark.parametrize(
    ("change", "path", "told"),
    [
        ({"every": "PT41M"}, "every", "is longer than all of the time"),
        ({"every": "PT0S"}, "body.every", "greater than 0"),
        ({"every": None, "lookback": "PT1M"}, "body", "need every"),
        ({"lookback": "PT41M"}, "lookback", "is longer than all of the time"),
        ({"lookback": "-PT1M"}, "body.lookback", "greater than or equal to 0"),
        ({"every": "PT1S"}, "every", "more than 1000 judgements"),
        ({"duration": "P8D"}, "duration", "between 10s and 7d"),
        ({"start": "2026-01-01T01:00:00"}, "body.start", "timezone"),
        ({"start": "9999-12-31T23:59:59Z"}, "start", "is too far away"),
        ({"start": "0001-01-01T00:00:00Z"}, "start", "is too far away"),
    ],
)
async def test_times_that_make_no_sense_are_refused(
    change: dict[str, Any], path: str, told: str
) -> None:
    answer = await post(await history(), "comparisons", {**PAST, **change})
    assert answer.status_code == 422, answer.text
    (problem,) = answer.json()["problems"]
    assert (problem["path"], told in problem["message"]) == (path, True), problem


async def test_kayentas_request_is_taken_as_it_is() -> None:
    parts = await history()
    config = {"name": "checkout", "metrics": [METRIC], "classifier": {"groupWeights": None}}
    body = {"canaryConfig": config, "executionRequest": REQUEST}
    record = await begun(parts, body, "analyses?application=checkout&user=anna")
    assert (record.analysis.cluster, record.analysis.settings.config) == ("checkout", "checkout")
    assert record.document["judge"]["name"] == "NetflixACAJudge-v1.0"
    assert record.document["metrics"][0]["analysisConfigurations"]["canary"]["step"] == 30
    record = await ended(parts, record)
    assert scores(record) == [100.0, 100.0]
    assert record.finding.sentence.startswith(PASSED)


async def test_kayentas_request_for_a_stored_configuration() -> None:
    parts = await history()
    async with parts.client() as client:
        await client.put("/canary/configs/checkout", json={"text": CONFIG})
    record = await begun(parts, REQUEST, "analyses/checkout")
    assert (await ended(parts, record)).finding.verdict is AnalysisVerdict.PASS
    assert (await post(parts, "analyses/nothing", REQUEST)).status_code == 404


async def test_without_thresholds_every_score_passes() -> None:
    parts = await history()
    parts.figures.value = noisy
    body = {
        "canaryConfig": {"metrics": [METRIC]},
        "executionRequest": {**REQUEST, "thresholds": None, "lookbackMins": 20},
    }
    body["executionRequest"]["scopes"] = [
        {
            **REQUEST["scopes"][0],
            "startTimeIso": "2026-01-01T02:00:00Z",
            "endTimeIso": "2026-01-01T02:59:00Z",
        }
    ]
    record = await ended(parts, await begun(parts, body, "analyses"))
    assert record.finding.sentence.startswith("No score thresholds were specified.")
    assert scores(record) == [100.0, 0.0]
    async with parts.client() as client:
        report = (await client.get(f"/canaries/{record.analysis.id}")).json()
        page = (await client.get(f"/canaries/{record.analysis.id}/page")).text
    assert (report["pass_score"], report["marginal_score"]) == (None, None)
    assert "<strong>Score 0 of 100</strong>.</p>" in page


async def test_each_metric_is_compared_in_its_own_scope() -> None:
    parts = await history()
    parts.figures.value = noisy
    other = {**METRIC, "name": "others", "scopeName": "others"}
    same = {**REQUEST["scopes"][0], "scopeName": "others", "experimentScope": "shop-v001"}
    first = {**REQUEST["scopes"][0], "startTimeIso": "2026-01-01T02:20:00Z"}
    first["endTimeIso"] = "2026-01-01T02:59:00Z"
    request = {**REQUEST, "scopes": [first, same]}
    body = {"canaryConfig": {"metrics": [METRIC, other]}, "executionRequest": request}
    record = await ended(parts, await begun(parts, body, "analyses"))
    assert record.analysis.notes == (
        "Start, end and step are those of the first scope; those of the others mean nothing",
    )
    async with parts.client() as client:
        report = (await client.get(f"/canaries/{record.analysis.id}")).json()
    found = {metric["name"]: metric["classification"] for metric in report["metrics"]}
    assert found == {"errors": "High", "others": "Pass"}


SCOPE = REQUEST["scopes"][0]
OPEN = {key: value for key, value in SCOPE.items() if key != "endTimeIso"}


@pytest.mark.parametrize(
    ("change", "path", "told"),
    [
        ({"scopes": [OPEN]}, "lifetimeDurationMins", "is missing, as is an end"),
        ({"scopes": []}, "scopes", "must not be empty"),
        ({"scopes": [{**SCOPE, "controlScope": ""}]}, "scopes[0].controlScope", "not be empty"),
        ({"scopes": [{**SCOPE, "startTimeIso": "soon"}]}, "scopes[0].startTimeIso", "datetime"),
        (
            {"scopes": [{**SCOPE, "startTimeIso": "2026-01-01T01:00:00"}]},
            "scopes[0].startTimeIso",
            "must say its zone",
        ),
        (
            {"scopes": [{**SCOPE, "endTimeIso": "2026-01-01T00:00:00Z"}]},
            "scopes[0].endTimeIso",
            "is before the start",
        ),
        (
            {"scopes": [{**SCOPE, "endTimeIso": "2026-01-01T01:00:30Z"}]},
            "scopes[0].endTimeIso",
            "less than a minute",
        ),
        ({"scopes": [{**SCOPE, "step": 0}]}, "scopes[0].step", "greater than or equal to 1"),
        ({"scopes": [SCOPE, SCOPE]}, "scopes[1].scopeName", "'default' is there already"),
        ({"lookbackMins": 41}, "lookbackMins", "is longer than all of the time"),
        ({"analysisIntervalMins": -1}, "analysisIntervalMins", "greater than or equal to 0"),
        ({"beginAfterMins": 10**30}, "beginAfterMins", "less than or equal to 10080"),
        ({"thresholds": {"pass": "high"}}, "thresholds.pass", "must be a number"),
    ],
)
async def test_mistakes_in_kayentas_request_are_told_with_their_place(
    change: dict[str, Any], path: str, told: str
) -> None:
    body = {
        "canaryConfig": {"metrics": [METRIC]},
        "executionRequest": {**REQUEST, **change},
    }
    answer = await post(await history(), "analyses", body)
    assert answer.status_code == 422, answer.text
    (problem,) = answer.json()["problems"]
    assert problem["path"] == f"executionRequest.{path}"
    assert told in problem["message"]


async def test_mistakes_in_the_configuration_beside_it_are_told_with_their_place() -> None:
    body = {
        "canaryConfig": {"metrics": [METRIC], "judge": {"name": "NetflixACAJudge"}},
        "executionRequest": REQUEST,
    }
    answer = (await post(await history(), "analyses", body)).json()
    assert answer["problems"][0]["path"] == "canaryConfig.judge.name"
    assert answer["problems"][0]["nearest"] == "NetflixACAJudge-v1.0"


@pytest.mark.parametrize("interval", [0, 60])
async def test_an_interval_that_is_none_makes_one_judgement_and_a_note(interval: int) -> None:
    """The reference takes it in silence."""
    request = {**REQUEST, "analysisIntervalMins": interval}
    body = {"canaryConfig": {"metrics": [METRIC]}, "executionRequest": request}
    record = await begun(build_parts(), body, "analyses")
    assert scores(record) == [None]
    assert "makes one judgement" in record.analysis.notes[0]
