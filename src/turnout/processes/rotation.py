"""Keeps a log from growing without end while its writer holds it open."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def rotate(log: Path, max_bytes: int, keep: int) -> int:
    """Move the content of a log beyond `max_bytes` to `<log>.1`, that to `<log>.2`, up to `keep`.

    Returns the number of bytes that left the log, 0 when it is small enough. Of a log that outgrew
    its limit by far only the newest bytes are kept, twice `max_bytes`. The writer must append
    (O_APPEND) and notices nothing; what it writes between the end of the copy and the cut is lost.
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
        if to is not None:
            source.seek(-min(2 * max_bytes, os.fstat(source.fileno()).st_size), os.SEEK_END)
            new = to.with_name(f"{to.name}.new")
            with new.open("wb") as target:
                os.fchmod(target.fileno(), 0o600)
                shutil.copyfileobj(source, target, 1 << 20)
            new.replace(to)
        moved = os.fstat(source.fileno()).st_size if to is None else source.tell()
        os.ftruncate(source.fileno(), 0)
    return moved
