from __future__ import annotations

from contextlib import suppress

import pytest

from turnout.documents.report import Place, Report, Unreadable
from turnout.documents.scalars import Json, build_plain
from turnout.documents.tree import MAX_BYTES, ListNode, MapNode, Scalar, compose


def plain(text: str) -> Json:
    report = Report()
    tree = build_plain(compose(text, report))
    assert report.problems == []
    return tree


def refused(text: str) -> list[str]:
    report = Report()
    with suppress(Unreadable):
        compose(text, report)
    return [str(problem) for problem in report.problems]


def test_every_node_knows_where_it_stands() -> None:
    root = compose("a: 1\nb:\n  - ü\n  - {c: d}\n", Report())
    assert isinstance(root, MapNode)
    second = root.get("b")
    assert isinstance(second, ListNode)
    first, inner = second.items
    assert first == Scalar("ü", True, Place(3, 5))
    assert isinstance(inner, MapNode)
    assert inner.entries == ((Scalar("c", True, Place(4, 6)), Scalar("d", True, Place(4, 9))),)
    assert root.get("c") is None


@pytest.mark.parametrize(
    ("text", "means"),
    [
        *[(word, word) for word in ("no", "yes", "on", "off", "y", "NO", "1:30", "1_000", "0b1")],
        *[(word, word) for word in ("2026-11-23", "10s", "25%", "1.2.3", "1e", "0o9", ".inf")],
        *[("true", True), ("True", True), ("FALSE", False), ('"true"', "true")],
        *[("null", None), ("~", None), ("", None), ("'null'", "null"), ('""', "")],
        *[("012", 12), ("-7", -7), ("+7", 7), ("0o14", 12), ("0x1F", 31), ("'12'", "12")],
        *[("1.50", 1.5), ("1.", 1.0), (".5", 0.5), ("1e3", 1000.0), ("9" * 30, "9" * 30)],
    ],
)
def test_words_mean_what_yaml_1_2_says(text: str, means: Json) -> None:
    found = plain(f"a: {text}")
    assert found == {"a": means}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(means)


def test_json_is_yaml() -> None:
    assert plain('{"a": [1, 2.5, "x\\u00fc", null, true], "b": {}}') == {
        "a": [1, 2.5, "xü", None, True],
        "b": {},
    }


def test_anchors_and_aliases_stand_for_the_same_thing() -> None:
    assert plain("a: &x {b: [1]}\nc: *x\nd: [*x, *x]") == {
        "a": {"b": [1]},
        "c": {"b": [1]},
        "d": [{"b": [1]}, {"b": [1]}],
    }


def test_a_key_that_is_there_twice_is_refused_where_it_is_repeated() -> None:
    assert refused("a: 1\nb:\n  c: 1\n  c: 2\na: 3") == [
        "line 4, column 3: the key 'c' is there already, in line 3",
        "line 5, column 1: the key 'a' is there already, in line 1",
    ]


def test_an_alias_inside_of_what_it_stands_for_is_refused() -> None:
    assert refused("a: &x [1, *x]") == ["line 1, column 11: *x stands inside of what it stands for"]


def test_an_alias_for_nothing_is_refused() -> None:
    assert refused("a: *x") == ["line 1, column 4: *x stands for nothing: no &x before"]


def test_aliases_that_multiply_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    (said,) = refused("\n".join(lines))
    assert "is too large from here on" in said


def test_one_long_text_that_aliases_multiply_is_refused() -> None:
    (said,) = refused(f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 20)}]")
    assert said.startswith("line 2,")
    assert "is too large" in said


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused_at_once(opening: str) -> None:
    (said,) = refused(opening * 100_000)
    assert "is nested more than 50 deep" in said


def test_a_file_over_one_mebibyte_is_refused() -> None:
    assert refused(f"a: {'ü' * (MAX_BYTES // 2)}") == [
        f"has {MAX_BYTES + 3} bytes, {MAX_BYTES} are allowed"
    ]
    assert refused(f"a: {'x' * (MAX_BYTES - 3)}") == []


def test_many_small_nodes_are_refused() -> None:
    (said,) = refused(f"[{'1,' * 30_000}]")
    assert "is too large" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, column 1: is empty"),
        ("# only a comment\n", "line 1, column 1: is empty"),
        ("a: 1\n---\nb: 2", "line 2, column 1: a second document begins here"),
        ("a: !!python/object:os.system x", "line 1, column 4: the tag"),
        ("a: !mine x", "line 1, column 4: the tag '!mine' is not allowed"),
        ("[a]: 1", "line 1, column 1: a key must be a word"),
        ("a: 'x", "this is not YAML"),
        ("a: b: c", "line 1, column 5: this is not YAML"),
        ("a:\n\t- b", "line 2, column 1: this is not YAML"),
        ("a: x\ny: \x07", "line 2, column 4: control characters are not allowed"),
        ("a: \ud800", "is not text: it holds half a character"),
    ],
)
def test_what_is_no_single_plain_document_is_refused(text: str, said: str) -> None:
    assert refused(text)[0].startswith(said) or said in refused(text)[0]


def test_a_report_takes_no_more_than_fifty_mistakes() -> None:
    assert len(refused("\n".join(["a: 1"] * 500))) == 50
