"""What processes use, with all that they have started."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_DEEPEST = 100
"""Generations; pids that are given again while we look could make a circle."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process, or of several together."""

    cpu_seconds: float = 0.0
    """Since their start; children that have ended and were waited for are in it."""
    memory: int = 0
    """Resident bytes. Pages that processes share count for each of them."""
    open_files: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.cpu_seconds + other.cpu_seconds,
            self.memory + other.memory,
            self.open_files + other.open_files,
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    parent: int
    session: int
    cpu_seconds: float
    memory: int


def observe_usage(roots: Collection[int]) -> dict[int, Usage]:
    """Per root: what it uses, together with its descendants and with everybody in its session.

    One look at `/proc` for all; a root that is gone uses nothing.
    """
    table = {int(e.name): _read(e.name) for e in os.scandir("/proc") if e.name.isdigit()}
    there = {pid: entry for pid, entry in table.items() if entry is not None}
    wanted = frozenset(roots)
    found = dict.fromkeys(wanted, Usage())
    for pid, entry in there.items():
        root = _find_root(pid, there, wanted)
        if root is not None:
            found[root] += Usage(entry.cpu_seconds, entry.memory, _count_files(pid))
    return found


def _find_root(pid: int, table: Mapping[int, _Entry], roots: frozenset[int]) -> int | None:
    """Whom a process belongs to: a session outlives the shim that led it."""
    for _ in range(_DEEPEST):
        entry = table.get(pid)
        if entry is None:
            return None
        if pid in roots or entry.session in roots:
            return pid if pid in roots else entry.session
        pid = entry.parent
    return None


def _read(pid: str) -> _Entry | None:
    """None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - hundreds of times a look
            line = file.read()
    except OSError:
        return None
    # The second field is the program's name in brackets, which may hold blanks and brackets.
    fields = line[line.rindex(b")") + 2 :].split()
    ticks = sum(int(field) for field in fields[11:15])
    return _Entry(int(fields[1]), int(fields[3]), ticks / _TICKS, int(fields[21]) * _PAGE)


def _count_files(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - only the number is wanted
    except OSError:
        return 0
