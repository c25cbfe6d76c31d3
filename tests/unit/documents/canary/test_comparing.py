"""Two configurations are compared by what stands in them, metrics by name."""

from __future__ import annotations

from hypothesis import given
from pydantic import JsonValue

from tests.unit.documents.canary.test_writing import DOCUMENTS
from turnout.documents.canary import compare

Document = dict[str, JsonValue]


def told(before: Document, after: Document) -> list[tuple[str, str, JsonValue, JsonValue]]:
    return [(c.path, str(c.kind), c.before, c.after) for c in compare(before, after)]


def test_a_value_that_changed_is_told_with_its_path() -> None:
    assert told({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}}) == [("a.b", "changed", 1, 3)]


def test_what_is_new_and_what_is_gone_is_told() -> None:
    assert told({"a": 1, "b": {"c": None}}, {"b": {}, "d": [2]}) == [
        ("a", "removed", 1, None),
        ("b.c", "removed", None, None),
        ("d", "added", None, [2]),
    ]


def test_metrics_are_compared_by_name_wherever_they_stand() -> None:
    before: Document = {"metrics": [{"name": "cpu", "groups": ["a"]}, {"name": "errors"}]}
    after: Document = {"metrics": [{"name": "new"}, {"name": "cpu", "groups": ["a", "b"]}]}
    assert told(before, after) == [
        ("metrics[cpu].groups", "changed", ["a"], ["a", "b"]),
        ("metrics[errors]", "removed", {"name": "errors"}, None),
        ("metrics[new]", "added", None, {"name": "new"}),
    ]


def test_another_order_of_metrics_is_told_once() -> None:
    before: Document = {"metrics": [{"name": "cpu"}, {"name": "errors"}]}
    after: Document = {"metrics": [{"name": "errors"}, {"name": "cpu"}]}
    assert told(before, after) == [
        ("metrics (order)", "changed", ["cpu", "errors"], ["errors", "cpu"])
    ]


def test_things_without_names_of_their_own_are_compared_as_a_whole() -> None:
    twice: list[JsonValue] = [{"name": "a", "x": 1}, {"name": "a"}]
    assert told({"m": twice}, {"m": twice[:1]}) == [("m", "changed", twice, twice[:1])]


def test_true_is_another_value_than_one() -> None:
    assert told({"a": 1}, {"a": True}) == [("a", "changed", 1, True)]


def test_names_with_braces_are_names() -> None:
    assert told({"{}": {"b": 1}}, {"{}": {"b": 2}}) == [("{}.b", "changed", 1, 2)]


@given(DOCUMENTS)
def test_a_document_does_not_differ_from_itself(document: Document) -> None:
    assert compare(document, document) == ()


@given(DOCUMENTS, DOCUMENTS)
def test_of_documents_that_differ_a_change_is_told(one: Document, other: Document) -> None:
    if one != other:
        assert compare(one, other)
