"""What the local target remembers on disk: one file per fact, replaced as a whole.

A file that cannot be read is put aside, and the state before it is used when that can be read: what
runs must not be forgotten because of one bad block.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic import ValidationError

from turnout.model.errors import Temporary
from turnout.model.servers import GroupSettings, InstanceState, Role
from turnout.model.value import Value
from turnout.ports import Order

_log = structlog.get_logger()

_ORDERS_KEPT = 16
_TOMBSTONES_KEPT = 100


class Obeyed(Value):
    """The last orders obeyed, one of each deployment; what is numbered below comes too late."""

    orders: tuple[Order, ...] = ()

    def is_late(self, order: Order) -> bool:
        """Whether a later order of the same deployment has been obeyed already."""
        return any(
            o.deployment == order.deployment and o.number > order.number for o in self.orders
        )

    def after(self, order: Order) -> Obeyed:
        """With this order noted as the last one of its deployment."""
        others = tuple(o for o in self.orders if o.deployment != order.deployment)
        return Obeyed(orders=(*others, order)[-_ORDERS_KEPT:])


class GroupFact(Value):
    """A server group as it was last wished for."""

    name: str
    cluster: str
    deployment: str
    settings: GroupSettings
    created_at: datetime
    desired: int
    role: Role = Role.PRODUCTION
    pin: int = 0
    cold_at: datetime | None = None
    obeyed: Obeyed = Obeyed()
    removed: int = -1
    """The highest number of an instance that was removed: numbers are not given again."""
    destroyed_by: Order | None = None
    """Who had it destroyed; its instances are on their way out."""


class SlotFact(Value):
    """One instance: what must be known after a restart and cannot be read from its process."""

    port: int
    state: InstanceState = InstanceState.STARTING
    since: datetime
    was_healthy: bool = False
    restarts: int = 0
    failures: int = 0
    """Exits before it ever was healthy."""
    streak: int = 0
    """Restarts since it last was healthy for long."""
    exit_code: int | None = None
    hopeless: str = ""
    ended: str = ""
    """The mark of the process whose end was taken note of last."""


class Tombstone(Value):
    """A server group that is gone, so that a late command does not raise it from the dead."""

    group: str
    deployments: frozenset[str] = frozenset()
    """Who made it and who destroyed it: for them it stays gone."""


class ClusterFact(Value):
    """What must be known of a cluster when its server groups are gone."""

    newest: str = ""
    tombstones: tuple[Tombstone, ...] = ()

    def tombstone(self, group: str) -> Tombstone | None:
        """The end of the last group of this name."""
        return next((t for t in self.tombstones if t.group == group), None)

    def after_creation(self, group: str) -> ClusterFact:
        """With this group as the newest."""
        return ClusterFact(newest=group, tombstones=self._others(group))

    def after_destruction(self, group: str, *deployments: str) -> ClusterFact:
        """With the end of the group noted, be it there or gone already."""
        before = self.tombstone(group) or Tombstone(group=group)
        tombstone = Tombstone(group=group, deployments=before.deployments.union(deployments))
        kept = (*self._others(group), tombstone)[-_TOMBSTONES_KEPT:]
        return ClusterFact(newest=self.newest, tombstones=kept)

    def _others(self, group: str) -> tuple[Tombstone, ...]:
        return tuple(t for t in self.tombstones if t.group != group)


Fact = TypeVar("Fact", GroupFact, SlotFact, ClusterFact)


async def record(file: Path, fact: GroupFact | SlotFact | ClusterFact) -> None:
    """Replace the fact on disk. Raises `Temporary` when that fails; the old one is then kept.

    A cancelled caller still waits for the end of the write: no two writes of one file overlap.
    """
    writing = asyncio.ensure_future(asyncio.to_thread(_write, file, fact.model_dump_json()))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        with contextlib.suppress(Temporary):
            await writing
        raise


def _write(file: Path, text: str) -> None:
    new, previous = _beside(file, "new"), _beside(file, "previous")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        previous.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.link(file, previous)
        new.replace(file)
        _sync_folder(file.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise Temporary(
            f"{file} could not be written: {error.strerror or error}; it holds what it held before",
            hint="Look at the free space and the permissions of that folder.",
        ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(file: Path, kind: type[Fact]) -> Fact | None:
    """The fact, or the one before it when the file is broken; None when neither can be read."""
    for candidate in (file, _beside(file, "previous")):
        try:
            return kind.model_validate_json(candidate.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ValidationError) as error:
            put_aside(candidate, str(error))
    return None


def put_aside(path: Path, reason: str) -> Path:
    """Rename what cannot be used to the first free `<name>.broken-<n>` and say so in the log."""
    number = 1
    while (aside := _beside(path, f"broken-{number}")).exists():
        number += 1
    with contextlib.suppress(OSError):
        path.rename(aside)
    _log.error("fact.put_aside", path=str(path), aside=str(aside), reason=reason)
    return aside


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(f"{file.name}.{ending}")
