"""Keeps a log from growing without end while its writer holds it open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_BLOCK = 1 << 20


def rotate(log: Path, max_bytes: int, keep: int) -> int:
    """Move the content of a log beyond `max_bytes` to `<log>.1`, that to `<log>.2`, up to `keep`.

    Returns the number of bytes that left the log, 0 when it is small enough. Of a log that outgrew
    its limit by far only the newest bytes are kept, two to three times `max_bytes`. The writer must
    append (O_APPEND) and notices nothing; what it writes between the end of the copy and the cut is
    lost.
    """
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return 0
    if size <= max_bytes:
        return 0
    for number in range(keep, 1, -1):
        older = _numbered(log, number - 1)
        if older.exists():
            older.replace(_numbered(log, number))
    return _copy_and_cut(log, max_bytes, _numbered(log, 1) if keep else None)


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")


def _copy_and_cut(log: Path, max_bytes: int, to: Path | None) -> int:
    with log.open("r+b") as source:
        size = os.fstat(source.fileno()).st_size
        source.seek(max(0, size - 2 * max_bytes))
        if to is not None:
            new = to.with_name(f"{to.name}.new")
            with new.open("wb") as target:
                os.fchmod(target.fileno(), 0o600)
                _copy(source, target, 3 * max_bytes)
            new.replace(to)
        moved = max(size, source.tell())
        os.ftruncate(source.fileno(), 0)
    return moved


def _copy(source: BinaryIO, target: BinaryIO, most: int) -> None:
    """Up to the end, even if it moves on meanwhile; but it may move on faster than we copy."""
    while most > 0 and (block := source.read(min(most, _BLOCK))):
        target.write(block)
        most -= len(block)
