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
    moved = any(isinstance(s.operation, ReplaceSplit) for s in steps)
    resized = _resized(plan, steps)
    returning = _return_traffic(plan, resized, deadline) if moved else []
    cleaning = _clean_up(plan, steps, moved=moved, keep_failed=keep_failed, drain=drain)
    if not moved:
        cleaning = [*_resize_back(plan, resized), *cleaning]
    elif resized:
        late = [g for g in resized if not plan.before.share(g)]
        cleaning = [*_resize_back(plan, late), *cleaning]
    return WayBack(tuple(returning), tuple(cleaning))


def _resized(plan: Plan, steps: list[Step]) -> list[str]:
    """Groups from before the deployment whose size may have changed."""
    names = {s.operation.group for s in steps if isinstance(s.operation, ResizeGroup)}
    return sorted(names & plan.sizes_before.keys())


def _return_traffic(plan: Plan, resized: list[str], deadline: timedelta) -> list[Step]:
    served = [g for g in resized if plan.before.share(g)]
    steps = _resize_back(plan, served)
    ready = {g: _enough(plan, g, resized=g in served) for g in plan.before.shares}
    for group, count in ready.items():
        wait = AwaitReady(group=group, ready=count, deadline=deadline, unless_dead=plan.new_group)
        steps.append(
            Step(
                id=f"back-ready-{group}",
                title=f"make sure that {count} of {group} are healthy",
                operation=wait,
                longest=deadline,
            )
        )
    told = ", ".join(f"{g} {format_share(s)}" for g, s in plan.before.shares.items())
    split = ReplaceSplit(shares=plan.before.shares, ready=ready, unless_dead=plan.new_group)
    steps.append(_step("back-split", f"return traffic: {told or 'nothing is served'}", split))
    return steps


def _enough(plan: Plan, group: str, *, resized: bool) -> int:
    """How many healthy instances make returning right: all that its share needs after a shrink,
    else half of them, so
    that one crashed instance does not hold up the way back.
    """
    wanted = needed(plan.sizes_before[group], plan.before.share(group))
    return max(1, wanted if resized else (wanted + 1) // 2)


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


def _resize_back(plan: Plan, groups: list[str]) -> list[Step]:
    steps = []
    for group in groups:
        size = plan.sizes_before[group]
        if not size:
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
