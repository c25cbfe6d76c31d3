"""What all strategies share: bring up the new server group, and at the end retire the old ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from turnout.model.deployment import Options, Service
from turnout.model.servers import ServerGroup, needed, ready_count
from turnout.model.traffic import WHOLE
from turnout.strategies.draft import Draft
from turnout.strategies.shares import whole_size


@dataclass(frozen=True, slots=True)
class Arrival:
    """The new server group of a deployment: its name, and its size once it has all traffic."""

    group: str
    size: int

    def ready(self, options: Options, share: int = WHOLE) -> int:
        """How many instances must be healthy before the group may get this share."""
        return ready_count(needed(self.size, share), options.healthy_share)


def arrival(service: Service, draft: Draft) -> Arrival:
    """Choose the name and the size of the new group. Raises `Conflict` when no name is free."""
    name, wanted = draft.next_group(), service.options.instances
    if wanted == "source":
        return Arrival(name, whole_size(draft.state) or service.instances)
    return Arrival(name, wanted)


def prepare(draft: Draft, service: Service) -> None:
    """Open the listener, and pin what serves now."""
    draft.open_listener(service.listener)
    for group in draft.state.groups:
        if draft.state.split.share(group.name) and group.desired:
            draft.pin(group.name, group.desired)


def bring_up(draft: Draft, service: Service, new: Arrival, *, share: int = WHOLE) -> None:
    """Open the listener, pin what serves now, create the group as large as its first share needs,
    await, check.
    """
    options = service.options
    size = needed(new.size, share)
    prepare(draft, service)
    draft.create(new.group, service.settings, size)
    draft.await_ready(new.group, ready_count(size, options.healthy_share), options.ready_deadline)
    draft.checks(
        options.before_traffic,
        new.group,
        step="checks",
        title=f"check {new.group} before it gets traffic",
    )


def retire(draft: Draft, service: Service, new: Arrival) -> None:
    """Drain what served before; then nothing is taken back any more: release the pins, keep `keep`
    groups, destroy the rest.

    Kept first is the group just replaced, then the newest ones.
    """
    options, drain_timeout = service.options, service.settings.drain_timeout
    served = [g for g in draft.state.groups if draft.state.split.share(g.name)]
    for group in served:
        draft.drain(group.name, max(group.settings.drain_timeout, drain_timeout))
    for arm in draft.arms:
        draft.drain(arm, drain_timeout)
    draft.commit()
    for arm in draft.arms:
        draft.destroy(arm)
    for group in served:
        if group.desired:
            draft.pin(group.name, 0)
    source = draft.state.source
    others = sorted(
        (g for g in draft.state.groups if g.name != new.group and not draft.split.share(g.name)),
        key=lambda g: (g is source, g.created_at),
        reverse=True,
    )
    kept, surplus = others[: options.keep - 1], others[options.keep - 1 :]
    for group in reversed(surplus):
        draft.destroy(group.name)
    for group in reversed(kept):
        _cool(draft, group, options.scale_down_after)


def _cool(draft: Draft, group: ServerGroup, after: timedelta | None) -> None:
    """Note when a kept group goes cold. One that was disabled before keeps the time it has."""
    if group.is_cold:
        return
    is_noted = group.cold_at is not None
    was_enabled = bool(draft.state.split.share(group.name))
    if (after is None and is_noted) or (after is not None and (was_enabled or not is_noted)):
        draft.schedule_cold(group.name, after)
