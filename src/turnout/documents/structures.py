"""Shapes that hold others: lists, mappings, values made of what was read.

Reading never stops at a mistake: it is reported with its place, and the next part is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from turnout.documents.report import Full, Place, Report, Unreadable, listed
from turnout.documents.scalars import describe, is_null
from turnout.documents.shapes import Parsed, Schema, Shape
from turnout.documents.tree import ListNode, MapNode, Node, Scalar
from turnout.model.words import nearest

T = TypeVar("T")
S = TypeVar("S")

Values = dict[
    str, Any
]  # what stands under the keys of a record; the model that is made of it checks it


class Misfit(ValueError):
    """Raise it where a value is made, to say which key of it is wrong."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list of things of one shape."""

    item: Shape[T]
    minimum: int = 0
    maximum: int = 1000

    def read(self, node: Node, path: str, report: Report) -> tuple[T, ...]:
        if not isinstance(node, ListNode):
            raise report.refuse(node.place, path, f"a list is expected, not {describe(node)}")
        if len(node.items) < self.minimum:
            raise report.refuse(node.place, path, "the list is empty")
        if len(node.items) > self.maximum:
            raise report.refuse(
                node.place, path, f"{len(node.items)} are too many: {self.maximum} are allowed"
            )
        parts = enumerate(node.items)
        read = [_attempt(self.item, part, f"{path}.{n}", report) for n, part in parts]
        return tuple(_all(read))

    def schema(self) -> Schema:
        return {
            "type": "array",
            "items": self.item.schema(),
            "minItems": self.minimum,
            "maxItems": self.maximum,
        }


@dataclass(frozen=True, slots=True)
class MapOf(Generic[T]):
    """A mapping from names of the author's choice."""

    check_key: Callable[[str], str]
    """Gives the key back. Raises `ValueError` for one that does not fit."""
    key_pattern: str
    value: Shape[T]

    def read(self, node: Node, path: str, report: Report) -> dict[str, T]:
        if not isinstance(node, MapNode):
            raise report.refuse(node.place, path, f"a mapping is expected, not {describe(node)}")
        keys = Parsed(self.check_key, {})
        read = [
            (
                _attempt(keys, key, join(path, key.text), report),
                _attempt(self.value, value, join(path, key.text), report),
            )
            for key, value in node.entries
        ]
        return dict(zip(_all([k for k, _ in read]), _all([v for _, v in read]), strict=True))

    def schema(self) -> Schema:
        return {
            "type": "object",
            "propertyNames": {"pattern": self.key_pattern},
            "additionalProperties": self.value.schema(),
        }


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a record: what stands there, and what it is for, in a sentence."""

    shape: Shape[Any]
    about: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known keys."""

    keys: Mapping[str, Key]
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """What to say about a key that people look for here."""

    def read(self, node: Node, path: str, report: Report) -> Values:
        values, whole = self.read_parts(node, path, report)
        if not whole:
            raise Unreadable
        return values

    def read_parts(self, node: Node, path: str, report: Report) -> tuple[Values, bool]:
        """What could be read, and whether that is all."""
        if not isinstance(node, MapNode):
            raise report.refuse(node.place, path, f"a mapping is expected, not {describe(node)}")
        values: Values = {}
        meant = set()
        for key, part in node.entries:
            inside = join(path, key.text)
            if key.text not in self.keys:
                meant.add(self._refuse_key(key, inside, report))
                continue
            read = _attempt(self.keys[key.text].shape, part, inside, report)
            if not isinstance(read, _Missing):
                values[key.text] = read
        missing = [k for k, key in self.keys.items() if key.required and node.get(k) is None]
        for name in missing:
            if name not in meant:  # a misspelled key is told once
                report.add(node.place, join(path, name), "is missing")
        return values, len(values) == len(node.entries) and not missing

    def _refuse_key(self, key: Scalar, path: str, report: Report) -> str:
        """Report a key that is not one of ours, and say which one was probably meant."""
        if key.text in self.elsewhere:
            report.add(key.place, path, self.elsewhere[key.text])
            return ""
        if key.text == "<<":
            report.add(key.place, path, "merging is not part of YAML 1.2: write the keys out")
            return ""
        near = nearest(key.text, self.keys)
        known = "" if near else f"; there are {listed(sorted(self.keys))}"
        report.add(key.place, path, f"there is no such key{known}", near)
        return near

    def schema(self) -> Schema:
        required = [name for name, key in self.keys.items() if key.required]
        return {
            "type": "object",
            "properties": {
                name: {"description": key.about, **key.shape.schema()}
                for name, key in self.keys.items()
            },
            "additionalProperties": False,
            **({"required": required} if required else {}),
        }


@dataclass(frozen=True, slots=True)
class Single:
    """A mapping with exactly one key, which says what the rest is: `http: …`. Read as (key,
    value)."""

    kinds: Mapping[str, Key]

    def read(self, node: Node, path: str, report: Report) -> tuple[str, Any]:
        if not isinstance(node, MapNode) or len(node.entries) != 1:
            found = describe(node)
            if isinstance(node, MapNode):
                found = f"{len(node.entries)} keys"
            raise report.refuse(
                node.place, path, f"one key of {listed(self.kinds)} is expected, not {found}"
            )
        ((kind, value),) = Record(self.kinds).read(node, path, report).items()
        return kind, value

    def schema(self) -> Schema:
        return {**Record(self.kinds).schema(), "minProperties": 1, "maxProperties": 1}


@dataclass(frozen=True)  # Python 3.11 cannot write Forms[…](…) with slots
class Forms(Generic[T]):
    """Different forms, told apart by what kind of node stands there."""

    single: Shape[T] | None = None
    items: Shape[T] | None = None
    keyed: Shape[T] | None = None
    nothing: Shape[T] | None = None

    def read(self, node: Node, path: str, report: Report) -> T:
        shape = self._shape(node)
        if shape is None:
            raise report.refuse(
                node.place, path, f"{self._expected()} is expected, not {describe(node)}"
            )
        return shape.read(node, path, report)

    def _shape(self, node: Node) -> Shape[T] | None:
        match node:
            case ListNode():
                return self.items
            case MapNode():
                return self.keyed
            case Scalar():
                return self.nothing if self.nothing and is_null(node) else self.single

    def _expected(self) -> str:
        forms = {"a single value": self.single, "a list": self.items, "a mapping": self.keyed}
        return " or ".join(name for name, shape in forms.items() if shape is not None)

    def schema(self) -> Schema:
        forms = (self.single, self.items, self.keyed, self.nothing)
        return {"anyOf": [shape.schema() for shape in forms if shape is not None]}


@dataclass(frozen=True, slots=True)
class Made(Generic[S, T]):
    """A value made from what was read. What the making refuses is reported where it stands."""

    shape: Shape[S]
    make: Callable[[S], T]

    def read(self, node: Node, path: str, report: Report) -> T:
        read = self.shape.read(node, path, report)
        try:
            return self.make(read)
        except ValidationError as error:
            for one in error.errors():
                at = [str(part) for part in one["loc"]]
                message = one["msg"].removeprefix("Value error, ")
                report.add(place_of(node, at), ".".join([path, *at]), message)
            raise Unreadable from error
        except Misfit as error:
            place = place_of(node, [error.key])
            raise report.refuse(place, join(path, error.key), str(error)) from error
        except ValueError as error:
            raise report.refuse(node.place, path, str(error)) from error

    def schema(self) -> Schema:
        return self.shape.schema()


def join(path: str, key: str) -> str:
    """The dotted path of a key."""
    key = key if len(key) <= 60 else f"{key[:57]}…"
    return f"{path}.{key}" if path else key


class _Missing:
    """Stands for what could not be read."""


_MISSING = _Missing()


def _attempt(shape: Shape[T], node: Node, path: str, report: Report) -> T | _Missing:
    try:
        return shape.read(node, path, report)
    except Full:
        raise
    except Unreadable:
        return _MISSING


def _all(read: list[T | _Missing]) -> list[T]:
    found = [one for one in read if not isinstance(one, _Missing)]
    if len(found) < len(read):
        raise Unreadable
    return found


def place_of(node: Node, keys: list[str]) -> Place:
    """Where the innermost of these keys stands, as far as they are in the file."""
    for key in keys:
        inner = None
        if isinstance(node, MapNode):
            inner = node.get(key)
        elif isinstance(node, ListNode) and key.isdecimal() and int(key) < len(node.items):
            inner = node.items[int(key)]
        if inner is None:
            break
        node = inner
    return node.place
