"""A minute of figures as one line of text, and back. Pure.

A line is JSON: when the looks were taken (ms, the first since 1970, then from one to the next), how
long before each the one before it was (ms), and per group a block: base64 of zlib of JSON, by
columns. A column of zeros is left out, so a group that is idle takes about 30 bytes; and of the
other groups' blocks nothing but the text is read.
"""

from __future__ import annotations

import binascii
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

Values = Mapping[str, float | None]
"""By column. What is not there is 0; None is what nobody knows."""

_AT = "at"
_COLUMNS = "columns"


@dataclass(frozen=True, slots=True)
class Look:
    """All groups at one moment: `end` is Unix time, `took` the time since the look before, both in
    seconds. A group of which nobody knows anything is not in it.
    """

    end: float
    took: float
    groups: Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Sample:
    """One group within one look: what was added, or was so, in [end - took, end)."""

    end: float
    took: float
    values: Values

    @property
    def begin(self) -> float:
        """When the sample before was taken."""
        return self.end - self.took

    @property
    def middle(self) -> float:
        """By this a sample belongs to a step."""
        return self.end - self.took / 2


@dataclass(frozen=True, slots=True)
class Page:
    """Looks as they are written; groups are read when they are asked for."""

    ends: Sequence[float]
    took: Sequence[float]
    blocks: Mapping[str, str]

    def read(self, group: str) -> Iterator[Sample]:
        """The group's samples; none of a block that cannot be read."""
        block = _unpack(self.blocks.get(group, ""))
        if block is None:
            return
        columns: dict[str, list[float | None]] = block[_COLUMNS]
        for row, index in enumerate(block.get(_AT, range(len(self.ends)))):
            values = {name: column[row] for name, column in columns.items() if column[row] != 0}
            yield Sample(self.ends[index], self.took[index], values)


def format_page(looks: Sequence[Look]) -> str:
    """One line, without its end. There must be a look."""
    ends = [milliseconds(look.end) for look in looks]
    groups = sorted({group for look in looks for group in look.groups})
    page = {
        "ends": [ends[0], *(late - early for early, late in pairwise(ends))],
        "took": [milliseconds(look.took) for look in looks],
        "groups": {group: _pack(_build_block(looks, group)) for group in groups},
    }
    return json.dumps(page, separators=(",", ":"))


def parse_page(line: str | bytes) -> Page | None:
    """Read a line; None when it is not a whole one."""
    try:
        page = json.loads(line)
        ends = [end / 1000 for end in accumulate(page["ends"])]
        took = [time / 1000 for time in page["took"]]
        return Page(ends, took, dict(page["groups"])) if len(ends) == len(took) else None
    except (KeyError, TypeError, ValueError):
        return None


def milliseconds(seconds: float) -> int:
    """How finely times are kept."""
    return round(seconds * 1000)


def _build_block(looks: Sequence[Look], group: str) -> dict[str, Any]:  # JSON
    there = [index for index, look in enumerate(looks) if group in look.groups]
    rows = [looks[index].groups[group] for index in there]
    names = sorted({name for row in rows for name in row})
    columns = {name: [row.get(name, 0) for row in rows] for name in names}
    block: dict[str, Any] = {
        _COLUMNS: {name: column for name, column in columns.items() if any(v != 0 for v in column)}
    }
    if len(there) < len(looks):
        block[_AT] = there
    return block


def _pack(block: Mapping[str, Any]) -> str:
    return b64encode(zlib.compress(json.dumps(block, separators=(",", ":")).encode())).decode()


def _unpack(text: str) -> dict[str, Any] | None:
    """None when there is nothing, or nothing that can be read."""
    try:
        block = json.loads(zlib.decompress(b64decode(text))) if text else None
    except (binascii.Error, zlib.error, ValueError):
        return None
    return block if isinstance(block, dict) else None
