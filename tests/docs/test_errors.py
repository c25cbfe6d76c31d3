"""docs/errors.md has every code and every rule that a person or a program may meet."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from turnout.api.problems import build_http_problem
from turnout.model.errors import Rule

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
TREES = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "src" / "turnout").rglob("*.py"))
}


def texts(node: ast.AST) -> Iterator[str]:
    """Every whole text in an expression."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.JoinedStr):
            return
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def given(name: str) -> Iterator[str]:
    """What is given as an argument of this name, or as its default in a class."""
    for node in (node for tree in TREES.values() for node in ast.walk(tree)):
        if isinstance(node, ast.keyword) and node.arg == name:
            yield from texts(node.value)
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                match statement:
                    case ast.Assign(targets=[ast.Name(id=target)], value=value):
                        pass
                    case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value):
                        pass
                    case _:
                        continue
                if target == name:
                    yield from texts(value)


HTTP = {build_http_problem(status, "").code for status in HTTPStatus if status >= 400}
NUMBERED = {code for code in HTTP if code.startswith("http_")}
CODES = sorted(({*given("code")} | HTTP - NUMBERED) - {""})


def rows(title: str) -> list[list[str]]:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert found
    lines = [line for line in found[1].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def names(title: str) -> set[str]:
    return {row[0].strip("`| ") for row in rows(title)}


def test_there_are_codes_to_be_documented() -> None:
    assert {"invalid_document", "usage", "wrong_host", "command_failed", "refused"} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_documented(code: str) -> None:
    assert code in names("Codes")


def test_no_code_is_documented_that_does_not_exist() -> None:
    assert names("Codes") - set(CODES) - NUMBERED == set()


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_is_documented(rule: Rule) -> None:
    assert rule in names("Rules")


def test_no_rule_is_documented_that_does_not_exist() -> None:
    assert names("Rules") == set(Rule)


def test_every_rule_that_is_named_in_the_source_is_one_of_them() -> None:
    named = {*given("rule"), *given("refused_rule"), *given("refused")} - {""}
    assert {"pinned", "cannot_be_planned"} <= named
    assert named <= set(Rule)


@pytest.mark.parametrize("title", ["Codes", "Rules"])
def test_every_row_says_what_happened_and_what_to_do(title: str) -> None:
    widths = {"Codes": 3, "Rules": 4}
    for row in rows(title):
        assert len(row) == widths[title], row
        assert all(row), row
