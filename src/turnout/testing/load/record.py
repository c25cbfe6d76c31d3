"""Keeps one row per request, in columns: a million rows fit into 26 MB."""

from __future__ import annotations

import base64
import sys
import zlib
from array import array
from collections.abc import Iterator, Mapping
from typing import NamedTuple

MAX_TEXTS = 65_535
TOO_MANY = "(more different texts than are kept)"


class Row(NamedTuple):
    """One request as it was recorded. Times in seconds: `due` since 1970, the others since then."""

    due: float
    wait: float
    """From when it was due to when it was written, a new connection's opening included."""
    latency: float
    status: int
    version: str
    error: str
    is_repeated: bool


class Texts:
    """Numbers for texts that come again and again."""

    __slots__ = ("_numbers", "texts")

    def __init__(self, texts: tuple[str, ...] = ("",)) -> None:
        self.texts = list(texts)
        self._numbers = {text: number for number, text in enumerate(texts)}

    def number(self, text: str) -> int:
        """The number of a text; all those beyond the limit share one."""
        known = self._numbers.get(text)
        if known is not None:
            return known
        if len(self.texts) >= MAX_TEXTS - 1 and text != TOO_MANY:
            return self.number(TOO_MANY)
        self.texts.append(text)
        self._numbers[text] = len(self.texts) - 1
        return len(self.texts) - 1


class Columns:
    """Rows in the order in which the requests ended."""

    __slots__ = (
        *("due", "wait", "latency", "status", "version", "error", "repeated"),
        *("versions", "errors"),
    )

    def __init__(self, versions: Texts | None = None, errors: Texts | None = None) -> None:
        self.due = array("d")
        self.wait = array("f")
        self.latency = array("f")
        self.status = array("H")
        self.version = array("H")
        self.error = array("H")
        self.repeated = array("B")
        self.versions = versions or Texts()
        self.errors = errors or Texts()

    def __len__(self) -> int:
        return len(self.due)

    def __iter__(self) -> Iterator[Row]:
        return map(self.row, range(len(self)))

    def append(self, row: Row) -> None:
        """Add one row at the end."""
        self.due.append(row.due)
        self.wait.append(row.wait)
        self.latency.append(row.latency)
        self.status.append(row.status)
        self.version.append(self.versions.number(row.version))
        self.error.append(self.errors.number(row.error))
        self.repeated.append(row.is_repeated)

    def row(self, index: int) -> Row:
        """The row with this index."""
        return Row(
            self.due[index],
            self.wait[index],
            self.latency[index],
            self.status[index],
            self.versions.texts[self.version[index]],
            self.errors.texts[self.error[index]],
            bool(self.repeated[index]),
        )

    def copy(self) -> Columns:
        """The rows so far; adding to one does not change the other."""
        twin = Columns(Texts(tuple(self.versions.texts)), Texts(tuple(self.errors.texts)))
        for name in _ARRAYS:
            setattr(twin, name, getattr(self, name)[:])
        return twin

    def dump(self) -> dict[str, object]:
        """As JSON can hold it: texts as lists, figures as base64 of packed numbers."""
        packed = {name: _pack(getattr(self, name)) for name in _ARRAYS}
        return {"versions": self.versions.texts, "errors": self.errors.texts, **packed}


_ARRAYS = ("due", "wait", "latency", "status", "version", "error", "repeated")


def load_columns(dumped: Mapping[str, object]) -> Columns:
    """Read what `dump` wrote. Raises `ValueError` when a part is missing or torn."""
    versions, errors = dumped.get("versions"), dumped.get("errors")
    if not isinstance(versions, list) or not isinstance(errors, list):
        raise ValueError("recorded answers lack their versions or errors")
    columns = Columns(Texts(tuple(map(str, versions))), Texts(tuple(map(str, errors))))
    for name in _ARRAYS:
        _unpack(getattr(columns, name), str(dumped.get(name, "")))
    if len({len(getattr(columns, name)) for name in _ARRAYS}) != 1:
        raise ValueError("recorded answers have columns of different lengths")
    return columns


def _pack(numbers: array[float] | array[int]) -> str:
    little = numbers[:]
    if sys.byteorder == "big":
        little.byteswap()
    return base64.b64encode(zlib.compress(little.tobytes(), 1)).decode("ascii")


def _unpack(empty: array[float] | array[int], packed: str) -> None:
    try:
        empty.frombytes(zlib.decompress(base64.b64decode(packed)))
    except zlib.error as error:
        raise ValueError(f"recorded answers are torn: {error}") from error
    if sys.byteorder == "big":
        empty.byteswap()
