"""Plans as text, so that a test shows the real plan to whoever reads it."""

from __future__ import annotations

from textwrap import dedent

from turnout.model.deployment import ClusterState, Request
from turnout.model.plan import Plan, Step
from turnout.model.traffic import TrafficSplit
from turnout.model.units import format_duration
from turnout.strategies import plan_deployment
from turnout.testing import World

COMMITTED = "-- from here on nothing is taken back --"


def state_of(world: World, **changes: object) -> ClusterState:
    """What a planner sees of `shop` in a world."""
    cluster = "shop"
    listener = world.listeners.get(cluster)
    state = ClusterState(
        cluster=cluster,
        groups=world.cluster_groups(cluster),
        newest=world.newest.get(cluster, ""),
        split=listener.split if listener else TrafficSplit(),
        listener=listener.listener if listener else None,
        previous=listener.previous if listener else (),
        held=world.holds.get(cluster, ""),
    )
    return state.model_copy(update=changes)


def planned(request: Request, world: World, **changes: object) -> str:
    """The plan of a request in a world, as text."""
    return render(plan_deployment(request, state_of(world, **changes)))


def render(plan: Plan) -> str:
    """Title, notes, then `step | title | split after | sizes after`, then what it comes to."""
    lines = [plan.title, *(f"note: {note}" for note in plan.notes)]
    if plan.refused:
        return "\n".join([*lines, f"refused ({plan.refused_rule}): {plan.refused}"])
    rows = [_row(step) for step in plan.steps]
    widths = [max((len(row[n]) for row in rows), default=0) for n in range(3)]
    for number, row in enumerate(rows):
        if number == plan.commit:
            lines.append(COMMITTED)
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append(" | ".join([*cells, row[3]]))
    if plan.steps:
        destroys = ", ".join(plan.destroys) or "nothing"
        longest = format_duration(plan.longest)
        lines.append(f"peak {plan.peak_instances}; at most {longest}; destroys {destroys}")
    return "\n".join(lines)


def render_steps(steps: tuple[Step, ...]) -> list[str]:
    """Id and title of each."""
    return [f"{step.id} | {step.title}" for step in steps]


def text(written: str) -> str:
    """A text as it was written between the quotes of a test."""
    return dedent(written).strip("\n")


def _row(step: Step) -> tuple[str, str, str, str]:
    split = ", ".join(f"{_short(g)} {s}" for g, s in step.split_after.shares.items())
    sizes = ", ".join(f"{_short(g)}x{n}" for g, n in sorted(step.sizes_after.items()))
    return step.id, step.title, split or "nothing", sizes or "nothing"


def _short(group: str) -> str:
    return group.removeprefix("shop-")
