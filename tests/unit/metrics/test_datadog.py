from __future__ import annotations

from typing import Any

import pytest

from tests.unit.metrics.scopes import scope
from turnout.metrics.datadog import build_call, build_query, parse_answer
from turnout.metrics.grid import Track
from turnout.model.canary.queries import DatadogQuery
from turnout.model.errors import InvalidDocument, Permanent, Temporary


def query(**fields: Any) -> DatadogQuery:
    return DatadogQuery.model_validate({"type": "datadog", **fields})


def test_a_metric_is_asked_within_the_scope() -> None:
    found = build_query(query(metricName="avg:system.cpu.user"), scope("autoscaling:shop"), {})
    assert found == "avg:system.cpu.user{autoscaling:shop}"


def test_a_template_is_the_whole_query() -> None:
    templates = {"t": "avg:x{g:${scope},r:${location},e:${env}} by {host}"}
    found = build_query(query(customFilterTemplate="t"), scope(env="prod"), templates)
    assert found == "avg:x{g:shop-v002,r:eu-west-1,e:prod} by {host}"


def test_a_metric_or_a_template_is_needed() -> None:
    with pytest.raises(InvalidDocument, match=r"query\.metricName"):
        build_query(query(), scope(), {})


def test_the_request_is_for_whole_seconds() -> None:
    call = build_call("q", scope(), {"DD-API-KEY": "k"})
    assert call.path == "/api/v1/query"
    assert call.params == {"query": "q", "from": "1772366400", "to": "1772370000"}


def test_a_series_is_known_by_the_tags_it_is_grouped_by() -> None:
    answer = {
        "status": "ok",
        "series": [
            {
                "scope": "group:shop-v002,host:a",
                "tag_set": ["host:a", "lonely"],
                "interval": 60,
                "pointlist": [[1772366400000.0, 1.5], [1772366460000.0, None]],
            }
        ],
    }
    assert parse_answer(answer, "dd") == [
        Track({"host": "a", "lonely": ""}, ((1772366400000, 1.5), (1772366460000, None)))
    ]


def test_a_refused_query_is_told() -> None:
    with pytest.raises(Permanent, match="dd: Error parsing query"):
        parse_answer({"status": "error", "error": "Error parsing query"}, "dd")


@pytest.mark.parametrize("answer", [{"status": "ok"}, [], {"series": [{"pointlist": [[1]]}]}])
def test_half_an_answer_is_worth_asking_again(answer: object) -> None:
    with pytest.raises(Temporary):
        parse_answer(answer, "dd")
