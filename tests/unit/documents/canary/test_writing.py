"""What is written is read again as the same document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from turnout.documents.canary import default_config, to_json, to_yaml
from turnout.documents.report import Report
from turnout.documents.scalars import build_plain
from turnout.documents.tree import compose
from turnout.model.canary.document import to_json_value

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["", "~", "null", "yes", "no", "on", "1e3", "0o17", "0x1F", "012", "1:30", ".5", "+1", "=",
     "<<", "- a", "a: b", "#", "a #b", "'", '"', "\n", "a\nb\n", " a\n b", "a\n\n", "\t",
     "\U0001f600", "PromQL:avg(x{a=\"${scope}\"})", "True", "%a", "@b", "`c`", "!d", "&e", "*f",
     "?", "-", "--- ", "a\x85", "a\u2028\nb"]
)  # fmt: skip
NUMBERS = (
    st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(-1, 1)
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, max_size=5)


def read_yaml(text: str) -> Any:
    report = Report()
    plain = build_plain(compose(text, report))
    assert report.problems == []
    return plain


@given(DOCUMENTS)
def test_yaml_is_read_again_as_the_same_document(document: JsonValue) -> None:
    assert read_yaml(to_yaml(document)) == document


@given(DOCUMENTS)
def test_json_is_read_again_as_the_same_document(document: JsonValue) -> None:
    assert json.loads(to_json(document)) == document


def test_yaml_is_as_people_write_it() -> None:
    document: dict[str, JsonValue] = {
        "name": "shop",
        "configVersion": "1.0",
        "applications": ["shop", "cart"],
        "judge": {},
        "metrics": [{"name": "queue", "groups": []}],
        "templates": {"two lines": "a = 1\nb = 2\n"},
        "classifier": {"groupWeights": {"queues": 60.0, "rest": 2.5}},
    }
    assert (
        to_yaml(document)
        == """\
name: shop
configVersion: '1.0'
applications:
  - shop
  - cart
judge: {}
metrics:
  - name: queue
    groups: []
templates:
  two lines: |
    a = 1
    b = 2
classifier:
  groupWeights:
    queues: 60
    rest: 2.5
"""
    )


def test_json_is_as_people_write_it() -> None:
    assert to_json({"a": 60.0, "é": [True]}) == '{\n  "a": 60,\n  "é": [\n    true\n  ]\n}\n'


@pytest.mark.parametrize("number", [2.0**53, 1e300, -0.5, 1e-9])
def test_numbers_that_are_not_small_and_whole_stay_as_they_are(number: float) -> None:
    assert json.loads(to_json({"a": number}))["a"] == number
    assert isinstance(json.loads(to_json({"a": number}))["a"], float)


def test_the_same_part_twice_is_written_twice() -> None:
    part: list[JsonValue] = [1]
    assert to_yaml({"a": part, "b": part}) == "a:\n  - 1\nb:\n  - 1\n"


def test_what_is_built_in_comes_back_from_both_forms() -> None:
    document = to_json_value(default_config())
    assert read_yaml(to_yaml(document)) == document
    assert json.loads(to_json(document)) == document
