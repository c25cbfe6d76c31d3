"""Canaries without a deployment, over HTTP: queries, comparisons, replays, durations."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from typing import Any

import httpx2

from tests.unit.api.parts import Parts, build_parts
from turnout.model.deployment import Kind, Request, Status
from turnout.model.errors import Temporary
from turnout.model.journal import DeploymentRecord, SplitRecord
from turnout.testing.world import START

NOW = START + timedelta(hours=3)
SWITCHED = START + timedelta(hours=2)
CONFIG = """\
applications: [shop]
metrics:
  - name: errors
    query: {type: router, metricName: errors}
    groups: [errors]
    scopeName: default
    analysisConfigurations: {canary: {kind: proportion, direction: increase}}
"""


def steady(figure: str, group: str, at: datetime) -> float:
    """Twenty requests a second, one in twenty fails; ten times as many in shop-v003."""
    second = int((at - START).total_seconds())
    if group == "shop-v009" or at < START:
        return math.nan
    if figure == "errors":
        return float(10 if group == "shop-v003" else second % 2 == 0)
    return {"requests": 20.0, "client_errors": 0.0}.get(figure, math.nan)


async def history() -> Parts:
    """Two groups have served, each alone."""
    parts = build_parts()
    parts.world.now, parts.figures.value = NOW, steady
    request = Request(id="d-1", kind=Kind.ROLLBACK, cluster="shop", requested_at=START)
    record = DeploymentRecord(request=request, status=Status.SUCCEEDED, sentence="done")
    await parts.journal.record_deployment(record)
    for generation, (group, at) in enumerate((("shop-v001", START), ("shop-v002", SWITCHED)), 1):
        await parts.journal.record_split(
            SplitRecord(
                cluster="shop",
                generation=generation,
                shares={group: 1000},
                deployment="d-1",
                requested_at=at,
                confirmed_at=at,
            )
        )
    return parts


async def post(parts: Parts, path: str, body: dict[str, Any]) -> httpx2.Response:
    async with parts.client() as client:
        return await client.post(f"/canary/{path}", json=body, timeout=60)


def last(answer: httpx2.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()][-1]


MINE = {"text": CONFIG, "name": "mine.yaml"}


async def test_a_query_is_told_with_its_series_and_the_warnings_of_its_source() -> None:
    parts = await history()
    parts.figures.warnings = ("The clock of prometheus is 40 s ahead of ours",)
    body = {"config": MINE, "metric": "errors", "scope": "shop-v001", "step": 60}
    answer = (await post(parts, "queries", body)).json()
    assert answer["text"] == "errors of shop-v001 per 60 s"
    assert answer["series"][0]["values"] == [30.0] * 15
    assert answer["warnings"] == ["The clock of prometheus is 40 s ahead of ours"]


async def test_a_metric_that_is_not_there_is_answered_with_the_nearest() -> None:
    answer = await post(await history(), "queries", {"config": MINE, "metric": "error"})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["nearest"] == "errors"


async def test_a_query_can_be_sent_and_a_source_that_is_down_is_told() -> None:
    parts = await history()
    sent = {"query": {"type": "router", "metricName": "requests"}, "scope": "shop-v001"}
    assert (await post(parts, "queries", sent)).json()["series"][0]["values"][0] == 200.0
    unknown = await post(parts, "queries", {"query": {"type": "promtheus"}})
    assert unknown.json()["problems"][0]["nearest"] == "prometheus"
    parts.figures.trouble = Temporary("prometheus answers 429: too many requests")
    down = await post(parts, "queries", sent)
    assert (down.status_code, "429" in down.json()["detail"]) == (503, True)


async def test_who_serves_is_compared_with_who_served_before_the_switch() -> None:
    parts = await history()
    answer = await post(parts, "comparisons", {"cluster": "shop", "config": MINE})
    record = answer.json()
    assert answer.status_code == 200, record
    analysis = record["analysis"]
    assert analysis["id"].startswith("r-")
    assert (analysis["experiment"], analysis["control"]) == ("shop-v002", "shop-v001")
    assert datetime.fromisoformat(record["began_at"]) == SWITCHED
    assert analysis["control_offset"] == "PT15M"
    assert record["finding"]["verdict"] == "pass"
    assert "The control's window is 15m earlier" in record["finding"]["sentence"]
    assert "The compatible judge on the same figures: pass, score 100" in analysis["notes"]
    kept = await parts.canaries.read_analysis(analysis["id"])
    assert kept.deployment == ""
    assert len(await parts.canaries.read_evidence(analysis["id"])) == 1


async def test_a_comparison_finds_harm_and_can_be_shown_like_any_canary() -> None:
    parts = await history()
    body = {"experiment": "shop-v003", "control": "shop-v001", "cluster": "shop", "config": MINE}
    record = (await post(parts, "comparisons", {**body, "duration": "PT5M"})).json()
    assert record["finding"]["verdict"] == "fail"
    async with parts.client() as client:
        report = (await client.get(f"/canaries/{record['analysis']['id']}")).json()
    assert (report["verdict"], report["baseline"]) == ("fail", "shop-v001")


async def test_a_group_without_figures_and_a_time_to_come_are_refused() -> None:
    parts = await history()
    body = {"experiment": "shop-v009", "control": "shop-v001", "config": MINE}
    missing = await post(parts, "comparisons", body)
    assert missing.status_code == 404
    assert "no figures of shop-v009" in missing.json()["detail"]
    later = {**body, "start": (NOW + timedelta(hours=1)).isoformat()}
    assert (await post(parts, "comparisons", later)).status_code == 422


async def test_a_replay_raises_no_alarm_where_nothing_changed_and_finds_what_is_put_in() -> None:
    body = {"cluster": "shop", "config": MINE, "past": "PT3H", "window": "PT10M", "share": 500}
    result = last(await post(await history(), "replays", body))["result"]
    assert result["alarms"]["windows"] == 17  # twelve before the switch, five after it
    assert result["alarms"]["count"] == 0
    twice = [one for one in result["detection"] if one["effect"] == "x2"]
    assert twice[0]["found"]["count"] == twice[0]["found"]["windows"]
    assert "differences between instances are not in it" in result["notes"][0]


async def test_two_groups_side_by_side_are_replayed_as_they_were() -> None:
    body = {
        "control": "shop-v001",
        "experiment": "shop-v003",
        "cluster": "shop",
        "config": MINE,
        "past": "PT1H",
        "window": "PT10M",
    }
    result = last(await post(await history(), "replays", body))["result"]
    assert result["share"] == 0
    assert result["alarms"]["count"] == result["alarms"]["windows"] == 6


async def test_too_little_history_is_told_before_anything_is_calculated() -> None:
    body = {"cluster": "shop", "config": MINE, "past": "PT20M", "window": "PT10M"}
    answer = await post(await history(), "replays", body)
    assert answer.status_code == 404
    assert "a replay needs 5" in answer.json()["detail"]


async def test_a_duration_is_told_from_figures_or_from_history() -> None:
    given = {"rate": 100, "errors": 0.01, "regression": 1.5, "shares": [500]}
    (row,) = last(await post(await history(), "durations", given))["result"]["rows"]
    assert 3.9 < row["median_minutes"] < 4
    measured = {"cluster": "shop", "config": MINE, "regression": 2.0, "shares": [100]}
    result = last(await post(await history(), "durations", measured))["result"]
    assert result["measured"][0]["rate"] == 20
    assert result["measured"][0]["part"] == 0.025
    assert result["rows"][0]["simulated_median"] is not None


async def test_a_duration_of_nothing_is_refused() -> None:
    answer = await post(await history(), "durations", {"regression": 1.5})
    assert answer.status_code == 422
