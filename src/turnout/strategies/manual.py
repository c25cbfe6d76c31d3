"""Single operations of a person, planned like deployments: roll back, resize, enable, disable,
destroy, shrink.
"""

from __future__ import annotations

from collections.abc import Mapping

from turnout.model.deployment import ClusterState, Options, Request
from turnout.model.errors import Rule
from turnout.model.plan import GuardHealthy, Plan, SetHold
from turnout.model.servers import ServerGroup, needed, ready_count
from turnout.model.traffic import WHOLE
from turnout.model.units import format_share
from turnout.strategies.draft import Draft
from turnout.strategies.guards import frozen
from turnout.strategies.shares import half, shares_of, whole_size, with_share

SWITCH_BACK = "switch-back"
"""The step by which a rollback moves traffic: what it leaves is nothing to go back to later."""


def plan_manual_rollback(request: Request, state: ClusterState) -> Plan:
    """All traffic to the previous enabled group, or a named one, skipping steps and analysis; then
    hold the cluster.
    """
    draft = Draft(request, state, f"roll back {state.cluster}")
    if request.outlived and not request.group and state.source is not None:
        return _rolled_back_by_another(draft, request, state.source)
    target = _rollback_target(request, state)
    if target is None:
        return draft.refuse(*_nothing_to_go_back_to(request, state))
    draft.title = f"roll back {state.cluster} to {target.name} (version {target.version})"
    if state.split.share(target.name) == WHOLE:
        return draft.refuse(
            f"{target.name} already serves everything", Rule.NOTHING_TO_ROLL_BACK_TO
        )
    if state.listener is None:
        return _not_listening(draft)
    left = [g for g in _served(state) if g is not target]
    draft.source = left[-1].name if left else ""
    draft.new_group = target.name
    brought_up = _move(
        draft,
        request,
        {target.name: WHOLE},
        step=SWITCH_BACK,
        target=target.name,
        worse=draft.source,
    )
    _hold(draft, request, target)
    _drain(draft, left)
    _settle(draft, brought_up)
    if target not in brought_up:
        _keep_warm(draft, target)
    return draft.finish()


def _rolled_back_by_another(draft: Draft, request: Request, source: ServerGroup) -> Plan:
    """What was to be reversed has come to nothing: going back now would be going too far."""
    draft.title = f"hold {draft.state.cluster} at {source.name} (version {source.version})"
    draft.notes.append(
        f"{request.outlived} left nothing to roll back: {source.name} serves as before. "
        f"To go further back: turnout rollback {draft.state.cluster} --to GROUP"
    )
    _hold(draft, request, source)
    return draft.finish()


def _hold(draft: Draft, request: Request, target: ServerGroup) -> None:
    """Whoever went back by hand is not to be undone by automation."""
    draft.add(
        "hold",
        f"hold deployments of {draft.state.cluster} until they are released",
        SetHold(
            reason=request.reason or f"rolled back to {target.name} by {request.by or 'a person'}"
        ),
    )


def plan_enable(request: Request, state: ClusterState) -> Plan:
    """Give a group a share; the others keep their proportions in the rest."""
    draft = Draft(request, state, f"enable {request.group}")
    group = state.group(request.group)
    if group is None:
        return _unknown(draft)
    if state.listener is None:
        return _not_listening(draft)
    others = [g for g in _served(state) if g is not group]
    share = request.share if others else WHOLE
    if state.split.share(group.name) == share:
        draft.notes.append(f"{group.name} already has this share: nothing to do")
        return draft.finish()
    draft.title = f"enable {group.name} at {format_share(share)}"
    closed = frozen(request, state)
    if closed and _never_served(state, group):
        return draft.refuse(*closed)
    if share != request.share:
        draft.notes.append(f"nothing else serves, so {group.name} gets everything")
    draft.new_group = group.name
    source, whole = state.source, share == WHOLE
    brought_up = _move(
        draft,
        request,
        with_share(shares_of(state), group.name, share),
        step="switch" if whole else "shift",
        target=group.name,
        worse=source.name if whole and source and source is not group else "",
    )
    _drain(draft, others)
    _settle(draft, brought_up)
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
    refused = _refuse_taking_away(request, state, group)
    if refused:
        return draft.refuse(refused, Rule.LAST_HEALTHY)
    brought_up = _take_away(draft, request, group)
    _drain(draft, [group])
    _settle(draft, brought_up)
    return draft.finish()


def plan_destroy(request: Request, state: ClusterState) -> Plan:
    """Destroy a group; an enabled one gives its share away first. With the last group the listener
    closes.
    """
    draft = Draft(request, state, f"destroy {request.group}")
    group = state.group(request.group)
    if group is None:
        return _unknown(draft)
    brought_up: list[ServerGroup] = []
    if state.split.share(group.name):
        refused = _refuse_taking_away(request, state, group)
        if refused:
            return draft.refuse(refused, Rule.LAST_HEALTHY)
        brought_up = _take_away(draft, request, group)
    draft.commit()
    _settle(draft, brought_up)
    draft.destroy(group.name)
    if len(state.groups) == 1 and state.listener is not None:
        draft.close_listener()
    return draft.finish()


def plan_shrink(request: Request, state: ClusterState) -> Plan:
    """Destroy the oldest disabled groups until `keep` groups are left. Enabled ones always stay;
    the one that a rollback would return to goes last.
    """
    keep = request.keep or _options(request, state).keep
    told = "1 server group" if keep == 1 else f"{keep} server groups"
    draft = Draft(request, state, f"shrink {state.cluster} to {told}")
    disabled = [g for g in state.groups if not state.split.share(g.name)]
    surplus = max(0, len(state.groups) - keep)
    way_back = _previous(state)
    draft.commit()
    for group in sorted(disabled, key=lambda g: (g is way_back, g.created_at))[:surplus]:
        draft.destroy(group.name)
    if not (disabled and surplus):
        draft.notes.append(f"{state.cluster} has no disabled group beyond {keep}: nothing to do")
    return draft.finish()


def plan_resize(request: Request, state: ClusterState) -> Plan:
    """Change how many instances a group has, and wait until they are healthy."""
    draft = Draft(request, state, f"resize {request.group}")
    group, size = state.group(request.group), request.instances
    if group is None:
        return _unknown(draft)
    if size is None:
        return draft.refuse(f"{group.name} is to be resized, but not to how many", Rule.NO_SIZE)
    draft.title = f"resize {group.name} from {group.desired} to {size}"
    if size == group.desired:
        draft.notes.append(f"{group.name} already has {size} instances: nothing to do")
        return draft.finish()
    if size < group.desired and state.split.share(group.name) and not request.force:
        if size == 0:
            return draft.refuse(_refuse_nothing(state, group), Rule.LAST_HEALTHY)
        _guard(draft, request, group, remaining=size)
    draft.resize(group.name, size)
    if size:
        draft.await_ready(
            group.name,
            ready_count(size, _options(request, state).healthy_share),
            _options(request, state).ready_deadline,
        )
        if group.is_cold:
            _keep_warm(draft, group)
    return draft.finish()


def _options(request: Request, state: ClusterState) -> Options:
    """The deadlines and floors that the service was deployed with, where they are known."""
    return state.options or request.options


# Which group


def _served(state: ClusterState) -> list[ServerGroup]:
    """The enabled groups, oldest first."""
    return [g for g in state.groups if state.split.share(g.name)]


def _previous(state: ClusterState) -> ServerGroup | None:
    """The group without traffic that had it most recently."""
    found = (state.group(n) for n in state.previous if not state.split.share(n))
    return next((g for g in found if g is not None), None)


def _never_served(state: ClusterState, group: ServerGroup) -> bool:
    return group.name not in {*state.previous, *state.split.shares}


def _rollback_target(request: Request, state: ClusterState) -> ServerGroup | None:
    """A named group; of several that serve the one before the newest; else the previous one.

    A rollback asked for twice is one rollback: going further back needs a name.
    """
    if request.group:
        return state.group(request.group)
    served = _served(state)
    if len(served) > 1:
        return served[-2]
    return None if _is_rolled_back(state) else _previous(state)


def _is_rolled_back(state: ClusterState) -> bool:
    return state.split.changed_by.endswith(f":{SWITCH_BACK}")


def _nothing_to_go_back_to(request: Request, state: ClusterState) -> tuple[str, Rule]:
    if request.group:
        return _no_such_group(state, request.group), Rule.UNKNOWN_GROUP
    source = state.source
    if _is_rolled_back(state) and source is not None:
        told = f"{state.cluster} was rolled back to {source.name} already"
    else:
        told = f"{state.cluster} has no earlier server group that had traffic"
    others = [g for g in reversed(state.groups) if g is not source]
    if not others:
        return f"{told}, nor any other one", Rule.NOTHING_TO_ROLL_BACK_TO
    further = _previous(state)
    if further is not None:
        told += f". To go further back: turnout rollback {state.cluster} --to {further.name}"
    else:
        told += f". To go to another one, name it with --to: {', '.join(g.name for g in others)}"
    return told, Rule.NOTHING_TO_ROLL_BACK_TO


def _no_such_group(state: ClusterState, group: str) -> str:
    known = ", ".join(g.name for g in reversed(state.groups)) or "none"
    return f"{state.cluster} has no server group {group}; it has: {known}"


def _unknown(draft: Draft) -> Plan:
    return draft.refuse(_no_such_group(draft.state, draft.request.group), Rule.UNKNOWN_GROUP)


def _not_listening(draft: Draft) -> Plan:
    return draft.refuse(
        f"{draft.state.cluster} has no listener, so nothing can be served. Deploy it first",
        Rule.NO_LISTENER,
    )


# Moving traffic


def _move(
    draft: Draft,
    request: Request,
    shares: Mapping[str, int],
    *,
    step: str,
    target: str = "",
    worse: str = "",
) -> list[ServerGroup]:
    """Plan a split, after making `target` ready, and whoever is too small for a share that grows.

    Nothing is waited for once `worse` has no healthy instance. Answers who is pinned meanwhile. A
    rollback to a group that is ready now is that one change: users wait for it, and the change
    itself makes sure that the group still is ready.
    """
    state = draft.state
    ready = dict.fromkeys(shares, 1)
    brought_up = []
    for group in state.groups:
        share = shares.get(group.name, 0)
        if share <= state.split.share(group.name):
            continue
        size = _room(state, group, share)
        if group.name == target or size > group.desired:
            is_way_back = step == SWITCH_BACK and size == group.desired
            healthy_share = _options(request, state).healthy_share
            enough = half(size) if is_way_back else ready_count(size, healthy_share)
            ready[group.name] = min(enough, ready_count(needed(size, share), healthy_share))
            if is_way_back and group.healthy >= enough:
                continue
            _bring_up(draft, request, group, size, ready=enough, worse=worse)
            brought_up.append(group)
    draft.shift(dict(shares), ready, step=step, unless_dead=worse)
    draft.commit()
    return brought_up


def _room(state: ClusterState, group: ServerGroup, share: int) -> int:
    """How many instances a group needs for a share: its own, and no fewer than the largest one that
    serves now would need for it.
    """
    return max(group.desired, needed(whole_size(state), share), 1)


def _bring_up(
    draft: Draft, request: Request, group: ServerGroup, size: int, *, ready: int, worse: str
) -> None:
    """Pin the group, at a size that can take the traffic, and wait until it is ready."""
    if size > group.desired:
        told = (
            "is cold: it has to start"
            if group.is_cold
            else f"has {group.desired} and needs {size} instances: the new ones have to start"
        )
        draft.notes.append(f"{group.name} {told} first, so this takes longer")
        draft.resize(group.name, size)
    draft.pin(group.name, size)
    draft.await_ready(
        group.name,
        ready,
        _options(request, draft.state).ready_deadline,
        step="ready" if group.name == draft.new_group else f"ready-{group.name}",
        unless_dead=worse,
    )


def _drain(draft: Draft, groups: list[ServerGroup]) -> None:
    """Let the requests on those that have lost all traffic finish."""
    for group in groups:
        if not draft.split.share(group.name):
            draft.drain(group.name, group.settings.drain_timeout)


def _settle(draft: Draft, brought_up: list[ServerGroup]) -> None:
    """Release those that serve more now; the time that was set for them to go cold is void."""
    for group in brought_up:
        draft.pin(group.name, 0)
        _keep_warm(draft, group)


def _keep_warm(draft: Draft, group: ServerGroup) -> None:
    if group.cold_at is not None:
        draft.schedule_cold(group.name, None)


def _refuse_taking_away(request: Request, state: ClusterState, group: ServerGroup) -> str:
    """Why a group must keep its traffic; empty when it need not."""
    if request.force or any(g.healthy for g in _served(state) if g is not group):
        return ""
    return (
        f"no other enabled server group of {state.cluster} is healthy: without {group.name} "
        "nothing would be served. Enable another one first (--force overrides)"
    )


def _refuse_nothing(state: ClusterState, group: ServerGroup) -> str:
    others = any(g.healthy for g in _served(state) if g is not group)
    told = "Disable it first" if others else "Nothing else serves: enable another one first"
    share = format_share(state.split.share(group.name))
    return (
        f"{group.name} has {share} of the traffic, and without instances its requests would fail. "
        f"{told} (--force overrides)"
    )


def _take_away(draft: Draft, request: Request, group: ServerGroup) -> list[ServerGroup]:
    """Plan the split without the group. Forced, nothing is asked and nobody is waited for."""
    shares = with_share(shares_of(draft.state), group.name, 0)
    if request.force:
        draft.shift(shares, {}, step="shift")
        draft.commit()
        return []
    _guard(draft, request, group, remaining=0)
    return _move(draft, request, shares, step="shift", worse=group.name)


def _guard(draft: Draft, request: Request, group: ServerGroup, *, remaining: int) -> None:
    draft.add(
        "guard",
        f"make sure that {draft.state.cluster} stays healthy when {group.name} goes from "
        f"{group.desired} to {remaining}",
        GuardHealthy(
            group=group.name,
            remaining=remaining,
            floor=_options(request, draft.state).min_healthy_share,
        ),
    )
