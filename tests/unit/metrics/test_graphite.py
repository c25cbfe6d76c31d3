from __future__ import annotations

import pytest

from tests.unit.metrics.scopes import scope
from turnout.metrics.graphite import build_call, build_query, parse_answer
from turnout.metrics.grid import Track
from turnout.model.canary.queries import GraphiteQuery
from turnout.model.errors import InvalidDocument, Temporary


def query(target: str) -> GraphiteQuery:
    return GraphiteQuery(type="graphite", metric_name=target)


def test_scope_and_location_are_replaced_where_they_are_known() -> None:
    assert build_query(query("a.$scope.$location"), scope()) == "a.shop-v002.eu-west-1"
    assert build_query(query("a.$scope.$location"), scope(None, "")) == "a.$scope.$location"


def test_a_target_is_needed() -> None:
    with pytest.raises(InvalidDocument, match=r"query\.metricName"):
        build_query(GraphiteQuery(type="graphite"), scope())


def test_the_request_begins_before_the_first_point_that_counts() -> None:
    params = build_call("a", scope(), {}).params
    assert (params["from"], params["until"]) == ("1772366399", "1772370000")
    assert params["format"] == "json"


def test_one_target_needs_no_tag() -> None:
    found = parse_answer([{"target": "a", "datapoints": [[1.5, 60], [None, 120]]}], scope(), "g")
    assert found == [Track({}, ((60_000, 1.5), (120_000, None)))]


def test_several_targets_have_the_same_tags_on_both_sides() -> None:
    answers = [
        [{"target": f"{group}.{name}", "datapoints": []} for name in ("get", "put")]
        for group in ("shop-v001", "shop-v002")
    ]
    tags = [
        [track.tags for track in parse_answer(answer, scope(group), "g")]
        for answer, group in zip(answers, ("shop-v001", "shop-v002"), strict=True)
    ]
    assert tags[0] == tags[1] == [{"target": "$scope.get"}, {"target": "$scope.put"}]


@pytest.mark.parametrize("answer", [{}, [{"target": "a"}], [{"datapoints": [1]}], ["x"]])
def test_half_an_answer_is_worth_asking_again(answer: object) -> None:
    with pytest.raises(Temporary):
        parse_answer(answer, scope(), "g")
