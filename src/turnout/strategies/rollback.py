"""The way back: first the traffic in one confirmed change, then everything else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from turnout.model.plan import (
    AwaitReady,
    CloseListener,
    CreateGroup,
    DestroyGroup,
    DrainGroup,
    OpenListener,
    Operation,
    PinGroup,
    Plan,
    ReplaceSplit,
    ResizeGroup,
    Step,
)
from turnout.model.servers import needed
from turnout.model.units import format_share
from turnout.strategies.draft import format_instances
from turnout.strategies.shares import half


@dataclass(frozen=True, slots=True)
class WayBack:
    """`returning` brings the traffic back, `cleaning` the rest. Each may be empty."""

    returning: tuple[Step, ...]
    cleaning: tuple[Step, ...]


def plan_way_back(
    plan: Plan,
    attempted: Collection[str],
    *,
    keep_failed: bool,
    deadline: timedelta,
    drain: timedelta,
) -> WayBack:
    """Undo whatever may have happened: every attempted step counts, also one that is said to have
    failed.

    The split is always written again when a change of it was attempted, even to the same shares:
    the new generation
    fences off a change that is still on its way.
    """
    steps = [s for s in plan.steps if s.id in attempted]
    newcomer = newest_of(plan, attempted)
    moved = any(isinstance(s.operation, ReplaceSplit) for s in steps)
    resized = _resized(plan, steps)
    first = [g for g, smaller in resized.items() if smaller and moved and plan.before.share(g)]
    returning = _return_traffic(plan, first, deadline, newcomer) if moved else []
    late = _resize_back(plan, [g for g in resized if g not in first], steps)
    cleaning = _clean_up(plan, steps, moved=moved, keep_failed=keep_failed, drain=drain)
    return WayBack(tuple(returning), (*late, *cleaning))


def _resized(plan: Plan, steps: list[Step]) -> dict[str, bool]:
    """Groups from before the deployment whose size may have changed, and whether they may be too
    small now.
    """
    sizes = [(o.group, o.instances) for s in steps if isinstance(o := s.operation, ResizeGroup)]
    return {
        group: any(size < before for name, size in sizes if name == group)
        for group, before in sorted(plan.sizes_before.items())
        if any(name == group for name, _ in sizes)
    }


def newest_of(plan: Plan, attempted: Collection[str]) -> str:
    """The group of the new version that may have traffic by now: the canary, until the group is
    created that follows it.
    """
    created = [
        o.group
        for s in plan.steps
        if s.id in attempted and isinstance(o := s.operation, CreateGroup)
    ]
    return plan.canary if plan.canary and plan.new_group not in created else plan.new_group


def _return_traffic(
    plan: Plan, shrunk: list[str], deadline: timedelta, newcomer: str
) -> list[Step]:
    """The groups that served before, those that were shrunk at their old size, and then all
    traffic at once.
    """
    steps = _resize_back(plan, shrunk, [])
    ready = {g: _enough(plan, g, resized=g in shrunk) for g in plan.before.shares}
    for group, count in ready.items():
        wait = AwaitReady(group=group, ready=count, deadline=deadline, unless_dead=newcomer)
        steps.append(
            Step(
                id=f"back-ready-{group}",
                title=_await_title(plan, group, count),
                operation=wait,
                longest=deadline,
            )
        )
    told = ", ".join(f"{g} {format_share(s)}" for g, s in plan.before.shares.items())
    split = ReplaceSplit(shares=plan.before.shares, ready=ready, unless_dead=newcomer)
    steps.append(_step("back-split", f"return traffic: {told or 'nothing is served'}", split))
    return steps


def _enough(plan: Plan, group: str, *, resized: bool) -> int:
    """How many healthy instances make returning right: all that its share needs after a shrink,
    else half of them.
    """
    wanted = max(1, needed(plan.sizes_before.get(group, 1), plan.before.share(group)))
    return wanted if resized else half(wanted)


def _clean_up(
    plan: Plan, steps: list[Step], *, moved: bool, keep_failed: bool, drain: timedelta
) -> list[Step]:
    cleaning: list[Step] = []
    created = [s.operation.group for s in steps if isinstance(s.operation, CreateGroup)]
    for group in created:
        if moved:
            wait = DrainGroup(group=group, timeout=drain)
            cleaning.append(
                Step(
                    id=f"back-drain-{group}",
                    title=f"let the requests on {group} finish",
                    operation=wait,
                    longest=drain,
                )
            )
        if not keep_failed:
            gone = DestroyGroup(group=group)
            cleaning.append(_step(f"back-destroy-{group}", f"destroy {group}", gone))
    cleaning += _listener_back(plan, steps)
    pinned = sorted({s.operation.group for s in steps if isinstance(s.operation, PinGroup)})
    for group in pinned:
        release = PinGroup(group=group, minimum=0)
        cleaning.append(_step(f"back-release-{group}", f"release {group}", release))
    return cleaning


def _await_title(plan: Plan, group: str, count: int) -> str:
    size = plan.sizes_before.get(group, 1)
    verb = "is" if count == 1 else "are"
    return f"make sure that {count} of {format_instances(size)} of {group} {verb} healthy"


def _resize_back(plan: Plan, groups: list[str], attempted: list[Step]) -> list[Step]:
    """To the sizes from before; a pin above that would be in the way."""
    pins = {
        s.operation.group: s.operation.minimum
        for s in attempted
        if isinstance(s.operation, PinGroup)
    }
    steps = []
    for group in groups:
        size = plan.sizes_before[group]
        if size < pins.get(group, 0):
            steps.append(
                _step(
                    f"back-release-first-{group}",
                    f"release {group}",
                    PinGroup(group=group, minimum=0),
                )
            )
        resize = ResizeGroup(group=group, instances=size)
        steps.append(_step(f"back-resize-{group}", f"resize {group} back to {size}", resize))
    return steps


def _listener_back(plan: Plan, steps: list[Step]) -> list[Step]:
    if not any(isinstance(s.operation, OpenListener) for s in steps):
        return []
    before = plan.listener_before
    if before is None:
        return [_step("back-close", "stop listening", CloseListener())]
    reopen = OpenListener(listener=before)
    return [_step("back-listen", f"listen on {before.host}:{before.port} again", reopen)]


def _step(step: str, title: str, operation: Operation) -> Step:
    return Step(id=step, title=title, operation=operation)
