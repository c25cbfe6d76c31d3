"""The `Router`, `Drainer` and `Metrics` ports in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from turnout.model.errors import Conflict, NotFound, Permanent
from turnout.model.traffic import (
    Confirmation,
    DrainReport,
    Endpoint,
    GroupTraffic,
    Listener,
    TrafficSplit,
)
from turnout.ports import ListenerState
from turnout.testing.world import World


class MemoryRouter:
    """Keeps splits in a `World`; every accepted one is in force at once."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def observe_listener(self, cluster: str) -> ListenerState | None:
        """As the port says."""
        return self.world.listeners.get(cluster)

    async def apply_listener(self, cluster: str, listener: Listener | None) -> None:
        """As the port says."""
        if listener is None:
            self.world.listeners.pop(cluster, None)
            return
        taken = [
            s
            for name, s in self.world.listeners.items()
            if name != cluster and s.listener.port == listener.port
        ]
        if taken:
            raise Permanent(f"port {listener.port} is taken by {taken[0].listener.cluster}")
        now = self.world.listeners.get(cluster)
        self.world.listeners[cluster] = ListenerState(
            listener=listener,
            split=now.split if now else TrafficSplit(),
            previous=now.previous if now else (),
        )

    async def apply_endpoints(
        self, cluster: str, endpoints: Mapping[str, Sequence[Endpoint]]
    ) -> None:
        """As the port says."""
        self.world.endpoints[cluster] = {name: tuple(e) for name, e in endpoints.items()}

    async def apply_split(
        self, cluster: str, shares: Mapping[str, int], replaces: int | None, changed_by: str
    ) -> TrafficSplit:
        """As the port says."""
        state = self.world.listeners.get(cluster)
        if state is None:
            raise NotFound(f"{cluster} has no listener")
        if state.split.changed_by == changed_by:
            return state.split
        if replaces is not None and replaces != state.split.generation:
            raise Conflict(
                f"the split of {cluster} has generation {state.split.generation}, not {replaces}"
            )
        for group, share in shares.items():
            if share and group not in self.world.endpoints.get(cluster, {}):
                raise Permanent(f"the router knows no server group {group}")
        split = TrafficSplit(
            shares=dict(shares), generation=state.split.generation + 1, changed_by=changed_by
        )
        self.world.listeners[cluster] = state.with_split(split)
        return split

    async def confirm_split(self, cluster: str, generation: int) -> Confirmation:
        """As the port says."""
        state = self.world.listeners.get(cluster)
        if state is None or state.split.generation != generation:
            raise Conflict(f"generation {generation} of {cluster} is not the last one")
        now = self.world.now
        return Confirmation(generation=generation, requested_at=now, confirmed_at=now)

    async def observe_traffic(self, cluster: str) -> dict[str, GroupTraffic]:
        """What a test has put there."""
        return {
            name: traffic
            for name, traffic in self.world.traffic.items()
            if name in self.world.endpoints.get(cluster, {})
        }


class MemoryDrainer:
    """All requests are done at once."""

    async def await_drained(
        self, cluster: str, group: str, instances: Sequence[str] | None, timeout: timedelta
    ) -> DrainReport:
        """As the port says."""
        return DrainReport()


class MemoryMetrics:
    """Figures that a test has put into the world; every window holds all of them."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def observe_window(
        self, cluster: str, group: str, since: datetime, until: datetime
    ) -> GroupTraffic:
        """As the port says."""
        return self.world.traffic.get(group, GroupTraffic())
