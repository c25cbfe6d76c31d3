"""One server group: has as many instances as wished, and lets those that go drain first."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import structlog

from turnout.model.errors import GuardRefused, Temporary, TurnoutError
from turnout.model.servers import InstanceState, ServerGroup
from turnout.model.traffic import DrainReport
from turnout.ports import Order
from turnout.providers.local import facts
from turnout.providers.local.facts import GroupFact, SlotFact
from turnout.providers.local.site import Site
from turnout.providers.local.slot import FACT as SLOT_FACT
from turnout.providers.local.slot import Slot

FACT = "group.json"

_log = structlog.get_logger()

_RETRY = 1.0
_DRAINER_GRACE = 5.0
"""Seconds beyond its time-out after which a drainer that does not answer is not waited for."""


class Group:
    """A folder with the wish for a server group, and its instances below it."""

    def __init__(self, folder: Path, fact: GroupFact, site: Site) -> None:
        self.slots: dict[str, Slot] = {}
        self._folder = folder
        self._fact = fact
        self._site = site
        self._lock = asyncio.Lock()
        self._is_due = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._retirements: set[asyncio.Task[None]] = set()

    @property
    def fact(self) -> GroupFact:
        """What was wished for last."""
        return self._fact

    def observe(self) -> ServerGroup:
        """The group as it is now."""
        fact = self._fact
        return ServerGroup(
            name=fact.name,
            cluster=fact.cluster,
            settings=fact.settings,
            desired=fact.desired,
            created_at=fact.created_at,
            deployment=fact.deployment,
            pin=fact.pin,
            cold_at=fact.cold_at,
            role=fact.role,
            instances=tuple(slot.observe() for slot in self.slots.values()),
        )

    # Coming to life

    def find_slots(self) -> None:
        """Find the instances on disk; processes that run are adopted."""
        folders = [f for f in self._folder.glob("i-*") if f.is_dir() and f.name[2:].isdigit()]
        for folder in sorted(folders, key=lambda f: _number(f.name)):
            fact = facts.read(folder / SLOT_FACT, SlotFact)
            if fact is None or not self._site.ports.claim(fact.port):
                # Without a port of its own it cannot be used: have it ended, and another made.
                now = self._site.clock.now()
                fact = SlotFact(port=0, state=InstanceState.DRAINING, since=now)
            self.slots[folder.name] = self._slot(folder, fact)

    def start(self) -> None:
        """Take care of the group from now on."""
        draining = [slot for slot in self.slots.values() if slot.is_draining]
        for slot in self.slots.values():
            if not slot.is_draining:
                slot.supervise()
        self._retire(draining)
        name = f"keep the size of {self._fact.name}"
        self._keeping = self._site.tasks.spawn(self._keep_size(), name)
        self._is_due.set()

    # Obeying

    async def adopt(self, order: Order) -> None:
        """Note the repeated order to create it."""
        async with self._lock:
            if not self._fact.obeyed.is_late(order):
                await self._change(order)

    async def resize(self, instances: int, order: Order) -> None:
        """Strive for this many instances. Returns when that is recorded."""
        async with self._lock:
            fact = self._fact
            if fact.obeyed.is_late(order):
                return
            if instances < fact.pin:
                raise GuardRefused(
                    f"{fact.name} cannot be resized to {instances}: "
                    f"it is pinned to at least {fact.pin} while a deployment needs it",
                    rule="pinned",
                    hint="Wait for the deployment to end, or cancel it.",
                )
            await self._change(order, desired=instances)
        self._is_due.set()

    async def change(self, order: Order, **changes: object) -> None:
        """Replace parts of the wish that need nothing done."""
        async with self._lock:
            if not self._fact.obeyed.is_late(order):
                await self._change(order, **changes)

    async def end(self, order: Order) -> bool:
        """Have all instances drained and ended. False when the order comes too late."""
        async with self._lock:
            if self._fact.obeyed.is_late(order) and self._fact.destroyed_by is None:
                return False
            if self._fact.destroyed_by is None:
                await self._change(order, destroyed_by=order, desired=0, pin=0, cold_at=None)
            self._retire([slot for slot in self.slots.values() if not slot.is_draining])
        if self._retirements:
            await asyncio.wait(self._retirements)
        return True

    async def forget(self) -> None:
        """Remove its files. The wish goes last: the next start goes on from there.

        Raises `Temporary`.
        """
        try:
            await asyncio.to_thread(_remove, self._folder)
        except OSError as error:
            raise Temporary(f"{self._folder} could not be removed: {error}") from error
        if self._keeping is not None:
            self._keeping.cancel()

    async def _change(self, order: Order, **changes: object) -> None:
        update = {**changes, "obeyed": self._fact.obeyed.after(order)}
        fact = self._fact.model_copy(update=update)
        if fact != self._fact:
            await facts.record(self._folder / FACT, fact)
            self._fact = fact

    # Having the size

    async def _keep_size(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            try:
                async with self._lock:
                    await self._reach_size()
            except Temporary as error:
                _log.warning("group.not_resized", group=self._fact.name, error=error.message)
                await asyncio.sleep(_RETRY)
                self._is_due.set()

    async def _reach_size(self) -> None:
        active = [slot for slot in self.slots.values() if not slot.is_draining]
        surplus = len(active) - self._fact.desired
        if surplus > 0:  # unhealthy ones first, then the newest
            leaving = sorted(active, key=lambda s: (s.is_healthy, -_number(s.id)))[:surplus]
            self._retire(leaving)
        for _ in range(-surplus):
            await self._add_slot()
        if surplus < 0:
            self._site.on_change(self._fact.cluster)

    async def _add_slot(self) -> None:
        used = [_number(name) for name in self.slots]
        folder = self._folder / f"i-{max([self._fact.removed, *used]) + 1}"
        port = self._site.ports.reserve()
        fact = SlotFact(port=port, since=self._site.clock.now())
        try:
            await facts.record(folder / SLOT_FACT, fact)
        except Temporary:
            self._site.ports.release(port)
            raise
        self.slots[folder.name] = slot = self._slot(folder, fact)
        slot.supervise()

    def _slot(self, folder: Path, fact: SlotFact) -> Slot:
        return Slot(
            folder,
            cluster=self._fact.cluster,
            group=self._fact.name,
            settings=self._fact.settings,
            fact=fact,
            site=self._site,
        )

    # Letting instances go

    def _retire(self, leaving: Sequence[Slot]) -> None:
        """From now on these take no part; they drain and end in a task of their own."""
        if not leaving:
            return
        for slot in leaving:
            slot.leave()
        name = f"retire {len(leaving)} of {self._fact.name}"
        task = self._site.tasks.spawn(self._retire_all(leaving), name)
        self._retirements.add(task)
        task.add_done_callback(self._retirements.discard)

    async def _retire_all(self, leaving: Sequence[Slot]) -> None:
        await asyncio.gather(*(slot.begin_drain() for slot in leaving))
        self._site.on_change(self._fact.cluster)
        running = [slot.id for slot in leaving if slot.is_running]
        if running:
            await self._await_drained(running)
        await asyncio.gather(*(self._end(slot) for slot in leaving))

    async def _await_drained(self, instances: Sequence[str]) -> None:
        """Until their requests are done or the drain time-out has passed, router or no router."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._fact.settings.drain_timeout.total_seconds()
        while True:
            rest = max(0.0, deadline - loop.time())
            try:
                async with asyncio.timeout_at(deadline + _DRAINER_GRACE):
                    report = await self._site.drainer.await_drained(
                        self._fact.cluster, self._fact.name, instances, timedelta(seconds=rest)
                    )
                self._tell_drained(instances, report)
                return
            except (TurnoutError, TimeoutError) as error:
                _log.warning("group.not_drained", group=self._fact.name, error=str(error))
            if not rest:
                return
            await asyncio.sleep(min(_RETRY, max(0.0, deadline - loop.time())))

    def _tell_drained(self, instances: Sequence[str], report: DrainReport) -> None:
        _log.info("instances.drained", group=self._fact.name, **report.model_dump())
        if not (report.requests_left or report.connections_closed):
            return
        self._site.tell(
            self._fact.cluster,
            "instance.drained",
            f"{', '.join(instances)} of {self._fact.name} did not drain within "
            f"{self._fact.settings.drain_timeout.total_seconds():g} s: "
            f"{report.requests_left} requests were left, "
            f"{report.connections_closed} long-lived connections closed",
            {"group": self._fact.name, **report.model_dump()},
        )

    async def _end(self, slot: Slot) -> None:
        while True:
            try:
                await slot.stop()
                await self._note_removed(_number(slot.id))
                await slot.forget()
                break
            except OSError as error:
                _log.error("instance.not_ended", group=self._fact.name, error=str(error))
                await asyncio.sleep(_RETRY)
        del self.slots[slot.id]
        self._site.on_change(self._fact.cluster)

    async def _note_removed(self, number: int) -> None:
        """So that its number is not given again."""
        async with self._lock:
            if number <= self._fact.removed or self._fact.destroyed_by is not None:
                return
            self._fact = self._fact.model_copy(update={"removed": number})
            try:
                await facts.record(self._folder / FACT, self._fact)
            except Temporary as error:
                _log.warning("group.not_recorded", group=self._fact.name, error=error.message)


def _number(slot: str) -> int:
    return int(slot.removeprefix("i-"))


def _remove(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name != FACT:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    (folder / FACT).unlink(missing_ok=True)
    folder.rmdir()
