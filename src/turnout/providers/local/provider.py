"""The adapter itself: every command of the ports, checked, written down, handed to its group."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from turnout import processes
from turnout.model.errors import Conflict, InvalidDocument, NotFound, Permanent, Temporary
from turnout.model.journal import Event
from turnout.model.names import parse_group
from turnout.ports import Clock, Drainer, Groups, GroupWish, Order
from turnout.processes import Process
from turnout.providers.local import facts
from turnout.providers.local.facts import ClusterFact, GroupFact, Obeyed
from turnout.providers.local.group import FACT as GROUP_FACT
from turnout.providers.local.group import Group
from turnout.providers.local.output import MAX_BYTES
from turnout.providers.local.port_range import PortRange
from turnout.providers.local.site import Site

FIRST_PORT = 20000
LAST_PORT = 29999

_log = structlog.get_logger()

_CLUSTERS = "clusters"
_QUARANTINE = "quarantine"
_HOUSEKEEPING_EVERY = 2.0
_RETRY = 1.0


class LocalProvider:
    """Server groups as processes of this host, supervised while the context is entered.

    Leaving the context ends no instance. `on_change` is called with the cluster's name after every
    change of an instance, `on_event` with what people should know: in the event loop, so both must
    be quick. Instances get `ports` (first, last), and the harmless part of `environment`.
    """

    def __init__(
        self,
        folder: Path,
        drainer: Drainer,
        *,
        on_change: Callable[[str], None],
        on_event: Callable[[Event], None],
        clock: Clock,
        ports: tuple[int, int] = (FIRST_PORT, LAST_PORT),
        environment: Mapping[str, str] | None = None,
        max_log_bytes: int = MAX_BYTES,
    ) -> None:
        self._folder = folder
        self._site = Site(
            clock=clock,
            drainer=drainer,
            ports=PortRange(*ports),
            environment=os.environ if environment is None else environment,
            on_change=on_change,
            on_event=on_event,
            max_log_bytes=max_log_bytes,
        )
        self._groups: dict[str, Group] = {}
        self._clusters: dict[str, ClusterFact] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._destructions: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        """Find everything on disk, adopt the instances that run, take care of all from now on."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._site.ports.warn_if_outgoing()
        for file in sorted((self._folder / _CLUSTERS).glob("*.json")):
            fact = facts.read(file, ClusterFact)
            if fact is not None:
                self._clusters[file.stem] = fact
        for folder in sorted(self._folder.iterdir()):
            if folder.is_dir() and _is_group(folder.name):
                self._find_group(folder)
        for group in list(self._groups.values()):
            self._start(group)
        self._site.tasks.spawn(self._keep_house(), "keep house")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop supervising. Instances go on."""
        await self._site.tasks.end()

    async def stop_instances(self) -> None:
        """End all instances; call it after leaving the context. Their groups stay as wished for:
        at the next entering they are started again.
        """
        slots = [slot for group in self._groups.values() for slot in group.slots.values()]
        await asyncio.gather(*(slot.stop() for slot in slots))

    # Provider

    async def observe_groups(self, cluster: str) -> Groups:
        found = [g.observe() for g in self._groups.values() if g.fact.cluster == cluster]
        found.sort(key=lambda group: (group.created_at, group.name))
        newest = self._cluster(cluster).newest or (found[-1].name if found else "")
        return Groups(groups=tuple(found), newest=newest)

    async def apply_group(self, wish: GroupWish, order: Order) -> None:
        _check_name(wish)
        async with self._locks[wish.cluster]:
            existing = self._groups.get(wish.name)
            if existing is not None:
                return await self._adopt(existing, order)
            cluster = self._cluster(wish.cluster)
            tombstone = cluster.tombstone(wish.name)
            if tombstone is not None and order.deployment in tombstone.deployments:
                _log.warning("group.stays_gone", group=wish.name, deployment=order.deployment)
                return None
            await self._record_cluster(wish.cluster, cluster.after_creation(wish.name))
            await self._create(wish, order)
        return None

    async def apply_size(self, group: str, instances: int, order: Order) -> None:
        await self._existing(group, order).resize(instances, order)

    async def apply_pin(self, group: str, minimum: int, order: Order) -> None:
        if minimum == 0 and self._alive(group) is None:
            return
        await self._existing(group, order).change(order, pin=minimum)

    async def apply_cold_at(self, group: str, when: datetime | None, order: Order) -> None:
        found = self._alive(group)
        if found is not None:
            await found.change(order, cold_at=when)

    async def apply_destroyed(self, group: str, order: Order) -> None:
        found = self._groups.get(group)
        if found is None:
            return await self._bury_nobody(group, order)
        if found.fact.obeyed.is_late(order):
            return None
        task = self._destructions.get(group)
        if task is None:
            task = self._site.tasks.spawn(self._destroy(found, order), f"destroy {group}")
            self._destructions[group] = task
        await asyncio.wait([task])
        if task.cancelled():
            raise Temporary(f"{group} is not destroyed yet: Turnout is being stopped")
        return task.result()

    # Inventory

    async def observe_clusters(self) -> tuple[str, ...]:
        return tuple(sorted({group.fact.cluster for group in self._groups.values()}))

    def read_log(
        self, group: str, instance: str, *, lines: int, follow: bool
    ) -> AsyncIterator[str]:
        found = self._groups.get(group)
        if found is None:
            raise NotFound(f"there is no server group {group!r}")
        slot = found.slots.get(instance)
        if slot is None:
            there = ", ".join(found.slots) or "none"
            raise NotFound(f"{group} has no instance {instance!r}; it has: {there}")
        return slot.output.follow(
            lines, follow=follow, is_over=lambda: found.slots.get(instance) is not slot
        )

    def running(self) -> dict[str, list[Process]]:
        """The processes of the instances that run now, per server group; of those that do not
        leave.
        """
        return {
            group.fact.name: [
                process
                for slot in group.slots.values()
                if not slot.is_draining and (process := slot.running) is not None
            ]
            for group in self._groups.values()
        }

    # Parts

    def _cluster(self, name: str) -> ClusterFact:
        return self._clusters.get(name, ClusterFact())

    async def _record_cluster(self, name: str, fact: ClusterFact) -> None:
        await facts.record(self._folder / _CLUSTERS / f"{name}.json", fact)
        self._clusters[name] = fact

    def _alive(self, name: str) -> Group | None:
        """The group, unless it is gone or being destroyed."""
        group = self._groups.get(name)
        return None if group is None or group.fact.destroyed_by is not None else group

    def _existing(self, name: str, order: Order) -> Group:
        group = self._alive(name)
        if group is None:
            raise NotFound(f"there is no server group {name!r} (asked for by {order.deployment})")
        return group

    async def _adopt(self, group: Group, order: Order) -> None:
        fact = group.fact
        if fact.deployment != order.deployment:
            raise Conflict(
                f"{fact.name} exists already: it was made by deployment {fact.deployment}"
            )
        if fact.destroyed_by is not None and not fact.obeyed.is_late(order):
            raise Conflict(f"{fact.name} is being destroyed")
        await group.adopt(order)

    async def _create(self, wish: GroupWish, order: Order) -> None:
        fact = GroupFact(
            name=wish.name,
            cluster=wish.cluster,
            deployment=order.deployment,
            settings=wish.settings,
            created_at=wish.created_at,
            desired=wish.instances,
            role=wish.role,
            obeyed=Obeyed().after(order),
        )
        folder = self._folder / wish.name
        if folder.exists():  # left by a destruction that was cut short, or unreadable
            self._put_aside(folder)
        await facts.record(folder / GROUP_FACT, fact)
        group = Group(folder, fact, self._site)
        self._groups[wish.name] = group
        self._start(group)

    def _start(self, group: Group) -> None:
        order = group.fact.destroyed_by
        group.start()
        if order is not None:
            name = group.fact.name
            task = self._site.tasks.spawn(self._resume(group, order), f"destroy {name}")
            self._destructions[name] = task

    async def _resume(self, group: Group, order: Order) -> None:
        """Go on with a destruction that an earlier Turnout began; nobody else asks again."""
        while True:
            try:
                return await self._destroy(group, order)
            except Temporary as error:
                _log.warning("group.not_destroyed", group=group.fact.name, error=error.message)
                await asyncio.sleep(_RETRY)

    async def _destroy(self, group: Group, order: Order) -> None:
        fact = group.fact
        try:
            if not await group.end(order):
                return
            async with self._locks[fact.cluster]:
                buried = self._cluster(fact.cluster).after_destruction(
                    fact.name, fact.deployment, order.deployment
                )
                await self._record_cluster(fact.cluster, buried)
                await group.forget()
                del self._groups[fact.name]
        finally:
            self._destructions.pop(fact.name, None)
        self._site.on_change(fact.cluster)

    async def _bury_nobody(self, name: str, order: Order) -> None:
        """It is gone or never was: what was sent before and arrives later must not make it."""
        if not _is_group(name):
            return
        cluster, _ = parse_group(name)
        async with self._locks[cluster]:
            buried = self._cluster(cluster).after_destruction(name, order.deployment)
            if buried != self._cluster(cluster):
                await self._record_cluster(cluster, buried)

    def _find_group(self, folder: Path) -> None:
        fact = facts.read(folder / GROUP_FACT, GroupFact)
        if fact is None or fact.name != folder.name:
            return self._put_aside(folder)
        group = Group(folder, fact, self._site)
        group.find_slots()
        self._groups[fact.name] = group
        return None

    def _put_aside(self, folder: Path) -> None:
        """Out of the way, but not lost. What runs there goes on: it may be serving."""
        found = [processes.adopt(slot) for slot in sorted(folder.glob("i-*"))]
        pids = [process.pid for process in found if process is not None]
        if all(entry.name.endswith(".new") for entry in folder.iterdir()):
            shutil.rmtree(folder)  # Turnout ended before it had written anything there
            return
        quarantine = self._folder / _QUARANTINE
        quarantine.mkdir(mode=0o700, exist_ok=True)
        aside = quarantine / f"{folder.name}.{os.urandom(4).hex()}"
        folder.rename(aside)
        _log.error(
            "group.put_aside",
            group=folder.name,
            aside=str(aside),
            pids=pids,
            hint="Its record cannot be read. Its processes were left alone; end them by hand.",
        )

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_EVERY)
            for group in list(self._groups.values()):
                for slot in list(group.slots.values()):
                    await slot.output.keep_small()
                    await slot.record()


def _is_group(name: str) -> bool:
    try:
        parse_group(name)
    except InvalidDocument:
        return False
    return True


def _check_name(wish: GroupWish) -> None:
    cluster, _ = parse_group(wish.name)
    if cluster != wish.cluster:
        raise Permanent(f"{wish.name} cannot be a server group of the cluster {wish.cluster}")
