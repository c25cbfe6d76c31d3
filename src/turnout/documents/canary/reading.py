"""Reading a canary configuration: from text to `CanaryConfig`, or to every mistake that is in it.

JSON is taken as Kayenta writes it, without a word about properties that we do not know. YAML is
written by people, so there each of them is a warning: it may be a name mistyped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pydantic import JsonValue

from turnout.documents.canary.places import find_place
from turnout.documents.canary.plain_json import parse_json, without_surrogates
from turnout.documents.canary.properties import unknown_properties
from turnout.documents.report import MOST_PROBLEMS, Report, Unreadable
from turnout.documents.scalars import build_plain
from turnout.documents.tree import Node, compose
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.document import read_document
from turnout.model.canary.validation import validate
from turnout.model.errors import InvalidDocument, Problem, Severity

_UNNAMED = "unnamed"


@dataclass(frozen=True, slots=True)
class ReadConfig:
    """A configuration that can be used, and what was probably not meant in it."""

    config: CanaryConfig
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Parsed:
    value: JsonValue
    is_json: bool
    root: Node | None
    """For places; None when they cannot be told."""


def read_canary_config(text: str, *, name: str, stored_as: str = "") -> ReadConfig:
    """Read a canary configuration, JSON or YAML.

    `name` is what messages call the file. `stored_as`, when given, takes the place of the name in
    it; without both it has none, which is fine as long as it is not stored. Raises
    `InvalidDocument` with all mistakes and warnings in the order of the file, each with its place
    and, where one comes near, the name that was probably meant.
    """
    what = f"{name} is not a valid canary configuration"
    parsed = _parse(text, what)
    try:
        config = read_document(CanaryConfig, parsed.value)
    except InvalidDocument as error:
        raise _refusal(what, _located(error.problems, parsed.root)) from error
    if stored_as:
        config = config.model_copy(update={"name": stored_as})
    problems = _problems(config, parsed)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise _refusal(what, problems)
    return ReadConfig(config, problems)


def require_usable(config: CanaryConfig, place: str) -> None:
    """The same for one that stands at this place of another document, and is not to be stored: it
    needs no name and no application. Raises `InvalidDocument`.
    """
    named = config.model_copy(update={"applications": config.applications or (_UNNAMED,)})
    found = _problems(named, _Parsed(None, is_json=True, root=None))
    problems = tuple(replace(problem, path=f"{place}.{problem.path}") for problem in found)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise _refusal(f"{place} is not a valid canary configuration", problems)


def _parse(text: str, what: str) -> _Parsed:
    value, report = parse_json(text), Report()
    try:
        root = compose(text if value is None else without_surrogates(text), report)
    except Unreadable:
        root = None
    if value is not None:
        return _Parsed(value, is_json=True, root=root)
    if root is None or report.problems:
        raise report.error(what)
    return _Parsed(build_plain(root), is_json=False, root=root)


def _problems(config: CanaryConfig, parsed: _Parsed) -> tuple[Problem, ...]:
    named = config if config.name is not None else config.model_copy(update={"name": _UNNAMED})
    unknown = () if parsed.is_json else unknown_properties(config)
    return _located((*validate(named), *unknown), parsed.root)


def _located(problems: Iterable[Problem], root: Node | None) -> tuple[Problem, ...]:
    """With places, in the order of the file; the worst ones are kept when there are too many."""
    found = [_with_place(problem, root) for problem in dict.fromkeys(problems)]
    found.sort(key=lambda problem: problem.severity is Severity.WARNING)
    return tuple(sorted(found[:MOST_PROBLEMS], key=lambda problem: (problem.line, problem.column)))


def _with_place(problem: Problem, root: Node | None) -> Problem:
    if root is None:
        return problem
    place = find_place(root, problem.path)
    return replace(problem, line=place.line, column=place.column)


def _refusal(what: str, problems: tuple[Problem, ...]) -> InvalidDocument:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    count = "1 problem" if errors == 1 else f"{errors} problems"
    return InvalidDocument(f"{what}: {count}", problems)
