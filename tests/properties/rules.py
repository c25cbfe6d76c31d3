"""The seven rules of what must always hold, as questions to a node and the one before it."""

from __future__ import annotations

from tests.properties.explorer import Node, Rule, is_forward
from turnout.model.deployment import Kind, Status
from turnout.model.servers import Role, needed
from turnout.strategies.rollback import newest_of

UNDOABLE = frozenset({Kind.DEPLOY, Kind.ROLLBACK})
"""Kinds that promise to leave the source alone; the others are a person's wish to change it."""


def shares_total_1000(before: Node, after: Node) -> str | None:
    """Rule 1."""
    for cluster, state in after.world.listeners.items():
        if sum(state.split.shares.values()) not in (0, 1000):
            return f"rule 1: the shares of {cluster} are {state.split.shares}"
    return None


def no_share_without_a_ready_instance(before: Node, after: Node) -> str | None:
    """Rule 2. Shares given to a group need a healthy instance there, unless who loses them has
    none, or the new group, which is left for that.

    A command that lands late was right when it was sent; the way back fences it off or undoes it.
    """
    landed_late = len(after.late) < len(before.late)
    newcomer = newest_of(after.progress.plan, after.progress.attempted)
    new = before.world.groups.get(newcomer)
    for cluster, state in after.world.listeners.items():
        then = before.world.listeners.get(cluster)
        for group, share in state.split.shares.items():
            if group not in after.world.groups:
                return f"rule 2: {group} has {share} and does not exist"
            changed = then is None or then.split.generation != state.split.generation
            grown = then is None or share > then.split.share(group)
            if landed_late or not changed or not grown or before.world.groups[group].healthy:
                continue
            if new and then and then.split.share(new.name) and not new.healthy:
                continue
            left = [
                g
                for g, part in (then.split.shares if then else {}).items()
                if g != group and state.split.share(g) < part
            ] or [newcomer]
            if any(before.world.groups[g].healthy for g in left if g in before.world.groups):
                return f"rule 2: {group} gets {share} without a healthy instance"
    return None


def the_source_stays(before: Node, after: Node) -> str | None:
    """Rule 3."""
    request, plan = after.progress.request, after.progress.plan
    gone_right = after.progress.status is Status.SUCCEEDED
    if request.kind not in UNDOABLE or plan.refused or gone_right or not is_forward(after):
        return None
    shrinks = request.service is not None and request.service.options.shrink_source
    now = after.world.listeners.get(plan.cluster)
    for name, share in plan.before.shares.items():
        group = after.world.groups.get(name)
        if group is None:
            return f"rule 3: {name}, which served before, is gone"
        counts = now.split.share(name) if shrinks and now else share
        if group.desired < needed(plan.sizes_before[name], counts):
            return f"rule 3: {name} has only {group.desired} instances wanted"
    return None


def one_group_per_deployment(before: Node, after: Node) -> str | None:
    """Rule 4."""
    made = [g for g in after.world.groups.values() if g.deployment == after.progress.request.id]
    serving = [g.name for g in made if g.role is Role.PRODUCTION]
    if len(serving) > 1 or any(name != after.progress.plan.new_group for name in serving):
        return f"rule 4: the deployment made {serving}"
    arms = [g.role for g in made if g.role is not Role.PRODUCTION]
    if len(arms) != len(set(arms)):
        return f"rule 4: the deployment made an arm of the canary twice: {arms}"
    return None


def ends_are_legal(before: Node, after: Node) -> str | None:  # noqa: PLR0911
    """Rule 5."""
    progress, plan = after.progress, after.progress.plan
    if not progress.sentence:
        return "rule 5: no sentence says what goes on"
    if not progress.status.is_end:
        if progress.question is None and not progress.todo:
            return "rule 5: running with nothing in progress"
        return None
    state = after.world.listeners.get(plan.cluster)
    shares = state.split.shares if state else {}
    match progress.status:
        case Status.ROLLED_BACK if shares != plan.before.shares:
            return f"rule 5: rolled back, but the split is {shares}"
        case Status.SUCCEEDED if plan.steps and shares != plan.steps[-1].split_after.shares:
            return f"rule 5: succeeded, but the split is {shares}"
        case Status.REFUSED if shares != plan.before.shares:
            return f"rule 5: refused, but the split is {shares}"
        case Status.FAILED if shares and not _killed(after):
            if not any(after.world.groups[g].healthy for g in shares):
                return f"rule 5: failed with {shares}, and nothing of it is healthy"
    return None


def others_are_not_touched(before: Node, after: Node) -> str | None:
    """Rule 6."""
    mine = after.progress.plan.cluster

    def of_others(node: Node) -> tuple[object, ...]:
        groups = [g for g in node.world.groups.values() if g.cluster != mine]
        return groups, [s for c, s in node.world.listeners.items() if c != mine]

    if of_others(before) != of_others(after):
        return "rule 6: another cluster was touched"
    return None


def nothing_is_left_behind(  # noqa: PLR0911
    before: Node, after: Node
) -> str | None:
    """Rule 7."""
    progress, plan = after.progress, after.progress.plan
    if not progress.status.is_end:
        return None
    pinned = [g.name for g in after.world.groups.values() if g.pin]
    if pinned:
        return f"rule 7: {pinned} are still pinned"
    groups = after.world.groups.values()
    arms = [g.name for g in groups if g.role is not Role.PRODUCTION]
    if arms and (progress.status in (Status.SUCCEEDED, Status.ROLLED_BACK)):
        return f"rule 7: {arms} are left of the canary"
    if progress.status is not Status.ROLLED_BACK:
        return None
    made = [g.name for g in groups if g.deployment == progress.request.id]
    if made and not _keeps_failed(after):
        return f"rule 7: {made} are left"
    for name, size in plan.sizes_before.items():
        group = after.world.groups.get(name)
        if group is None or group.desired != size:
            return f"rule 7: {name} is not as it was: {group.desired if group else 'gone'}"
    state = after.world.listeners.get(plan.cluster)
    if (state.listener if state else None) != plan.listener_before:
        return "rule 7: the listener is not as it was"
    return None


def _keeps_failed(node: Node) -> bool:
    service = node.progress.request.service
    return service is not None and service.options.keep_failed


def _killed(node: Node) -> bool:
    """Whether instances died by no doing of ours."""
    return bool(node.world.broken) or any(" dies" in told for told in node.trail)


RULES: tuple[Rule, ...] = (
    shares_total_1000,
    no_share_without_a_ready_instance,
    the_source_stays,
    one_group_per_deployment,
    ends_are_legal,
    others_are_not_touched,
    nothing_is_left_behind,
)
