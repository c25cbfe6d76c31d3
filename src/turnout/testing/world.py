"""A world in memory: server groups and listeners that behave like real ones, only at once.

Everything in it is a frozen value in a dictionary, so copying the world is cheap.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from turnout.model.servers import Instance, InstanceState, ServerGroup
from turnout.model.traffic import Endpoint, GroupTraffic
from turnout.ports import ListenerState, Order

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class World:
    """What exists. `auto`: instances get on whenever somebody looks, not only when time passes."""

    groups: dict[str, ServerGroup] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    tombstones: frozenset[tuple[str, str]] = frozenset()
    """(group, deployment) pairs: that deployment has destroyed that group."""
    listeners: dict[str, ListenerState] = field(default_factory=dict)
    endpoints: dict[str, dict[str, tuple[Endpoint, ...]]] = field(default_factory=dict)
    traffic: dict[str, GroupTraffic] = field(default_factory=dict)
    holds: dict[str, str] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    """Groups whose instances never become healthy."""
    hopeless: frozenset[str] = frozenset()
    """Groups whose instances exit during start-up until their restart budget is spent."""
    auto: bool = False
    now: datetime = START
    elapsed: timedelta = timedelta(0)

    def copy(self) -> World:
        """A world that goes its own way from here on."""
        return replace(
            self,
            groups=dict(self.groups),
            newest=dict(self.newest),
            orders=dict(self.orders),
            listeners=dict(self.listeners),
            endpoints=dict(self.endpoints),
            traffic=dict(self.traffic),
            holds=dict(self.holds),
        )

    def cluster_groups(self, cluster: str) -> tuple[ServerGroup, ...]:
        """The groups of one cluster, oldest first."""
        mine = (g for g in self.groups.values() if g.cluster == cluster)
        return tuple(sorted(mine, key=lambda g: (g.created_at, g.name)))

    def pass_time(self, duration: timedelta) -> None:
        """Time goes by: what is starting becomes healthy, or hopeless, or stays when broken."""
        self.now += duration
        self.elapsed += duration
        self.get_on()

    def get_on(self) -> None:
        """Every instance takes its next step."""
        for name, group in self.groups.items():
            if any(i.state is InstanceState.STARTING for i in group.instances):
                settled = tuple(self._settle(name, i) for i in group.instances)
                self.groups[name] = group.model_copy(update={"instances": settled})

    def kill(self, group: str, *, comes_back: bool = True) -> None:
        """All instances of a group die; they start again, and become healthy if they come back."""
        if not comes_back:
            self.broken |= {group}
        found = self.groups[group]
        started = tuple(
            i.model_copy(update={"state": InstanceState.STARTING, "restarts": i.restarts + 1})
            for i in found.instances
        )
        self.groups[group] = found.model_copy(update={"instances": started})

    def _settle(self, group: str, instance: Instance) -> Instance:
        if instance.state is not InstanceState.STARTING or group in self.broken:
            return instance
        if group in self.hopeless:
            return instance.model_copy(
                update={"hopeless": "exited with code 3 after 0.2 s, 4 times", "exit_code": 3}
            )
        return instance.model_copy(
            update={"state": InstanceState.HEALTHY, "probe_said": "GET /healthz: 200"}
        )


class MemoryClock:
    """The world's own time: sleeping makes it pass at once."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        """The world's time."""
        return self._world.now

    def elapsed(self) -> timedelta:
        """Time passed in the world."""
        return self._world.elapsed

    async def sleep(self, duration: timedelta) -> None:
        """Let time pass, for everybody in the world, and others have their turn."""
        self._world.pass_time(duration)
        await asyncio.sleep(0)
