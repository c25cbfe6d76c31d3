"""What all strategies share: bring up the new server group, and at the end retire the old ones."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.model.deployment import ClusterState, Options, Request, Service
from turnout.model.names import next_group
from turnout.model.servers import needed, ready_count
from turnout.model.traffic import WHOLE
from turnout.strategies.draft import Draft


@dataclass(frozen=True, slots=True)
class Arrival:
    """The new server group of a deployment: its name, and its size once it has all traffic."""

    group: str
    size: int

    def ready(self, options: Options, share: int = WHOLE) -> int:
        """How many instances must be healthy before the group may get this share."""
        return ready_count(needed(self.size, share), options.healthy_share)


def arrival(service: Service, state: ClusterState) -> Arrival:
    """Choose the name and the size of the new group. Raises `Conflict` when no name is free."""
    name = next_group(state.cluster, state.newest or None, {g.name for g in state.groups})
    wanted = service.options.instances
    source = state.source
    if wanted == "source":
        return Arrival(name, source.desired if source and source.desired else service.instances)
    return Arrival(name, wanted)


def bring_up(
    draft: Draft, request: Request, service: Service, new: Arrival, *, share: int = WHOLE
) -> None:
    """Open the listener, pin what serves now, create the group as large as its first share needs,
    await, check.
    """
    options = service.options
    size = needed(new.size, share)
    draft.open_listener(service.listener)
    for group in draft.state.groups:
        if draft.state.split.share(group.name) and group.desired:
            draft.pin(group.name, group.desired)
    draft.create(new.group, service.settings, size)
    draft.await_ready(new.group, ready_count(size, options.healthy_share), options.ready_deadline)
    draft.checks(
        options.before_traffic,
        new.group,
        step="checks",
        title=f"check {new.group} before it gets traffic",
    )


def retire(draft: Draft, options: Options, new: Arrival) -> None:
    """Everything that can be taken back is done: drain, release the pins, keep `keep` groups,
    destroy the rest.

    Kept first is the group just replaced, then the newest ones.
    """
    draft.commit()
    served = [g for g in draft.state.groups if draft.state.split.share(g.name)]
    for group in served:
        draft.drain(group.name, group.settings.drain_timeout)
        if group.desired:
            draft.pin(group.name, 0)
    source = draft.state.source
    others = sorted(
        (g for g in draft.state.groups if g.name != new.group and not draft.split.share(g.name)),
        key=lambda g: (g is source, g.created_at),
        reverse=True,
    )
    for group in reversed(others[options.keep - 1 :]):
        draft.destroy(group.name)
    if options.scale_down_after is not None:
        for group in others[: options.keep - 1]:
            if not group.is_cold:
                draft.schedule_cold(group.name, options.scale_down_after)
