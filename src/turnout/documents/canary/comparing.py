"""What differs between two documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from pydantic import JsonValue

from turnout.model.value import Value

Document = Mapping[str, JsonValue]


class ChangeKind(StrEnum):
    """What became of a value."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Change(Value):
    """One difference. `path` names metrics instead of counting them: `metrics[cpu].groups`."""

    path: str
    kind: ChangeKind
    before: JsonValue = None
    after: JsonValue = None


def compare(before: Document, after: Document) -> tuple[Change, ...]:
    """Every difference, in the order of the first document; then what only the second one has."""
    return tuple(_mappings(before, after, str))


def _values(before: JsonValue, after: JsonValue, path: str) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _mappings(before, after, lambda name: f"{path}.{name}")
        return
    named = _named(before), _named(after)
    if named[0] is not None and named[1] is not None:
        yield from _lists(named[0], named[1], path)
    elif not _is_same(before, after):
        yield Change(path=path, kind=ChangeKind.CHANGED, before=before, after=after)


def _lists(before: Document, after: Document, path: str) -> Iterator[Change]:
    """Two lists of things with names: these are compared by name, and then their order."""
    yield from _mappings(before, after, lambda name: f"{path}[{name}]")
    one, other = [n for n in before if n in after], [n for n in after if n in before]
    if one != other:
        yield Change(path=f"{path} (order)", kind=ChangeKind.CHANGED, before=[*one], after=[*other])


def _mappings(before: Document, after: Document, path_of: Callable[[str], str]) -> Iterator[Change]:
    for name, value in before.items():
        if name in after:
            yield from _values(value, after[name], path_of(name))
        else:
            yield Change(path=path_of(name), kind=ChangeKind.REMOVED, before=value)
    for name, value in after.items():
        if name not in before:
            yield Change(path=path_of(name), kind=ChangeKind.ADDED, after=value)


def _named(value: JsonValue) -> dict[str, JsonValue] | None:
    """The items of a list by their names, if each has one of its own."""
    if not isinstance(value, list):
        return None
    found = {
        name: item
        for item in value
        if isinstance(item, dict) and isinstance(name := item.get("name"), str)
    }
    return {**found} if len(found) == len(value) else None


def _is_same(before: JsonValue, after: JsonValue) -> bool:
    """In Python alone `true` would be the same as 1."""
    return before == after and isinstance(before, bool) == isinstance(after, bool)
