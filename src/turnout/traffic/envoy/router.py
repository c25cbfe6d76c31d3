"""The ports `Router` of a real Envoy: splits, listeners and endpoints, written down, then in force.

Every change of a cluster happens under the cluster's lock: the fact decides, never what Envoy or
anybody remembers.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

import structlog

from turnout.model.errors import AdapterError, Conflict, NotFound, Permanent, Temporary
from turnout.model.journal import Event
from turnout.model.traffic import (
    Confirmation,
    Endpoint,
    EndpointState,
    GroupTraffic,
    Listener,
    TrafficSplit,
)
from turnout.ports import ListenerState
from turnout.traffic.envoy.admin import AdminUnavailable, EnvoyAdmin
from turnout.traffic.envoy.bootstrap import ADMIN_SOCKET
from turnout.traffic.envoy.counting import TrafficCounts
from turnout.traffic.envoy.fact import ClusterFact
from turnout.traffic.envoy.gates import Gates
from turnout.traffic.envoy.ledger import Ledger
from turnout.traffic.envoy.process import EnvoyProcess, find_binary
from turnout.traffic.envoy.publisher import Publisher
from turnout.traffic.envoy.upstreams import usable

log = structlog.get_logger(__name__)

_HOUSEKEEPING = 1.0
_STARTUP = timedelta(seconds=20)


def _ignore(_event: Event) -> None:
    """Nobody watches."""


class EnvoyRouter:
    """Use it as a context manager: Envoy runs from entering on, and goes on running after leaving.

    `folder` belongs to the router alone.
    """

    def __init__(
        self,
        folder: Path,
        *,
        binary: Path | None = None,
        workers: int | None = None,
        on_event: Callable[[Event], None] = _ignore,
    ) -> None:
        self._folder = folder
        self._envoy_folder = folder / "envoy"
        self._on_event = on_event
        self._admin = EnvoyAdmin(self._envoy_folder / ADMIN_SOCKET)
        self._process = EnvoyProcess(
            self._envoy_folder,
            self._admin,
            find_binary(binary),
            workers=workers,
            on_restart=lambda why: self._tell("router.restarted", why),
        )
        self._ledger = Ledger(folder / "state")
        self._publisher = Publisher(
            self._envoy_folder, self._admin, self._ledger, self._process.log_file
        )
        self._gates = Gates(self._ledger, self._publisher, self._admin, self._process)
        self._counts = TrafficCounts(self._admin, self._process)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._withdrawn: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        self._asked: dict[str, tuple[int, float]] = {}
        self._confirmations: dict[str, Confirmation] = {}
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def __aenter__(self) -> EnvoyRouter:
        """Take over a running Envoy, or start one; returns when it serves what the facts say.

        Raises `Temporary` when it does not come to that.
        """
        for folder in (self._folder, self._envoy_folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._recover(await asyncio.to_thread(self._ledger.read))
        if self._process.adopt():
            self._tasks = (_start(self._process.watch()),)
            await self._settle(self._take_over())
        else:
            await self._publisher.restore(is_running=False)
            self._tasks = (_start(self._process.watch()),)
            await self._settle(self._process.await_live(_STARTUP))
        self._tasks = (*self._tasks, _start(self._keep_house()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = ()
        self._admin.close()

    async def stop(self) -> None:
        """End Envoy too, and with it all connections. Leave the context afterwards."""
        await self.__aexit__(None, None, None)
        await self._process.stop()

    async def observe_listener(self, cluster: str) -> ListenerState | None:
        fact = self._ledger.get(cluster)
        return None if fact is None else fact.state

    async def apply_listener(self, cluster: str, listener: Listener | None) -> None:
        async with self._locks[cluster]:
            old = self._ledger.get(cluster) or ClusterFact(cluster=cluster)
            if listener is None:
                await self._gates.close(old)
            elif listener.cluster != cluster:
                raise Permanent(f"{cluster} cannot have the listener of {listener.cluster}")
            else:
                await self._gates.open(old, listener)

    async def apply_endpoints(
        self, cluster: str, endpoints: Mapping[str, Sequence[Endpoint]]
    ) -> None:
        async with self._locks[cluster]:
            present = {(group, e.instance) for group, found in endpoints.items() for e in found}
            self._withdrawn[cluster] &= present
            await self._put_endpoints(cluster, endpoints)

    async def withdraw(
        self, cluster: str, group: str, instances: Collection[str]
    ) -> tuple[Endpoint, ...]:
        """Send no new request to these instances, whatever `apply_endpoints` says of them from now
        on, until it leaves them out. Returns their endpoints when the router has obeyed.
        """
        async with self._locks[cluster]:
            self._withdrawn[cluster] |= {(group, instance) for instance in instances}
            fact = self._ledger.get(cluster) or ClusterFact(cluster=cluster)
            await self._put_endpoints(cluster, fact.endpoints)
        return tuple(e for e in fact.endpoints.get(group, ()) if e.instance in instances)

    async def apply_split(
        self, cluster: str, shares: Mapping[str, int], replaces: int | None, changed_by: str
    ) -> TrafficSplit:
        async with self._locks[cluster]:
            fact = self._ledger.get(cluster)
            if fact is None or fact.listener is None:
                raise NotFound(
                    f"the traffic split of {cluster} cannot be replaced: it has no listener",
                    hint="Deploy the cluster first.",
                )
            if changed_by and fact.split.changed_by == changed_by:
                return fact.split
            _require_current(fact, replaces)
            split = TrafficSplit(
                shares=dict(shares), generation=fact.split.generation + 1, changed_by=changed_by
            )
            _require_endpoints(fact, split)
            new = fact.with_split(split, datetime.now(UTC))
            asked = time.monotonic()
            await self._publisher.ensure_upstreams(new, is_running=self._process.is_alive())
            await self._publisher.switch(new)
            self._asked[cluster] = (split.generation, asked)
            log.info("split.accepted", cluster=cluster, shares=split.shares, by=changed_by)
            return split

    async def confirm_split(self, cluster: str, generation: int) -> Confirmation:
        fact = self._require_generation(cluster, generation)
        known = self._confirmations.get(cluster)
        if known is not None and known.generation == generation:
            return known
        await self._publisher.confirm_routes(cluster)
        self._require_generation(cluster, generation)
        confirmation = self._confirmation(fact)
        self._confirmations[cluster] = confirmation
        return confirmation

    async def observe_traffic(self, cluster: str) -> dict[str, GroupTraffic]:
        fact = self._ledger.get(cluster)
        groups = () if fact is None else fact.groups
        everything = await self.observe_all_traffic()
        return {group: everything.get(cluster, {}).get(group, GroupTraffic()) for group in groups}

    async def observe_all_traffic(self) -> dict[str, dict[str, GroupTraffic]]:
        """As `observe_traffic`, of all clusters with a listener at once. Raises `Temporary`."""
        groups = self._counted_groups()
        with _translated():
            return _by_cluster(groups, await self._counts.read(set().union(*groups.values())))

    async def observe_counters(self) -> tuple[str, dict[str, dict[str, GroupTraffic]]]:
        """What Envoy has counted since it was started, of all clusters with a listener, and which
        run of it that is: the next one counts from 0. Raises `Temporary`.
        """
        groups = self._counted_groups()
        with _translated():
            run, counted = await self._counts.read_run(set().union(*groups.values()))
        return run, _by_cluster(groups, counted)

    def _counted_groups(self) -> dict[str, Collection[str]]:
        """Per cluster with a listener."""
        return {f.cluster: f.groups for f in self._ledger if f.listener is not None}

    async def observe_in_flight(
        self, group: str, endpoints: Collection[Endpoint] | None
    ) -> int | None:
        """Requests in flight to these endpoints of a group (None: to the whole group), previews,
        websockets and streams included; None when Envoy does not say.
        """
        addresses = None if endpoints is None else {(e.host, e.port) for e in endpoints}
        try:
            return await self._counts.read_in_flight(group, addresses)
        except AdminUnavailable:
            return None

    async def _settle(self, beginning: Coroutine[None, None, None]) -> None:
        try:
            await beginning
        except BaseException:
            await self.__aexit__(None, None, None)
            raise

    async def _take_over(self) -> None:
        await self._process.await_live(_STARTUP)
        with contextlib.suppress(AdminUnavailable):
            await self._publisher.note_rejections()
        await self._publisher.restore(is_running=True)
        log.info("envoy.found_running", pid=self._process.pid)

    def _recover(self, broken: frozenset[str]) -> None:
        for cluster, is_recovered in self._publisher.recover(broken).items():
            what = (
                "it was recovered from what Envoy was last told"
                if is_recovered
                else "it is lost; the cluster has no listener until it is deployed again"
            )
            log.error("router.fact_lost", cluster=cluster, is_recovered=is_recovered)
            self._tell("router.fact_lost", f"The router's file on {cluster} was broken: {what}.")

    async def _put_endpoints(
        self, cluster: str, endpoints: Mapping[str, Sequence[Endpoint]]
    ) -> None:
        withdrawn = self._withdrawn[cluster]
        seen = {
            group: tuple(_as_withdrawn(e) if (group, e.instance) in withdrawn else e for e in found)
            for group, found in sorted(endpoints.items())
        }
        old = self._ledger.get(cluster) or ClusterFact(cluster=cluster)
        new = old.model_copy(update={"endpoints": seen})
        await self._publisher.ensure_upstreams(new, is_running=self._process.is_alive())
        if new != old:
            await self._publisher.switch(new)
        if new.listener is not None:
            await self._publisher.confirm_routes(cluster)

    def _require_generation(self, cluster: str, generation: int) -> ClusterFact:
        fact = self._ledger.get(cluster)
        if fact is None or fact.listener is None or fact.split.generation != generation:
            current = None if fact is None or fact.listener is None else fact.split.generation
            raise Conflict(
                f"generation {generation} of the traffic split of {cluster} is not the last one: "
                f"that is {current}"
                if current is not None
                else f"{cluster} has no listener"
            )
        return fact

    def _confirmation(self, fact: ClusterFact) -> Confirmation:
        """Measured by a clock that does not jump, as far as we were there when it was asked for."""
        now = datetime.now(UTC)
        requested = fact.requested_at or now
        generation, asked = self._asked.get(fact.cluster, (None, 0.0))
        if generation == fact.split.generation:
            now = requested + timedelta(seconds=time.monotonic() - asked)
        return Confirmation(
            generation=fact.split.generation,
            requested_at=requested,
            confirmed_at=max(requested, now),
        )

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING)
            if not self._process.is_alive():
                continue
            # Whatever went wrong is tried again in a second.
            with contextlib.suppress(AdminUnavailable, AdapterError):
                await self._publisher.collect()
                for sentence in await self._gates.repair():
                    log.warning("router.listener", said=sentence)
                    self._tell("router.listener", sentence)

    def _tell(self, kind: str, sentence: str) -> None:
        self._on_event(Event(at=datetime.now(UTC), cluster="", kind=kind, sentence=sentence))


def _as_withdrawn(endpoint: Endpoint) -> Endpoint:
    return endpoint.model_copy(update={"state": EndpointState.DRAINING})


def _require_current(fact: ClusterFact, replaces: int | None) -> None:
    if replaces is not None and replaces != fact.split.generation:
        raise Conflict(
            f"the traffic split of {fact.cluster} has generation {fact.split.generation}, "
            f"not {replaces}: somebody else has changed it",
            hint="Look at the split as it is now, and decide again.",
            details={"generation": fact.split.generation},
        )


def _require_endpoints(fact: ClusterFact, split: TrafficSplit) -> None:
    for group in split.shares:
        if group not in fact.endpoints:
            raise Permanent(
                f"{group} cannot get a share of {fact.cluster}: the router knows no such group",
                hint="Create the server group, and wait until it is ready.",
            )
        if not usable(fact.endpoints[group]):
            raise Temporary(
                f"{group} cannot get a share of {fact.cluster}: "
                "none of its instances takes requests now",
                retry_after=1,
            )


def _start(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    task.add_done_callback(_report)
    return task


def _report(task: asyncio.Task[None]) -> None:
    """These tasks never end by themselves; if one does, that must not pass unseen."""
    if not task.cancelled():
        log.critical("router.task_ended", error=repr(task.exception()))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except AdminUnavailable as error:
        raise Temporary(f"the figures of Envoy cannot be read: {error}") from error


def _by_cluster(
    groups: Mapping[str, Collection[str]], counted: Mapping[str, GroupTraffic]
) -> dict[str, dict[str, GroupTraffic]]:
    return {cluster: {g: counted[g] for g in names} for cluster, names in groups.items()}
