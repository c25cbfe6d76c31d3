"""The `Provider` and `Inventory` ports in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from turnout.model.errors import Conflict, GuardRefused, NotFound
from turnout.model.servers import Instance, InstanceState, ServerGroup
from turnout.ports import Groups, GroupWish, Order
from turnout.testing.world import World

FIRST_PORT = 20000


class MemoryProvider:
    """Runs server groups in a `World`."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def observe_groups(self, cluster: str) -> Groups:
        """As the port says."""
        if self.world.auto:
            self.world.get_on()
        return Groups(
            groups=self.world.cluster_groups(cluster), newest=self.world.newest.get(cluster, "")
        )

    async def apply_group(self, wish: GroupWish, order: Order) -> None:
        """As the port says."""
        if (wish.name, order.deployment) in self.world.tombstones:
            return
        existing = self.world.groups.get(wish.name)
        if existing is not None:
            if existing.deployment != order.deployment:
                raise Conflict(f"{wish.name} exists: deployment {existing.deployment} made it")
            return
        self.world.newest[wish.cluster] = wish.name
        group = ServerGroup(
            name=wish.name,
            cluster=wish.cluster,
            settings=wish.settings,
            desired=wish.instances,
            created_at=wish.created_at,
            deployment=order.deployment,
            role=wish.role,
        )
        self.world.groups[wish.name] = _sized(group, wish.instances)
        self.world.orders[wish.name] = order

    async def apply_size(self, group: str, instances: int, order: Order) -> None:
        """As the port says."""
        found = self._existing(group)
        if self._is_late(group, order):
            return
        if instances < found.pin:
            raise GuardRefused(
                f"{group} is pinned to at least {found.pin} instances by a deployment",
                rule="pinned",
            )
        self.world.groups[group] = _sized(found, instances)

    async def apply_pin(self, group: str, minimum: int, order: Order) -> None:
        """As the port says."""
        if group not in self.world.groups and not minimum:
            return
        found = self._existing(group)
        if not self._is_late(group, order):
            self.world.groups[group] = found.model_copy(update={"pin": minimum})

    async def apply_cold_at(self, group: str, when: datetime | None, order: Order) -> None:
        """As the port says."""
        found = self.world.groups.get(group)
        if found is not None and not self._is_late(group, order):
            self.world.groups[group] = found.model_copy(update={"cold_at": when})

    async def apply_destroyed(self, group: str, order: Order) -> None:
        """As the port says."""
        if group in self.world.groups and self._is_late(group, order):
            return
        self.world.tombstones |= {(group, order.deployment)}
        self.world.groups.pop(group, None)
        self.world.orders.pop(group, None)

    async def observe_clusters(self) -> tuple[str, ...]:
        """As the port says."""
        return tuple(sorted({g.cluster for g in self.world.groups.values()}))

    async def read_log(
        self, group: str, instance: str, *, lines: int, follow: bool
    ) -> AsyncIterator[str]:
        """One line per instance."""
        if instance not in {i.id for i in self._existing(group).instances}:
            raise NotFound(f"{group} has no instance {instance}")
        yield f"{instance} is running"

    def _existing(self, group: str) -> ServerGroup:
        found = self.world.groups.get(group)
        if found is None:
            raise NotFound(f"there is no server group {group}")
        return found

    def _is_late(self, group: str, order: Order) -> bool:
        last = self.world.orders.get(group)
        if last and last.deployment == order.deployment and order.number < last.number:
            return True
        self.world.orders[group] = order
        return False


def _sized(group: ServerGroup, size: int) -> ServerGroup:
    """Grow with new instances, or shrink by the unhealthy and the newest ones first."""
    kept = sorted(group.instances, key=lambda i: (i.state is not InstanceState.HEALTHY, i.id))
    kept = sorted(kept[:size], key=lambda i: i.id)
    used = {i.id for i in kept}
    free = (f"i-{n}" for n in range(size + len(used)) if f"i-{n}" not in used)
    new = (
        Instance(id=name, state=InstanceState.STARTING, port=FIRST_PORT + int(name[2:]))
        for name in free
    )
    while len(kept) < size:
        kept.append(next(new))
    return group.model_copy(update={"desired": size, "instances": tuple(kept)})
