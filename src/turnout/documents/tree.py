"""YAML text as a tree of nodes that know where they stand. What the words mean is decided later.

Safe for any text: no tags, so nothing is ever built but text, lists and mappings; depth, size and
what aliases may multiply are bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from turnout.documents.report import Place, Report, shown

MAX_BYTES = 1024 * 1024
"""Of a file, and of what it amounts to with its aliases written out."""
MAX_NODES = 20_000
MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Scalar:
    """One word, number or text, as written. `is_plain`: without quotes, so it may be more than a
    text."""

    text: str
    is_plain: bool
    place: Place


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class MapNode:
    """Keys, each once, in the order of the file."""

    entries: tuple[tuple[Scalar, Node], ...]
    place: Place

    def get(self, key: str) -> Node | None:
        """What stands under a key."""
        return next((node for name, node in self.entries if name.text == key), None)


Node = Scalar | ListNode | MapNode


def compose(text: str, report: Report) -> Node:
    """Read one document. Raises `Unreadable` when it has no tree at all; lesser mistakes are
    only reported."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise report.refuse(Place(), "", "is not text: it holds half a character") from error
    if size > MAX_BYTES:
        raise report.refuse(Place(), "", f"has {size} bytes, {MAX_BYTES} are allowed")
    loader = yaml.CLoader(text)
    try:
        return _Composer(loader, report).document()
    except yaml.MarkedYAMLError as error:
        raise report.refuse(_place(error.problem_mark), "", _said(error)) from error
    except yaml.reader.ReaderError as error:
        raise report.refuse(_place_of(text, error.position), "", f"{error.reason}") from error
    finally:
        loader.dispose()


@dataclass(slots=True)
class _Weight:
    """What has been read so far, with aliases written out."""

    nodes: int = 0
    size: int = 0


@dataclass(slots=True)
class _Composer:
    loader: yaml.CLoader
    report: Report
    weight: _Weight = field(default_factory=_Weight)
    anchors: dict[str, tuple[Node, _Weight]] = field(default_factory=dict)
    open_anchors: set[str] = field(default_factory=set)

    def document(self) -> Node:
        self.next()  # the stream begins
        if self.loader.check_event(yaml.StreamEndEvent):
            raise self.report.refuse(Place(1, 1), "", "is empty")
        self.next()  # the document begins
        root = self.node(0)
        self.next()
        if not self.loader.check_event(yaml.StreamEndEvent):
            place = _place(self.next().start_mark)
            self.report.add(place, "", "a second document begins here, and only one is read")
        return root

    def next(self) -> Any:  # the stubs know less about events than the library does
        return self.loader.get_event()

    def node(self, depth: int) -> Node:
        event = self.next()
        place = _place(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(str(event.anchor), place)
        if depth > MAX_DEPTH:
            raise self.report.refuse(place, "", f"is nested more than {MAX_DEPTH} deep")
        if event.tag not in (None, "!"):
            self.report.add(place, "", f"the tag {shown(event.tag)} is not allowed here")
        before = _Weight(self.weight.nodes, self.weight.size)
        if event.anchor is not None:
            self.open_anchors.add(event.anchor)
        made = self.content(event, place, depth)
        if event.anchor is not None:
            weight = _Weight(self.weight.nodes - before.nodes, self.weight.size - before.size)
            self.anchors[event.anchor] = (made, weight)
            self.open_anchors.discard(event.anchor)
        return made

    def content(self, event: Any, place: Place, depth: int) -> Node:
        match event:
            case yaml.ScalarEvent():
                self.grow(1, len(event.value), place)
                return Scalar(event.value, event.style in (None, ""), place)
            case yaml.SequenceStartEvent():
                self.grow(1, 0, place)
                return ListNode(self.items(depth), place)
            case _:
                self.grow(1, 0, place)
                return MapNode(self.entries(depth), place)

    def items(self, depth: int) -> tuple[Node, ...]:
        found = []
        while not self.loader.check_event(yaml.SequenceEndEvent):
            found.append(self.node(depth + 1))
        self.next()
        return tuple(found)

    def entries(self, depth: int) -> tuple[tuple[Scalar, Node], ...]:
        found: dict[str, tuple[Scalar, Node]] = {}
        while not self.loader.check_event(yaml.MappingEndEvent):
            key, value = self.node(depth + 1), self.node(depth + 1)
            if not isinstance(key, Scalar):
                self.report.add(key.place, "", "a key must be a word, not a list or a mapping")
            elif key.text in found:
                first = found[key.text][0].place.line
                self.report.add(
                    key.place, "", f"the key {shown(key.text)} is there already, in line {first}"
                )
            else:
                found[key.text] = (key, value)
        self.next()
        return tuple(found.values())

    def alias(self, anchor: str, place: Place) -> Node:
        if anchor in self.open_anchors:
            raise self.report.refuse(place, "", f"*{anchor} stands inside of what it stands for")
        if anchor not in self.anchors:
            raise self.report.refuse(
                place, "", f"*{anchor} stands for nothing: no &{anchor} before"
            )
        node, weight = self.anchors[anchor]
        self.grow(weight.nodes, weight.size, place)
        return node

    def grow(self, nodes: int, size: int, place: Place) -> None:
        self.weight.nodes += nodes
        self.weight.size += size
        if self.weight.nodes > MAX_NODES or self.weight.size > MAX_BYTES:
            raise self.report.refuse(place, "", "is too large from here on")


def _place(mark: Any) -> Place:  # there are two classes of marks
    return Place() if mark is None else Place(mark.line + 1, mark.column + 1)


def _place_of(text: str, position: int) -> Place:
    before = text[:position]
    return Place(before.count("\n") + 1, position - before.rfind("\n"))


def _said(error: yaml.MarkedYAMLError) -> str:
    context = f" ({error.context})" if error.context else ""
    return f"this is not YAML: {error.problem}{context}"
