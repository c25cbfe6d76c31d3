from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.metrics.scopes import scope
from turnout.metrics.templates import (
    bind,
    choose_template,
    expand,
    protect,
    refused,
    unprotect,
    variables,
)
from turnout.model.canary.queries import DatadogQuery, GraphiteQuery, PrometheusQuery
from turnout.model.errors import InvalidDocument


def prometheus(**fields: str) -> PrometheusQuery:
    return PrometheusQuery.model_validate({"type": "prometheus", **fields})


def test_a_query_without_a_template_has_none() -> None:
    assert choose_template(prometheus(customInlineTemplate=""), {"a": "b"}) is None
    assert choose_template(GraphiteQuery(type="graphite"), {}) is None


def test_the_inline_template_wins_over_the_named_one() -> None:
    query = prometheus(customInlineTemplate="mine", customFilterTemplate="cpu")
    assert choose_template(query, {"cpu": "theirs"}) == ("mine", "query.customInlineTemplate")


def test_a_named_template_is_told_by_its_place() -> None:
    query = prometheus(customFilterTemplate="cpu")
    assert choose_template(query, {"cpu": "x"}) == ("x", "templates.cpu")


def test_a_name_that_no_template_has_is_refused_with_the_nearest_one() -> None:
    query = prometheus(customFilterTemplate="cpus")
    with pytest.raises(InvalidDocument) as refusal:
        choose_template(query, {"cpu": "x"})
    (problem,) = refusal.value.problems
    assert (problem.path, problem.nearest) == ("query.customFilterTemplate", "cpu")


def test_the_retired_field_is_refused_even_beside_a_template() -> None:
    with pytest.raises(InvalidDocument, match="retired"):
        choose_template(prometheus(customFilter="a", customInlineTemplate="b"), {})


def test_a_protected_template_is_unprotected_first() -> None:
    query = prometheus(customInlineTemplate="zone=$\\{location}")
    assert choose_template(query, {}) == ("zone=${location}", "query.customInlineTemplate")


@given(st.text(alphabet="${}\\ab"))
def test_what_was_protected_is_what_it_was(text: str) -> None:
    assert unprotect(protect(text)) == text.replace("$\\{", "${")


def test_variables_are_replaced() -> None:
    assert expand("${a}-${ b }-${a} $c {d}", {"a": "1", "b": "2"}, "p") == "1-2-1 $c {d}"


def test_what_a_variable_stands_for_is_not_expanded_again() -> None:
    assert expand("${a}", {"a": "${b}", "b": "no"}, "p") == "${b}"


def test_an_unbound_variable_is_told_with_the_unprotected_template() -> None:
    with pytest.raises(InvalidDocument) as refusal:
        expand("x=${scop}", {"scope": "a"}, "templates.cpu")
    assert refusal.value.message == "Problem evaluating custom filter template: x=${scop}"
    (problem,) = refusal.value.problems
    assert (problem.path, problem.nearest) == ("templates.cpu", "scope")


def test_later_bindings_override_earlier_ones() -> None:
    query = prometheus(resourceType="of the query")
    known = scope("shop", "here", resourceType="of the scope", scope="extended")
    plain = scope("shop", "here", project="p")
    attributes = ("project", "resourceType", "scope", "location")
    assert bind(attributes, query, plain) == {
        "project": "p",
        "resourceType": "of the query",
        "scope": "shop",
        "location": "here",
    }
    bound = bind(attributes, query, known)
    assert bound["scope"] == "extended"
    assert bound["resourceType"] == "of the scope"  # extended parameters come last


def test_what_is_empty_binds_nothing() -> None:
    assert bind(("scope", "location"), DatadogQuery(type="datadog"), scope(None, "")) == {}


def test_an_attribute_that_no_scope_has_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="Unable to find property 'zone'"):
        bind(("zone",), DatadogQuery(type="datadog"), scope())


def test_variables_are_listed_once() -> None:
    assert variables("${b} ${a} ${b}") == ["b", "a"]


def test_a_refusal_names_its_place_once() -> None:
    assert (
        refused("query.q", "is missing").message
        == "This query cannot be asked: query.q: is missing"
    )
