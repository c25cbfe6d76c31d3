"""Opens and closes listeners, and opens again those that Envoy could not open when it started.

Whether a listener is open is what Envoy says, not what was written.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time

import structlog

from turnout.model.errors import Permanent, Temporary
from turnout.model.traffic import Listener
from turnout.traffic.envoy.admin import AdminUnavailable, EnvoyAdmin
from turnout.traffic.envoy.fact import ClusterFact
from turnout.traffic.envoy.ledger import Ledger
from turnout.traffic.envoy.listeners import listener_name
from turnout.traffic.envoy.listening import find_holder, is_same_place, require_free
from turnout.traffic.envoy.process import EnvoyProcess
from turnout.traffic.envoy.publisher import CONFIRMATION, Publisher

log = structlog.get_logger(__name__)

_RELEASE = 2.0


class Gates:
    """Listeners as facts say. One change of a cluster at a time is the caller's business."""

    def __init__(
        self, ledger: Ledger, publisher: Publisher, admin: EnvoyAdmin, process: EnvoyProcess
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._admin = admin
        self._process = process
        self._missing: frozenset[str] = frozenset()
        self._told: frozenset[str] = frozenset()

    async def open(self, old: ClusterFact, listener: Listener) -> None:
        """Have the cluster's listener be this one. Raises `Permanent`, and leaves all as it was,
        when the port cannot be had; `Temporary` when Envoy does not confirm.
        """
        new = old.model_copy(update={"listener": listener})
        is_open = await self._is_open(listener)
        if not is_open:
            self._require_no_other(listener)
            await self._await_free(listener)
        if new != old:
            await self._publisher.ensure_upstreams(new, is_running=self._process.is_alive())
            await self._publisher.switch(new)
        if is_open and old.listener is not None and is_same_place(old.listener, listener):
            await self._publisher.confirm_routes(listener.cluster)
            return
        await self._publish(old, listener)
        log.info("router.listener_open", cluster=listener.cluster, port=listener.port)

    async def _publish(self, old: ClusterFact, listener: Listener) -> None:
        try:
            await self._publisher.publish_listeners()
        except Permanent:
            if not await self._is_open(listener):
                await self._publisher.switch(old)
                with contextlib.suppress(Permanent):  # of somebody else's listener
                    await self._publisher.publish_listeners()
                raise
        await self._await_open(listener)

    async def close(self, old: ClusterFact) -> None:
        """Have no listener, and its port free. Raises `Temporary`."""
        if old.listener is None:
            return
        await self._publisher.switch(old.model_copy(update={"listener": None}))
        await self._publisher.publish_listeners()
        with contextlib.suppress(Permanent):
            await self._await_free(old.listener)
        log.info("router.listener_closed", cluster=old.cluster)

    async def repair(self) -> tuple[str, ...]:
        """Try again to open what should be open and is not. Returns what there is to tell about it,
        once. Raises `AdminUnavailable` and `AdapterError`.
        """
        wanted = {listener_name(f.listener): f.listener for f in self._ledger if f.listener}
        missing = wanted.keys() - await self._observe_open()
        # One look may fall into the moment in which a listener is being opened.
        lasting, self._missing = missing & self._missing, frozenset(missing)
        trouble = {name: _trouble(wanted[name]) for name in sorted(lasting)}
        if not all(trouble.values()):
            await self._publisher.publish_listeners()
        new = {name: why for name, why in trouble.items() if why and name not in self._told}
        back = sorted(self._told - missing)
        self._told = (self._told | new.keys()) - frozenset(back)
        return (*new.values(), *(f"{name} is open again." for name in back if name in wanted))

    async def _is_open(self, listener: Listener) -> bool:
        try:
            return listener_name(listener) in await self._observe_open()
        except AdminUnavailable:
            return False

    async def _observe_open(self) -> frozenset[str]:
        lines = (await self._admin.get("/listeners")).splitlines()
        return frozenset(line.partition("::")[0] for line in lines)

    async def _await_open(self, listener: Listener) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONFIRMATION.total_seconds()):
                for look in itertools.count(1):
                    if await self._is_open(listener):
                        return
                    await asyncio.sleep(0.001 * min(look, 50))
        raise Temporary(
            f"Envoy has not opened {listener_name(listener)} within {CONFIRMATION}", retry_after=1
        )

    def _require_no_other(self, listener: Listener) -> None:
        for fact in self._ledger:
            other = fact.listener
            if other is None or fact.cluster == listener.cluster:
                continue
            if is_same_place(other, listener):
                raise Permanent(
                    f"{listener.cluster} cannot listen on {listener.host}:{listener.port}: "
                    f"port {listener.port} is taken by the cluster {fact.cluster}",
                    hint="Choose another listener.port.",
                )

    async def _await_free(self, listener: Listener) -> None:
        """Raises `Permanent` when the port cannot be had. Envoy itself lets go of a port a moment
        after it has said so.
        """
        deadline = time.monotonic() + _RELEASE
        while True:
            try:
                require_free(listener)
            except Permanent:
                envoy = self._process.pid
                is_ours = envoy is not None and envoy == find_holder(listener)
                if not is_ours or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.005)
            else:
                return


def _trouble(listener: Listener) -> str:
    """Why it cannot be opened now; empty when it can."""
    try:
        require_free(listener)
    except Permanent as error:
        return f"{error.message}. Its users get no answer; it is tried again every few seconds."
    return ""
