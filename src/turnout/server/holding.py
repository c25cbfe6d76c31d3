"""One server at a time on a data folder: whoever comes second is told who holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from turnout.model.errors import Conflict, Permanent
from turnout.model.value import Value

LOCK = "lock"


class Holder(Value):
    """Who uses a data folder."""

    pid: int
    address: str
    started_at: datetime


@contextmanager
def holding(data: Path) -> Iterator[Callable[[str], None]]:
    """Hold the data folder, made if need be, for as long as the block or this process lasts.

    What it yields notes the address of the server, for those who come second. Raises `Conflict`
    when another process holds it, `Permanent` when it cannot be used.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        data.chmod(0o700)
        descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Permanent(
            f"The data folder {data} cannot be used: {error.strerror}",
            hint="Make it writable for this user, or choose another with --data or TURNOUT_DATA.",
        ) from error
    try:
        _lock(descriptor, data)
        started = datetime.now(UTC)

        def note(address: str) -> None:
            holder = Holder(pid=os.getpid(), address=address, started_at=started)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, holder.model_dump_json().encode(), 0)

        note("an address yet to come")
        yield note
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def read_holder(data: Path) -> Holder | None:
    """The server that holds the data folder now; None when nobody does."""
    try:
        descriptor = os.open(data / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except OSError:
        return _read(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, data: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = _read(descriptor)
        who = (
            f"process {holder.pid}, at {holder.address}, "
            f"since {holder.started_at:%Y-%m-%d %H:%M:%S} UTC"
            if holder
            else "a process that is just starting"
        )
        raise Conflict(
            f"Another Turnout server uses the data folder {data}: {who}",
            hint="Use that one, stop it first, or choose another folder with --data.",
        ) from error


def _read(descriptor: int) -> Holder | None:
    try:
        return Holder.model_validate_json(os.pread(descriptor, 4096, 0))
    except ValidationError:
        return None
