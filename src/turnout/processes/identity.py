"""Which process is which: a pid alone may have been given to another one since."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "TURNOUT_PROCESS"
"""The environment variable by which processes that left their session are recognised."""

_ENDED = frozenset("ZXx")


@dataclass(frozen=True, slots=True)
class Identity:
    """One process for good: its pid, and its start in clock ticks since boot, which never jump."""

    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class Status:
    """What the kernel says about a process."""

    identity: Identity
    state: str
    parent: int
    group: int
    session: int

    @property
    def is_alive(self) -> bool:
        """Not yet ended; one that waits to be reaped has ended."""
        return self.state not in _ENDED


def observe_boot() -> str:
    """The id of this boot: start times of different boots do not compare."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def observe_status(pid: int) -> Status | None:
    """What the kernel says about the process with this pid; None when there is none."""
    line = _read(f"/proc/{pid}/stat")
    if not line:
        return None
    # The second field is the program's name in brackets, which may hold blanks and brackets.
    fields = line[line.rindex(b")") + 2 :].split(maxsplit=20)
    identity = Identity(pid, int(fields[19]))
    return Status(identity, fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[3]))


def is_alive(identity: Identity) -> bool:
    """Whether this very process runs."""
    status = observe_status(identity.pid)
    return status is not None and status.is_alive and status.identity == identity


def observe_all() -> Iterator[Status]:
    """Every process that runs."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            status = observe_status(int(entry.name))
            if status is not None and status.is_alive:
                yield status


def has_mark(pid: int, mark: str) -> bool:
    """Whether the process has this mark in its environment; False when that cannot be read."""
    environment = _read(f"/proc/{pid}/environ")
    return f"\0{MARK}={mark}\0".encode() in b"\0" + environment


def _read(file: str) -> bytes:
    """All of a small file; nothing when its process is gone. Called often: as fast as can be."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        data = b""
        while block := os.read(descriptor, 65536):
            data += block
        return data
    except OSError:  # it went while we read
        return b""
    finally:
        os.close(descriptor)
