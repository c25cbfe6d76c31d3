from __future__ import annotations

from typing import Any

import pytest

from tests.unit.metrics.scopes import scope
from turnout.metrics.grid import Track
from turnout.metrics.prometheus import build_call, build_query, parse_answer
from turnout.model.canary.queries import PrometheusQuery
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Permanent, Temporary


def text(asked: CanaryScope, templates: dict[str, str] | None = None, **fields: Any) -> str:
    query = PrometheusQuery.model_validate({"type": "prometheus", **fields})
    return build_query(query, asked, templates or {}, scope_label="instance")


def test_a_machine_of_google_is_known_by_its_name_and_zone() -> None:
    found = text(scope(), metricName="cpu", resourceType="gce_instance")
    assert found == ('avg(cpu{instance=~"shop-v002-.{4}",zone=~".+/zones/eu-west-1-.{1}"})')


def test_a_project_comes_before_the_zone() -> None:
    found = text(scope(project="acme"), metricName="cpu", resourceType="gce_instance")
    assert 'zone=~".+/projects/acme/zones/eu-west-1-.{1}"' in found


def test_without_a_group_only_the_zone_is_known() -> None:
    found = text(scope(None), metricName="cpu", resourceType="gce_instance")
    assert found == 'avg(cpu{zone=~".+/zones/eu-west-1-.{1}"})'


def test_a_machine_of_amazon_is_known_by_its_group_and_zone() -> None:
    found = text(
        scope(), metricName="cpu", resourceType="aws_ec2_instance", labelBindings=["a='b'"]
    )
    assert found == """avg(cpu{a='b',asg_groupName="shop-v002",zone=~"eu-west-1.{1}"})"""


def test_the_kind_of_machine_may_come_with_the_scope() -> None:
    found = text(scope(None, resourceType="aws_ec2_instance"), metricName="cpu")
    assert found == 'avg(cpu{zone=~"eu-west-1.{1}"})'


def test_the_kind_that_the_query_names_wins() -> None:
    known = scope(None, resourceType="gce_instance")
    assert "zones" not in text(known, metricName="cpu", resourceType="aws_ec2_instance")


def test_groups_are_told_apart_by_fields() -> None:
    found = text(
        scope(), metricName="cpu", customInlineTemplate='a="1"', groupByFields=["zone", "app"]
    )
    assert found == 'avg(cpu{a="1"}) by (zone,app)'


def test_parts_of_a_template_come_before_label_bindings() -> None:
    found = text(
        scope(),
        {"t": 'group="${scope}", zone="$\\{location}"'},
        metricName="cpu",
        customFilterTemplate="t",
        labelBindings=['x="y"'],
    )
    assert found == 'avg(cpu{group="shop-v002",zone="eu-west-1",x="y"})'


def test_a_template_may_be_the_whole_query() -> None:
    found = text(scope(), customInlineTemplate='PromQL:rate(x{g="${scope}"}[1m])')
    assert found == 'rate(x{g="shop-v002"}[1m])'


def test_a_template_that_comes_to_nothing_leaves_no_braces() -> None:
    assert text(scope(x=" "), metricName="cpu", customInlineTemplate="${x}") == "avg(cpu)"


def test_a_quote_in_a_name_does_not_end_the_label() -> None:
    found = text(scope('a"} or b{c="'), metricName="cpu", resourceType="aws_ec2_instance")
    assert r'asg_groupName="a\"} or b{c=\""' in found


@pytest.mark.parametrize(
    ("asked", "fields", "path"),
    [
        (scope(), {"metricName": "cpu"}, "query"),
        (scope(), {"metricName": "cpu", "resourceType": "moon"}, "query.resourceType"),
        (scope(), {"resourceType": "gce_instance"}, "query.metricName"),
        (scope(), {"customInlineTemplate": "a=b"}, "query.metricName"),
        (
            scope("shop", None),
            {"metricName": "cpu", "resourceType": "gce_instance"},
            "scope.location",
        ),
    ],
)
def test_what_is_missing_is_refused_with_its_place(
    asked: CanaryScope, fields: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidDocument) as refusal:
        text(asked, **fields)
    assert refusal.value.problems[0].path == path


def test_the_request_is_a_range_query_that_wants_all_or_nothing() -> None:
    call = build_call("up", scope(), {"Authorization": "Bearer x"})
    assert (call.method, call.path) == ("GET", "/api/v1/query_range")
    assert call.params == {
        "query": "up",
        "start": "2026-03-01T12:00:00Z",
        "end": "2026-03-01T13:00:00Z",
        "step": "60",
        "partial_response": "false",
        "deny_partial_response": "1",
    }


def matrix(*result: object, **more: object) -> dict[str, object]:
    return {"status": "success", "data": {"resultType": "matrix", "result": [*result]}, **more}


def test_labels_are_tags_and_special_values_are_read() -> None:
    metric = {"__name__": "up", "zone": "a"}
    values = [[1.5, "1"], [2, "+Inf"], [3, "-Inf"], [4, "NaN"]]
    inf = float("inf")
    assert parse_answer(matrix({"metric": metric, "values": values}), "prod") == [
        Track({"zone": "a"}, ((1500, 1.0), (2000, inf), (3000, -inf), (4000, None)))
    ]


def test_histograms_are_no_figures() -> None:
    with pytest.raises(Permanent, match="histograms came back"):
        parse_answer(matrix({"metric": {}, "histograms": [[1, {}]]}), "prod")


@pytest.mark.parametrize(
    "answer",
    [
        matrix(isPartial=True),
        {"status": "success"},
        {"data": {"result": {}}},
        [],
        None,
        matrix({"metric": {}, "values": [[1]]}),
        matrix({"metric": {}, "values": ["x"]}),
        matrix({"metric": {}}),
    ],
)
def test_an_answer_that_is_not_whole_is_worth_asking_again(answer: object) -> None:
    with pytest.raises(Temporary, match="prod"):
        parse_answer(answer, "prod")
