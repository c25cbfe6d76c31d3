"""The port `Drainer` of a real Envoy: no new requests, then wait until the last one is done.

Envoy cannot close websockets and streams of one server group by itself: those that outlive the
time-out end when their instance is stopped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from datetime import timedelta

import structlog

from turnout.model.errors import Conflict, Temporary
from turnout.model.traffic import DrainReport, Endpoint
from turnout.traffic.envoy.router import EnvoyRouter

log = structlog.get_logger(__name__)

_APART = 0.008
"""Seconds between the two looks that must both find nothing: workers follow a confirmed change up
to 4 ms later."""

_LONGEST_PAUSE = 0.1


class EnvoyDrainer:
    """Drains through a router."""

    def __init__(self, router: EnvoyRouter) -> None:
        self._router = router

    async def await_drained(
        self, cluster: str, group: str, instances: Sequence[str] | None, timeout: timedelta
    ) -> DrainReport:
        deadline = time.monotonic() + timeout.total_seconds()
        endpoints: Collection[Endpoint] | None = None
        if instances is None:
            await self._require_no_share(cluster, group)
        else:
            endpoints = await self._router.withdraw(cluster, group, instances)
        left = await self._await_idle(group, endpoints, deadline)
        if left:
            log.warning("router.not_drained", group=group, requests_left=left)
        is_stopped_next = instances is not None
        return DrainReport(requests_left=left, connections_closed=left if is_stopped_next else 0)

    async def _require_no_share(self, cluster: str, group: str) -> None:
        state = await self._router.observe_listener(cluster)
        if state is None:
            return
        if state.split.share(group):
            raise Conflict(
                f"{group} cannot be drained: it has {state.split.share(group)} per mille of the "
                f"requests of {cluster}",
                hint="Give its share to another server group first.",
            )
        await self._router.confirm_split(cluster, state.split.generation)

    async def _await_idle(
        self, group: str, endpoints: Collection[Endpoint] | None, deadline: float
    ) -> int:
        """Requests left at the deadline; 0 as soon as two looks in a row have found none."""
        pause, idle_looks = _APART, 0
        while True:
            left = await self._router.observe_in_flight(group, endpoints)
            idle_looks = idle_looks + 1 if left == 0 else 0
            if idle_looks == 2:
                return 0
            if idle_looks == 0 and time.monotonic() >= deadline:
                return _require_known(group, left)
            pause = _APART if left == 0 else min(_LONGEST_PAUSE, pause * 1.3)
            await asyncio.sleep(pause)


def _require_known(group: str, left: int | None) -> int:
    if left is None:
        raise Temporary(
            f"nobody knows whether {group} has requests in flight: Envoy does not answer",
            retry_after=1,
        )
    return left
