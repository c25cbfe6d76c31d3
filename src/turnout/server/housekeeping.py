"""What is done from time to time: old groups go cold, and old events are forgotten."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from turnout.model.deployment import ClusterState, Kind, Request, Status
from turnout.model.errors import TurnoutError
from turnout.model.journal import DeploymentRecord
from turnout.model.servers import ServerGroup
from turnout.ports import Archive, Clock, Inventory, Order, Provider

log = structlog.get_logger(__name__)

LOOK_EVERY = timedelta(seconds=5)
RETRY = timedelta(minutes=10)
"""When a group could not be scaled to zero it is tried again after so long."""

PRUNE_EVERY = timedelta(days=1)

OURSELVES = "turnout"
"""Who asks for what nobody else has asked for."""

_OPEN = frozenset(status for status in Status if not status.is_end)


class Submitter(Protocol):
    """Takes deployments on."""

    async def submit(self, request: Request) -> DeploymentRecord:
        """As the engine says."""
        ...


class Cooling:
    """Scales disabled groups to zero when their time has come, as deployments of their own."""

    def __init__(
        self,
        *,
        submitter: Submitter,
        provider: Provider,
        inventory: Inventory,
        archive: Archive,
        observe: Callable[[str], Awaitable[ClusterState]],
        clock: Clock,
    ) -> None:
        self._submitter, self._provider = submitter, provider
        self._inventory, self._archive = inventory, archive
        self._observe, self._clock = observe, clock

    async def run(self) -> None:
        """Until cancelled. Trouble is logged; the next look may have better luck."""
        while True:
            await self._clock.sleep(LOOK_EVERY)
            try:
                await self.look()
            except TurnoutError as error:
                log.warning("cooling.failed", error=error.message)

    async def look(self) -> None:
        """Once through all clusters. Raises `TurnoutError`."""
        for cluster in await self._inventory.observe_clusters():
            groups = (await self._provider.observe_groups(cluster)).groups
            if not any(group.cold_at for group in groups):
                continue
            busy = await self._archive.list_deployments(cluster=cluster, statuses=_OPEN, limit=1)
            if not busy:
                await self._look_at(await self._observe(cluster))

    async def _look_at(self, state: ClusterState) -> None:
        now = self._clock.now()
        for group in state.groups:
            if group.cold_at is None:
                continue
            if state.split.share(group.name):
                await self._forget(group, now)
            elif group.cold_at <= now and not group.is_cold:
                await self._submitter.submit(build_cooling(group, now))

    async def _forget(self, group: ServerGroup, now: datetime) -> None:
        """A group that serves again must not go cold by a time from before."""
        order = Order(deployment="housekeeping", number=int(now.timestamp()))
        await self._provider.apply_cold_at(group.name, None, order)


def build_cooling(group: ServerGroup, now: datetime) -> Request:
    """The request to scale a group to zero: the same one for a while, however often it is made."""
    return Request(
        id=f"cold-{group.name}-{int(now.timestamp() // RETRY.total_seconds())}",
        kind=Kind.RESIZE,
        cluster=group.cluster,
        requested_at=now,
        by=OURSELVES,
        reason="scale_down_after has passed",
        group=group.name,
        instances=0,
    )


async def prune_daily(prune: Callable[[], Awaitable[object]], clock: Clock) -> None:
    """Forget what is old, at the start and then once a day, until cancelled."""
    while True:
        try:
            await prune()
        except TurnoutError as error:
            log.warning("journal.not_pruned", error=error.message)
        await clock.sleep(PRUNE_EVERY)
