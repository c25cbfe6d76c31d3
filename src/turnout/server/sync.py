"""Tells the router of every change of an instance, at once, and again until it has understood."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from turnout.engine.operations import endpoints_of
from turnout.model.errors import TurnoutError
from turnout.ports import Inventory, Provider, Router

log = structlog.get_logger(__name__)

GATHER = 0.002
"""Seconds that changes of one moment are gathered."""

RESYNC = timedelta(seconds=10)
"""Within this time every cluster is told again, changed or not."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class EndpointSync:
    """Call `changed` whenever an instance of a cluster has changed; `run` does the rest.

    What is known of the instances is read and handed to the router without a pause in between, and
    the router takes it in this order: what is older never replaces what is newer.
    """

    def __init__(self, router: Router, *, resync: timedelta = RESYNC) -> None:
        self._router = router
        self._resync = resync.total_seconds()
        self._due: set[str] = set()
        self._busy: set[str] = set()
        self._woken = asyncio.Event()

    def changed(self, cluster: str) -> None:
        """Note that the cluster's instances have changed. Call it in the event loop."""
        self._due.add(cluster)
        self._woken.set()

    async def apply_all(self, provider: Provider, inventory: Inventory) -> None:
        """Tell of all clusters now, once. What does not succeed is left to `run`."""
        for cluster in await inventory.observe_clusters():
            try:
                await self._apply(provider, cluster)
            except TurnoutError as error:
                log.warning("endpoints.not_applied", cluster=cluster, error=error.message)
                self.changed(cluster)

    async def run(self, provider: Provider, inventory: Inventory) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._remind(inventory))
            while True:
                await self._woken.wait()
                await asyncio.sleep(GATHER)
                self._woken.clear()
                ready = self._due - self._busy
                self._due -= ready
                for cluster in ready:
                    self._busy.add(cluster)
                    tasks.create_task(self._apply_until_done(provider, cluster))

    async def _apply_until_done(self, provider: Provider, cluster: str) -> None:
        pause = _FIRST_PAUSE
        try:
            while True:
                self._due.discard(cluster)
                try:
                    await self._apply(provider, cluster)
                    return
                except TurnoutError as error:
                    log.warning("endpoints.not_applied", cluster=cluster, error=error.message)
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)
        finally:
            self._busy.discard(cluster)
            if cluster in self._due:
                self._woken.set()

    async def _apply(self, provider: Provider, cluster: str) -> None:
        if await self._router.observe_listener(cluster) is None:
            return  # whoever opens the listener tells the router of the endpoints too
        groups = (await provider.observe_groups(cluster)).groups
        await self._router.apply_endpoints(cluster, endpoints_of(groups))

    async def _remind(self, inventory: Inventory) -> None:
        """All clusters in turn, spread out over the time."""
        while True:
            clusters = await inventory.observe_clusters()
            for cluster in clusters:
                self.changed(cluster)
                await asyncio.sleep(self._resync / len(clusters))
            if not clusters:
                await asyncio.sleep(self._resync)
