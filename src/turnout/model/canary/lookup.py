"""Reading the free part of a configuration: values by path, typed, with every mistake noted.

Below a scalar there is nothing; through a list a value is looked up in each element. An explicit
null is told from an absent value, because the reference judge does so.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import Final

from pydantic import JsonValue

from turnout.model.errors import Problem
from turnout.model.words import nearest


class Absent(Enum):
    """The one value for what is not there."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
Found = JsonValue | Absent


def look_up(value: Found, *keys: str) -> Found:
    """What stands at a path."""
    for key in keys:
        value = _step(value, key)
    return value


def _step(value: Found, key: str) -> Found:
    if isinstance(value, dict):
        return value.get(key, ABSENT)
    if isinstance(value, list):
        steps = (_step(element, key) for element in value)
        return [item for item in steps if not isinstance(item, Absent)] or ABSENT
    return ABSENT


class Lookup:
    """Typed values of one mapping. A value of the wrong type is noted and read as the default."""

    def __init__(self, root: JsonValue, path: str) -> None:
        self._root = root
        self._path = path
        self.problems: list[Problem] = []

    def find(self, *keys: str) -> Found:
        """What stands there, untyped."""
        return look_up(self._root, *keys)

    def flag(self, *keys: str) -> bool:
        """True or false; null and absent are false."""
        found = self.find(*keys)
        if found is ABSENT or found is None:
            return False
        if isinstance(found, bool):
            return found
        self.note(keys, f"{_shown(found)} is not true or false")
        return False

    def number(self, *keys: str, default: float, null: float | None = None) -> float:
        """A number, not a text that looks like one; null reads as `null`, else as the default."""
        found = self.find(*keys)
        if found is ABSENT:
            return default
        if found is None:
            return default if null is None else null
        if isinstance(found, int | float) and not isinstance(found, bool):
            return float(found)
        self.note(keys, f"{_shown(found)} is not a number")
        return default

    def text(self, *keys: str, default: str) -> str:
        """A text; null is a mistake."""
        found = self.find(*keys)
        if found is ABSENT:
            return default
        if isinstance(found, str):
            return found
        self.note(keys, f"{_shown(found)} is not a text")
        return default

    def choice(self, *keys: str, names: Collection[str]) -> str:
        """One of some names, or an empty text for null and absent."""
        found = self.find(*keys)
        if found is ABSENT or found is None:
            return ""
        if isinstance(found, str) and found in names:
            return found
        near = nearest(found, names) if isinstance(found, str) else ""
        self.note(keys, f"{_shown(found)} is not one of {', '.join(names)}", near)
        return ""

    def note(self, keys: tuple[str, ...], message: str, near: str = "") -> None:
        """Note a mistake."""
        self.problems.append(Problem(message, ".".join((self._path, *keys)), nearest=near))


def _shown(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
