"""Shapes: what may stand at a place of a document. Each reads a node and describes itself as JSON
Schema.

Here those of single values; `structures` has those that hold others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from turnout.documents.report import Report, listed
from turnout.documents.scalars import (
    describe,
    is_null,
    parse_integer,
    parse_number,
    parse_truth,
)
from turnout.documents.tree import Node, Scalar
from turnout.model.words import nearest

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Schema = dict[str, Any]  # JSON Schema: JSON of any form


class Shape(Protocol[T_co]):
    """What may stand at a place."""

    def read(self, node: Node, path: str, report: Report) -> T_co:
        """The value that stands there. Raises `Unreadable` once the mistake is in the report."""
        ...

    def schema(self) -> Schema:
        """Everything that can be read fits it; some that cannot be read may fit, too."""
        ...


@dataclass(frozen=True, slots=True)
class Words:
    """Any single value, as it was written: `1.10` stays 1.10, `on` stays on."""

    parse: Callable[[str], str] = str
    """Raises `ValueError` for what does not fit; may tidy up."""
    pattern: str = ""
    """For the schema only."""

    def read(self, node: Node, path: str, report: Report) -> str:
        return Parsed(self.parse, {}).read(node, path, report)

    def schema(self) -> Schema:
        text = {"type": ["string", "number", "boolean"]}
        return {**text, "pattern": self.pattern} if self.pattern else text


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """A single value that a function understands from the way it is written."""

    parse: Callable[[str], T]
    described: Schema

    def read(self, node: Node, path: str, report: Report) -> T:
        if not isinstance(node, Scalar) or is_null(node):
            raise report.refuse(
                node.place, path, f"a single value is expected, not {describe(node)}"
            )
        try:
            return self.parse(node.text)
        except ValueError as error:
            raise report.refuse(node.place, path, str(error)) from error

    def schema(self) -> Schema:
        return dict(self.described)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number in a range."""

    minimum: int
    maximum: int

    def read(self, node: Node, path: str, report: Report) -> int:
        number = parse_integer(node)
        if number is None:
            quoted = isinstance(node, Scalar) and node.text.isdecimal()
            hint = "; write it without quotes" if quoted else ""
            raise report.refuse(
                node.place, path, f"a whole number is expected, not {describe(node)}{hint}"
            )
        if not self.minimum <= number <= self.maximum:
            limits = f"{self.minimum} to {self.maximum}"
            raise report.refuse(node.place, path, f"{number} is out of range: {limits} is allowed")
        return number

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True)
class Number:
    """A number, not below a limit."""

    minimum: float

    def read(self, node: Node, path: str, report: Report) -> float:
        number = parse_number(node)
        if number is None:
            raise report.refuse(node.place, path, f"a number is expected, not {describe(node)}")
        if number < self.minimum:
            raise report.refuse(
                node.place, path, f"{number:g} is too small: {self.minimum:g} is the least"
            )
        return number

    def schema(self) -> Schema:
        return {"type": "number", "minimum": self.minimum}


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false`."""

    def read(self, node: Node, path: str, report: Report) -> bool:
        truth = parse_truth(node)
        if truth is None:
            raise report.refuse(
                node.place, path, f"true or false is expected, not {describe(node)}"
            )
        return truth

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some names."""

    names: tuple[str, ...]

    def read(self, node: Node, path: str, report: Report) -> str:
        if not isinstance(node, Scalar) or node.text not in self.names:
            word = node.text if isinstance(node, Scalar) else ""
            raise report.refuse(
                node.place,
                path,
                f"{describe(node)} is not one of {listed(self.names)}",
                nearest(word, self.names),
            )
        return node.text

    def schema(self) -> Schema:
        return {"enum": list(self.names)}


@dataclass(frozen=True)  # Python 3.11 cannot write Nothing[…](…) with slots
class Nothing(Generic[T]):
    """No value at all, which means a value of its own."""

    means: T

    def read(self, node: Node, path: str, report: Report) -> T:
        if not is_null(node):
            raise report.refuse(node.place, path, f"nothing is expected, not {describe(node)}")
        return self.means

    def schema(self) -> Schema:
        return {"type": "null"}


@dataclass(frozen=True)  # Python 3.11 cannot write Either[…](…) with slots
class Either(Generic[T]):
    """A word of its own, or something else."""

    word: str
    means: T
    other: Shape[T]

    def read(self, node: Node, path: str, report: Report) -> T:
        if isinstance(node, Scalar) and node.text == self.word:
            return self.means
        return self.other.read(node, path, report)

    def schema(self) -> Schema:
        return {"anyOf": [{"const": self.word}, self.other.schema()]}
