"""Single operations of a person, planned like deployments: roll back, resize, enable, disable,
destroy, shrink.
"""

from __future__ import annotations

from turnout.model.deployment import ClusterState, Request
from turnout.model.plan import GuardHealthy, Plan, SetHold
from turnout.model.servers import ServerGroup, needed, ready_count
from turnout.model.traffic import WHOLE
from turnout.strategies.draft import Draft
from turnout.strategies.shares import with_share

LAST_HEALTHY = "last_healthy"


def plan_manual_rollback(request: Request, state: ClusterState) -> Plan:
    """All traffic to the previous enabled group, or a named one, skipping steps and analysis; then
    hold the cluster.
    """
    draft = Draft(request, state, f"roll back {state.cluster}")
    target = _rollback_target(request, state)
    if target is None:
        return draft.refuse(_nothing_to_go_back_to(request, state), "nothing_to_roll_back_to")
    draft.title = f"roll back {state.cluster} to {target.name} (version {target.version})"
    if state.split.share(target.name) == WHOLE:
        return draft.refuse(f"{target.name} already serves everything", "nothing_to_roll_back_to")
    draft.new_group = target.name
    source = state.source
    _take_all_traffic(
        draft, request, target, size=max(target.desired, source.desired if source else 1)
    )
    draft.add(
        "hold",
        f"hold deployments of {state.cluster} until they are released",
        SetHold(
            reason=request.reason or f"rolled back to {target.name} by {request.by or 'a person'}"
        ),
    )
    for group in _served(state):
        if group.name != target.name:
            draft.drain(group.name, group.settings.drain_timeout)
    _release(draft, target)
    return draft.finish()


def plan_enable(request: Request, state: ClusterState) -> Plan:
    """Give a group a share; the others keep their proportions in the rest."""
    draft = Draft(request, state, f"enable {request.group}")
    group = state.group(request.group)
    if group is None:
        return _unknown(draft)
    if state.listener is None:
        return draft.refuse(f"{state.cluster} has no listener", "no_listener")
    if state.split.share(group.name) == request.share:
        draft.notes.append(f"{group.name} already has this share: nothing to do")
        return draft.finish()
    draft.new_group = group.name
    if request.share == WHOLE or not _others(state, group):
        _take_all_traffic(draft, request, group, size=max(group.desired, 1))
    else:
        _bring_up(draft, request, group, max(group.desired, 1))
        shares = with_share(state.split.shares, group.name, request.share)
        ready = dict.fromkeys(shares, 1)
        ready[group.name] = ready_count(
            needed(draft.size(group.name), request.share), request.options.healthy_share
        )
        draft.shift(shares, ready, step="shift")
        draft.commit()
    _release(draft, group)
    return draft.finish()


def plan_disable(request: Request, state: ClusterState) -> Plan:
    """Take a group's share away and give it to the other enabled ones; its instances stay warm."""
    draft = Draft(request, state, f"disable {request.group}")
    group = state.group(request.group)
    if group is None:
        return _unknown(draft)
    if not state.split.share(group.name):
        draft.notes.append(f"{group.name} has no traffic: nothing to do")
        return draft.finish()
    refused = _take_away(draft, request, group)
    if refused:
        return draft.refuse(refused, LAST_HEALTHY)
    draft.commit()
    draft.drain(group.name, group.settings.drain_timeout)
    return draft.finish()


def plan_destroy(request: Request, state: ClusterState) -> Plan:
    """Destroy a group; an enabled one gives its share away first. With the last group the listener
    closes.
    """
    draft = Draft(request, state, f"destroy {request.group}")
    group = state.group(request.group)
    if group is None:
        return _unknown(draft)
    if state.split.share(group.name):
        refused = _take_away(draft, request, group)
        if refused:
            return draft.refuse(refused, LAST_HEALTHY)
    draft.commit()
    draft.destroy(group.name)
    if len(state.groups) == 1 and state.listener is not None:
        draft.close_listener()
    return draft.finish()


def plan_shrink(request: Request, state: ClusterState) -> Plan:
    """Destroy the oldest disabled groups until `keep` groups are left; enabled ones always stay."""
    keep = request.keep or request.options.keep
    draft = Draft(request, state, f"shrink {state.cluster} to {keep} server groups")
    disabled = [g for g in state.groups if not state.split.share(g.name)]
    surplus = max(0, len(state.groups) - keep)
    draft.commit()
    for group in sorted(disabled, key=lambda g: g.created_at)[:surplus]:
        draft.destroy(group.name)
    if not draft.finish().steps:
        draft.notes.append(f"{state.cluster} has no disabled group beyond {keep}: nothing to do")
    return draft.finish()


def plan_resize(request: Request, state: ClusterState) -> Plan:
    """Change how many instances a group has, and wait until they are healthy."""
    draft = Draft(request, state, f"resize {request.group}")
    group = state.group(request.group)
    size = request.instances
    if group is None or size is None:
        return _unknown(draft)
    draft.title = f"resize {group.name} from {group.desired} to {size}"
    if size == group.desired:
        draft.notes.append(f"{group.name} already has {size} instances: nothing to do")
        return draft.finish()
    if size < group.desired and state.split.share(group.name) and not request.force:
        others = [g for g in _served(state) if g.name != group.name and g.healthy]
        if size == 0:
            told = "; disable it first" if others else ", and nothing else serves"
            return draft.refuse(
                f"{group.name} has traffic{told}: resizing it to 0 would lose requests "
                "(--force overrides)",
                LAST_HEALTHY,
            )
        _guard(draft, request, group, remaining=size)
    draft.resize(group.name, size)
    if size:
        draft.await_ready(
            group.name,
            ready_count(size, request.options.healthy_share),
            request.options.ready_deadline,
        )
    return draft.finish()


def _rollback_target(request: Request, state: ClusterState) -> ServerGroup | None:
    if request.group:
        return state.group(request.group)
    source = state.source
    names = [n for n in state.previous if source is None or n != source.name]
    return next((g for n in names if (g := state.group(n)) is not None), None)


def _nothing_to_go_back_to(request: Request, state: ClusterState) -> str:
    known = ", ".join(g.name for g in reversed(state.groups)) or "none"
    if request.group:
        return f"{state.cluster} has no server group {request.group}; it has: {known}"
    return f"{state.cluster} has no earlier server group that had traffic; it has: {known}"


def _unknown(draft: Draft) -> Plan:
    known = ", ".join(g.name for g in reversed(draft.state.groups)) or "none"
    return draft.refuse(
        f"{draft.state.cluster} has no server group {draft.request.group}; it has: {known}",
        "unknown_group",
    )


def _served(state: ClusterState) -> list[ServerGroup]:
    return [g for g in state.groups if state.split.share(g.name)]


def _others(state: ClusterState, group: ServerGroup) -> list[ServerGroup]:
    return [g for g in _served(state) if g.name != group.name]


def _take_all_traffic(draft: Draft, request: Request, group: ServerGroup, *, size: int) -> None:
    source = draft.state.source
    worse = source.name if source and source.name != group.name else ""
    _bring_up(draft, request, group, size, unless_dead=worse)
    ready = {group.name: ready_count(size, request.options.healthy_share)}
    draft.shift({group.name: WHOLE}, ready, step="switch", unless_dead=worse)
    draft.commit()


def _bring_up(
    draft: Draft, request: Request, group: ServerGroup, size: int, *, unless_dead: str = ""
) -> None:
    """Pin the group, at a size that can take the traffic, and wait until it is ready."""
    if size != group.desired:
        if group.is_cold:
            draft.notes.append(f"{group.name} is cold: it has to start first, so this takes longer")
        draft.resize(group.name, size)
    draft.pin(group.name, size)
    draft.await_ready(
        group.name,
        ready_count(size, request.options.healthy_share),
        request.options.ready_deadline,
        unless_dead=unless_dead,
    )


def _release(draft: Draft, group: ServerGroup) -> None:
    draft.pin(group.name, 0)


def _take_away(draft: Draft, request: Request, group: ServerGroup) -> str:
    """Plan the split without the group; answers why that must not be, or nothing."""
    if not request.force:
        if not any(g.healthy for g in _others(draft.state, group)):
            return (
                f"{group.name} is the only healthy enabled server group of {draft.state.cluster}: "
                "without it nothing would be served (--force overrides)"
            )
        _guard(draft, request, group, remaining=0)
    shares = with_share(draft.state.split.shares, group.name, 0)
    ready = {} if request.force else dict.fromkeys(shares, 1)
    draft.shift(shares, ready, step="shift")
    return ""


def _guard(draft: Draft, request: Request, group: ServerGroup, *, remaining: int) -> None:
    draft.add(
        "guard",
        f"make sure that {draft.state.cluster} stays healthy with {remaining} of "
        f"{group.desired} instances left",
        GuardHealthy(
            group=group.name, remaining=remaining, floor=request.options.min_healthy_share
        ),
    )
