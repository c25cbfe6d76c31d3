"""Collecting an author's mistakes, so that all are told at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from turnout.model.errors import InvalidDocument, Problem

MOST_PROBLEMS = 50
"""After so many the file is something else altogether."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Line and column, from 1; 0 = unknown."""

    line: int = 0
    column: int = 0


class Unreadable(Exception):
    """Catch it to go on with the next part of a document: this one's mistakes are in the report."""


class Full(Unreadable):
    """Do not catch it before the end: the report takes no more."""


@dataclass(slots=True)
class Report:
    """The mistakes found so far."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, place: Place, path: str, message: str, nearest: str = "") -> None:
        """Note a mistake. Raises `Full` after the last one that is taken."""
        problem = Problem(message, path, place.line, place.column, nearest)
        if problem not in self.problems:
            self.problems.append(problem)
        if len(self.problems) >= MOST_PROBLEMS:
            raise Full

    def refuse(self, place: Place, path: str, message: str, nearest: str = "") -> Unreadable:
        """Note a mistake after which this part cannot be read: `raise report.refuse(…)`."""
        self.add(place, path, message, nearest)
        return Unreadable(message)

    def error(self, what: str) -> InvalidDocument:
        """All mistakes in the order of the file."""
        ordered = sorted(self.problems, key=lambda problem: (problem.line, problem.column))
        count = "1 problem" if len(ordered) == 1 else f"{len(ordered)} problems"
        return InvalidDocument(f"{what}: {count}", tuple(ordered))


def shown(text: str) -> str:
    """A word of the author's, quoted and of bearable length."""
    return repr(text if len(text) <= 60 else f"{text[:57]}…")


def listed(names: Collection[str]) -> str:
    """Names for a sentence."""
    return ", ".join(names)
