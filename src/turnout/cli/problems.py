"""Mistakes in a document, one line each, in the form that editors and compilers share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from turnout.cli.errors import CommandError


@contextmanager
def naming(document: str, **parts: str) -> Iterator[None]:
    """Errors of the server about a document are told with the document's name; those of a part that
    was a document of its own (`metricSetPairList="pairs.json"`) with that one's.
    """
    try:
        yield
    except CommandError as error:
        problems = error.details.get("problems")
        if error.code == "invalid_document" and isinstance(problems, list):
            error.lines = tuple(
                _format_problem_of(document, parts, p) for p in problems if isinstance(p, dict)
            )
        raise


def _format_problem_of(document: str, parts: Mapping[str, str], problem: Mapping[str, Any]) -> str:
    path = str(problem.get("path") or "")
    for part, name in parts.items():
        if path.startswith(part):
            inside = path.removeprefix(part)
            if inside[:1] in ("", ".", "["):
                return format_problem(name, {**problem, "path": inside.removeprefix(".")})
    return format_problem(document, problem)


def format_problem(document: str, problem: Mapping[str, Any]) -> str:
    """`service.yaml:7:3: run.comand: there is no such key. Did you mean 'command'?`"""
    line, column = problem.get("line") or 0, problem.get("column") or 0
    place = f"{document}:{line}:{column}" if line else document
    path = f"{problem['path']}: " if problem.get("path") else ""
    message = str(problem.get("message", "is not valid")).rstrip()
    nearest = problem.get("nearest")
    if nearest:
        message = f"{message.rstrip('.')}. Did you mean {nearest!r}?"
    warning = "warning: " if problem.get("severity") == "warning" else ""
    return f"{place}: {warning}{path}{message}"
