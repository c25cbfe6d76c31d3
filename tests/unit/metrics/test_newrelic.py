from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.metrics.scopes import scope
from turnout.metrics.accounts import Account
from turnout.metrics.grid import Track
from turnout.metrics.newrelic import build_call, build_query, parse_answer
from turnout.metrics.secrets import Secret
from turnout.model.canary.queries import NewRelicQuery
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Permanent, Temporary

TIMES = "SINCE 1772366400 UNTIL 1772370000"


def text(asked: CanaryScope, **fields: Any) -> str:
    query = NewRelicQuery.model_validate({"type": "newrelic", **fields})
    return build_query(query, asked, {}, scope_key="app.group", location_key="")


def test_the_query_is_put_together() -> None:
    found = text(scope(env="prod", _hidden="x"), select="average(duration) FROM T", q="a = 1")
    assert found == (
        f"SELECT average(duration) FROM T TIMESERIES 60 seconds {TIMES} "
        "WHERE a = 1 AND env LIKE 'prod' AND app.group LIKE 'shop-v002'"
    )


def test_select_is_not_written_twice() -> None:
    assert text(scope(), select="select x FROM T").startswith("select x FROM T TIMESERIES")


def test_without_a_step_new_relic_takes_as_many_as_it_can() -> None:
    assert "TIMESERIES MAX SINCE" in text(scope(step=0), select="x FROM T")


def test_keys_of_the_scope_win_over_those_of_the_account() -> None:
    found = text(scope(_scope_key="group", _location_key="region"), select="x FROM T")
    assert found.endswith("WHERE group LIKE 'shop-v002' AND region LIKE 'eu-west-1'")


def test_a_scope_key_is_needed() -> None:
    query = NewRelicQuery(type="newrelic", select="x FROM T")
    with pytest.raises(InvalidDocument, match="_scope_key"):
        build_query(query, scope(), {})


def test_something_to_select_is_needed() -> None:
    with pytest.raises(InvalidDocument, match=r"query\.select"):
        text(scope())


def test_a_template_knows_the_times() -> None:
    template = "SELECT x SINCE ${startEpochSeconds} UNTIL ${endEpochSeconds} STEP ${step} ${scope}"
    found = text(scope(), customInlineTemplate=template)
    assert found == f"SELECT x {TIMES} STEP 60 shop-v002"


def test_extended_parameters_win_over_what_the_store_adds() -> None:
    found = text(scope(startEpochSeconds="7"), customInlineTemplate="${startEpochSeconds}")
    assert found == "7"


def test_a_quote_in_a_name_does_not_end_the_condition() -> None:
    assert text(scope("a' OR 'b"), select="x FROM T").endswith(r"LIKE 'a\' OR \'b'")


def test_the_request_asks_the_account_and_waits_as_long_as_we_do() -> None:
    account = Account(
        "nr",
        "newrelic",
        "https://api.newrelic.com",
        timeout=timedelta(seconds=20),
        options={"account_id": "17"},
        secrets={"token": Secret("key")},
    )
    call = build_call("SELECT 1", account)
    assert (call.method, call.path, call.headers["API-Key"]) == ("POST", "/graphql", "key")
    sent = json.loads(call.content or b"")
    assert sent["variables"] == {"account": 17, "nrql": "SELECT 1", "seconds": 20}


def answer(*results: object) -> dict[str, object]:
    return {"data": {"actor": {"account": {"nrql": {"results": [*results]}}}}}


def bucket(second: int, **more: object) -> dict[str, object]:
    return {"beginTimeSeconds": second, "endTimeSeconds": second + 60, **more}


def test_a_figure_of_a_bucket_belongs_to_its_beginning() -> None:
    found = parse_answer(
        answer(bucket(60, **{"average.duration": 1.5}), bucket(120, **{"average.duration": None})),
        "nr",
    )
    assert found == [Track({}, ((60_000, 1.5), (120_000, None)))]


def test_facets_are_told_apart() -> None:
    found = parse_answer(
        answer(bucket(60, facet="get", path="get", count=1), bucket(60, facet="put", count=2)),
        "nr",
    )
    assert found == [
        Track({"facet": "get"}, ((60_000, 1.0),)),
        Track({"facet": "put"}, ((60_000, 2.0),)),
    ]


def test_percentiles_are_told_apart() -> None:
    found = parse_answer(answer(bucket(60, percentile={"50": 1, "99": 2})), "nr")
    assert found == [
        Track({"figure": "percentile.50"}, ((60_000, 1.0),)),
        Track({"figure": "percentile.99"}, ((60_000, 2.0),)),
    ]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "NRQL Syntax Error", "extensions": {"errorClass": "BAD_INPUT"}}, Permanent),
        ({"message": "busy", "extensions": {"errorClass": "TOO_MANY_REQUESTS"}}, Temporary),
        ({"message": "Your query timed out"}, Temporary),
    ],
)
def test_an_error_says_whether_to_ask_again(error: object, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="nr: "):
        parse_answer({"errors": [error]}, "nr")


@pytest.mark.parametrize("half", [{"data": {}}, answer("x"), answer({"count": 1}), []])
def test_half_an_answer_is_worth_asking_again(half: object) -> None:
    with pytest.raises(Temporary):
        parse_answer(half, "nr")
