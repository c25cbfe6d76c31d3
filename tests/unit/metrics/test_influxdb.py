from __future__ import annotations

from typing import Any

import pytest

from tests.unit.metrics.scopes import scope
from turnout.metrics.grid import Track
from turnout.metrics.influxdb import build_query, parse_answer
from turnout.model.canary.queries import InfluxDbQuery
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Permanent, Temporary

TIMES = "time >= '2026-03-01T12:00:00Z' AND time < '2026-03-01T13:00:00Z'"
GROUP = scope("server_group:shop-v002")


def text(asked: CanaryScope, **fields: Any) -> str:
    return build_query(InfluxDbQuery.model_validate({"type": "influxdb", **fields}), asked, {})


def test_fields_are_selected_in_the_time_of_the_scope() -> None:
    found = text(GROUP, metricName="cpu", fields=["user", "system"])
    assert found == f"SELECT user, system FROM cpu WHERE {TIMES} AND server_group = 'shop-v002'"


def test_without_fields_all_of_them_are_selected() -> None:
    assert text(scope(None), metricName="cpu") == f"SELECT *::field FROM cpu WHERE {TIMES}"


def test_a_template_says_where_time_scope_and_step_go() -> None:
    found = text(
        GROUP,
        customInlineTemplate="SELECT mean(x) FROM cpu WHERE $\\{timeFilter} AND ${scope} "
        "GROUP BY time(${step})",
    )
    assert found == (
        f"SELECT mean(x) FROM cpu WHERE {TIMES} AND server_group = 'shop-v002' GROUP BY time(60s)"
    )


@pytest.mark.parametrize("template", ["SELECT x WHERE ${scope}", "SELECT x WHERE ${timeFilter}"])
def test_a_template_must_limit_time_and_scope(template: str) -> None:
    with pytest.raises(InvalidDocument) as refusal:
        text(GROUP, customInlineTemplate=template)
    assert refusal.value.problems[0].path == "query.customInlineTemplate"


@pytest.mark.parametrize("name", ["shop-v002", "", ":x", "x:"])
def test_a_scope_is_a_name_and_a_value(name: str) -> None:
    with pytest.raises(InvalidDocument, match="name:value"):
        text(scope(name), metricName="cpu")


def test_a_measurement_or_a_template_is_needed() -> None:
    with pytest.raises(InvalidDocument, match=r"query\.metricName: is missing"):
        text(GROUP)


@pytest.mark.parametrize("measurement", ["cpu; DROP DATABASE x", "cpu -- x", "(show users)"])
def test_what_does_more_than_select_is_refused(measurement: str) -> None:
    with pytest.raises(InvalidDocument, match="it must only select"):
        text(GROUP, metricName=measurement)


def test_a_quote_in_a_name_does_not_end_the_condition() -> None:
    assert text(scope("g:a' OR 'b"), metricName="cpu").endswith(r"AND g = 'a\' OR \'b'")


def answer(**series: object) -> dict[str, object]:
    return {"results": [{"statement_id": 0, "series": [series]}]}


def test_one_column_is_known_by_the_tags_of_its_series() -> None:
    found = parse_answer(
        answer(tags={"zone": "a"}, columns=["time", "mean"], values=[[1, 2.5], [2, None]]), "prod"
    )
    assert found == [Track({"zone": "a"}, ((1, 2.5), (2, None)))]


def test_several_columns_are_told_apart() -> None:
    found = parse_answer(answer(columns=["time", "a", "b"], values=[[1, 2, 3]]), "prod")
    assert found == [Track({"field": "a"}, ((1, 2.0),)), Track({"field": "b"}, ((1, 3.0),))]


def test_nothing_found_is_no_track() -> None:
    assert parse_answer({"results": [{"statement_id": 0}]}, "prod") == []


def test_what_the_store_refuses_is_told() -> None:
    with pytest.raises(Permanent, match="prod: database not found"):
        parse_answer({"results": [{"error": "database not found: x"}]}, "prod")


def test_a_cut_answer_is_no_answer() -> None:
    with pytest.raises(Permanent, match="only 1 rows came back"):
        parse_answer(answer(columns=["time", "a"], values=[[1, 2]], partial=True), "prod")


@pytest.mark.parametrize("rows", [[[1]], ["x"], [["now", 2]]])
def test_a_row_that_does_not_fit_is_worth_asking_again(rows: object) -> None:
    with pytest.raises(Temporary):
        parse_answer(answer(columns=["time", "a"], values=rows), "prod")
