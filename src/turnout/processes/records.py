"""The files that remember a process. Each is replaced as a whole; a broken one reads as none."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from turnout.processes.identity import Identity


@dataclass(frozen=True, slots=True)
class LaunchRecord:
    """Written before the start: how to recognise what was started."""

    mark: str
    boot: str


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """Written by the shim: who runs."""

    shim: Identity
    service: Identity


def record_launch(folder: Path, record: LaunchRecord) -> None:
    """Forget an earlier run and note that one with this mark is about to start."""
    for name in ("process", "exit"):
        (folder / name).unlink(missing_ok=True)
    new = folder / "launch.new"
    text = json.dumps({"mark": record.mark, "boot": record.boot}) + "\n"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    new.replace(folder / "launch")


def read_launch(folder: Path) -> LaunchRecord | None:
    """What was started last; None when nothing was."""
    try:
        found = json.loads((folder / "launch").read_text())
        return LaunchRecord(str(found["mark"]), str(found["boot"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_process(folder: Path, mark: str) -> ProcessRecord | None:
    """Who runs or ran under this mark; None when the shim has not written it, or not to the end."""
    fields = _read_fields(folder / "process", mark, 4)
    if fields is None:
        return None
    shim, shim_started, service, service_started = fields
    return ProcessRecord(Identity(shim, shim_started), Identity(service, service_started))


def read_exit(folder: Path, mark: str) -> int | None:
    """How the run with this mark ended; None when that is not known."""
    fields = _read_fields(folder / "exit", mark, 1)
    return None if fields is None else fields[0]


def _read_fields(file: Path, mark: str, count: int) -> list[int] | None:
    """The numbers of a line `mark number … .`; None unless it is complete."""
    try:
        words = file.read_text().split()
        if len(words) != count + 2 or words[0] != mark or words[-1] != ".":
            return None
        return [int(word) for word in words[1:-1]]
    except (OSError, ValueError):
        return None
