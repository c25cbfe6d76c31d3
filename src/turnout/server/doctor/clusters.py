"""How the clusters of a running server fare: who serves, and what waits for a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from turnout.api.views import Finding
from turnout.model.deployment import ClusterState, Status
from turnout.model.errors import AdapterError
from turnout.model.traffic import Listener
from turnout.ports import Archive, Clock, Inventory
from turnout.server.doctor.judging import Shut, Sight, Work, judge_clusters

_MOST = 1000
_UNDER_WAY = frozenset(s for s in Status if not s.is_end and s is not Status.QUEUED)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where clusters are seen; only a running server has them."""

    archive: Archive
    inventory: Inventory
    clock: Clock
    observe: Callable[[str], Awaitable[ClusterState]]
    observe_listening: Callable[[], Awaitable[Collection[str]]]
    """Names of the clusters that have a listener. May raise `AdapterError`."""
    observe_shut: Callable[[Collection[Listener]], Awaitable[Mapping[str, Shut]]]
    """Those listeners that the router does not have open, by cluster. May raise `AdapterError`."""


async def look_at_clusters(sources: Sources) -> tuple[Finding, ...]:
    """Every cluster that has a server group, a listener, or a deployment under way."""
    work = await _observe_work(sources.archive)
    names = {*await sources.inventory.observe_clusters(), *work}
    with suppress(AdapterError):  # the next question to the router is told of
        names |= set(await sources.observe_listening())
    states = [await sources.observe(name) for name in sorted(names)]
    listeners = [state.listener for state in states if state.listener]
    shut: Mapping[str, Shut] = {}
    away = ""
    try:
        shut = await sources.observe_shut(listeners) if listeners else {}
    except AdapterError as error:
        away = error.message
    sights = [Sight(s, work.get(s.cluster, ()), shut.get(s.cluster)) for s in states]
    return judge_clusters(sights, sources.clock.now(), away=away)


async def _observe_work(archive: Archive) -> dict[str, list[Work]]:
    found: defaultdict[str, list[Work]] = defaultdict(list)
    for record in await archive.list_deployments(statuses=_UNDER_WAY, limit=_MOST):
        steps, _, _ = await archive.read_steps(record.id)
        found[record.request.cluster].append(Work(record=record, steps=steps))
    return dict(found)
