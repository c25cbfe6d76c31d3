"""Operations on server groups."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

from turnout.engine.operations.endpoints import endpoints_of
from turnout.model.errors import GuardRefused, Rule
from turnout.model.plan import (
    AwaitReady,
    CreateGroup,
    DestroyGroup,
    GuardHealthy,
    PinGroup,
    ResizeGroup,
    ScheduleCold,
    StepAnswer,
)
from turnout.model.servers import Instance, InstanceState, ServerGroup
from turnout.model.units import format_duration
from turnout.ports import Clock, GroupWish, Order, Provider, Router

LOOK_EVERY = timedelta(milliseconds=100)


class ServerOperations:
    """Creates, sizes, pins, awaits and destroys server groups."""

    def __init__(self, provider: Provider, router: Router, clock: Clock) -> None:
        self._provider, self._router, self._clock = provider, router, clock

    async def create(self, operation: CreateGroup, cluster: str, order: Order) -> StepAnswer:
        """The group exists afterwards and the router knows it; made before by the same deployment,
        it is adopted.
        """
        wish = GroupWish(
            name=operation.group,
            cluster=cluster,
            settings=operation.settings,
            instances=operation.instances,
            created_at=self._clock.now(),
            role=operation.role,
        )
        await self._provider.apply_group(wish, order)
        await self._tell_router(cluster)
        return StepAnswer(
            ok=True, sentence=f"{operation.group} is created with {operation.instances}"
        )

    async def resize(self, operation: ResizeGroup, order: Order) -> StepAnswer:
        """The group strives for its new size afterwards."""
        await self._provider.apply_size(operation.group, operation.instances, order)
        return StepAnswer(
            ok=True, sentence=f"{operation.group} is resized to {operation.instances}"
        )

    async def pin(self, operation: PinGroup, order: Order) -> StepAnswer:
        """Nobody takes the group below its pin afterwards."""
        await self._provider.apply_pin(operation.group, operation.minimum, order)
        told = f"pinned to {operation.minimum}" if operation.minimum else "released"
        return StepAnswer(ok=True, sentence=f"{operation.group} is {told}")

    async def schedule_cold(self, operation: ScheduleCold, order: Order) -> StepAnswer:
        """The time to go cold is noted with the group."""
        when = None if operation.after is None else self._clock.now() + operation.after
        await self._provider.apply_cold_at(operation.group, when, order)
        told = "stays warm" if when is None else f"goes cold at {when:%Y-%m-%d %H:%M:%S} UTC"
        return StepAnswer(ok=True, sentence=f"{operation.group} {told}")

    async def destroy(self, operation: DestroyGroup, cluster: str, order: Order) -> StepAnswer:
        """The group is gone afterwards. Raises `GuardRefused` while it has a share."""
        listener = await self._router.observe_listener(cluster)
        if listener and listener.split.share(operation.group):
            raise GuardRefused(
                f"{operation.group} has traffic and is not destroyed", rule=Rule.HAS_TRAFFIC
            )
        await self._provider.apply_destroyed(operation.group, order)
        await self._tell_router(cluster)
        return StepAnswer(ok=True, sentence=f"{operation.group} is destroyed")

    async def await_ready(
        self, operation: AwaitReady, cluster: str, report: Callable[[str], None]
    ) -> StepAnswer:
        """Answers when enough instances are healthy, when that has become hopeless, or at the
        deadline.
        """
        start = self._clock.elapsed()
        while True:
            groups = {g.name: g for g in (await self._provider.observe_groups(cluster)).groups}
            group = groups.get(operation.group)
            if group is None:
                return StepAnswer(ok=False, sentence=f"{operation.group} does not exist any more")
            waited = self._clock.elapsed() - start
            answer = _judge_readiness(operation, group, waited)
            if answer is not None:
                return answer
            if operation.unless_dead and not _has_healthy(groups.get(operation.unless_dead)):
                return StepAnswer(
                    ok=True,
                    sentence=f"not waited for: {operation.unless_dead} has no healthy instance",
                )
            report(describe_readiness(group, waited))
            await self._clock.sleep(LOOK_EVERY)

    async def guard(self, operation: GuardHealthy, cluster: str) -> StepAnswer:
        """Refuses when too little of what serves would stay healthy."""
        groups = (await self._provider.observe_groups(cluster)).groups
        listener = await self._router.observe_listener(cluster)
        shares = listener.split.shares if listener else {}
        enabled = [g for g in groups if shares.get(g.name)]
        left = sum(
            min(g.healthy, operation.remaining) if g.name == operation.group else g.healthy
            for g in enabled
        )
        floor = max(1, math.ceil(sum(g.desired for g in enabled) * operation.floor / 1000))
        if left >= floor:
            return StepAnswer(ok=True, sentence=f"{left} healthy enabled instances stay")
        return StepAnswer(
            ok=False,
            refused=Rule.LAST_HEALTHY,
            sentence=f"{cluster} would be left with {left} healthy enabled instances, "
            f"at least {floor} must stay (--force overrides)",
        )

    async def _tell_router(self, cluster: str) -> None:
        groups = (await self._provider.observe_groups(cluster)).groups
        if await self._router.observe_listener(cluster) is not None:
            await self._router.apply_endpoints(cluster, endpoints_of(groups))


def describe_readiness(group: ServerGroup, waited: timedelta) -> str:
    """In words: `2 of 3 healthy; i-2 GET /healthz on 127.0.0.1:40113: 503 "warming up" (12s)`."""
    return f"{_describe_group(group)} ({_format_waited(waited)})"


def _describe_group(group: ServerGroup) -> str:
    done = (InstanceState.HEALTHY, InstanceState.DRAINING)
    waiting = [i for i in group.instances if i.state not in done]
    said = "".join(f"; {_describe(i)}" for i in waiting[:3])
    more = f"; and {len(waiting) - 3} more" if len(waiting) > 3 else ""
    return f"{group.healthy} of {group.desired} healthy{said}{more}"


def _describe(instance: Instance) -> str:
    return f"{instance.id} {instance.hopeless or instance.probe_said or instance.state}"


def _format_waited(waited: timedelta) -> str:
    """Whole seconds once there are any: nobody reads more while waiting."""
    seconds = int(waited.total_seconds())
    return format_duration(timedelta(seconds=seconds) if seconds else waited)


def _has_healthy(group: ServerGroup | None) -> bool:
    return group is not None and group.healthy > 0


def _judge_readiness(
    operation: AwaitReady, group: ServerGroup, waited: timedelta
) -> StepAnswer | None:
    if group.healthy >= operation.ready:
        return StepAnswer(
            ok=True,
            sentence=f"{group.healthy} of {group.desired} healthy after {_format_waited(waited)}",
        )
    lost = sum(bool(i.hopeless) for i in group.instances)
    if lost and group.desired - lost < operation.ready:
        return StepAnswer(
            ok=False,
            sentence=f"{group.name} does not get ready: {describe_readiness(group, waited)}",
        )
    if waited >= operation.deadline:
        return StepAnswer(
            ok=False,
            sentence=f"{group.name} is not ready after {format_duration(operation.deadline)}: "
            f"{_describe_group(group)}. Raise ready_deadline or see its log",
        )
    return None
