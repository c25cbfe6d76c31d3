"""A plan, before anything is touched: a numbered table, then what a person should know."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from turnout.cli.views.words import (
    BAD,
    FAINT,
    WAIT,
    at_most,
    clean,
    plural,
    shares_words,
    sizes_words,
)
from turnout.model.plan import Plan
from turnout.model.units import format_duration

COMMITTED = "from here on it clears up, and is not taken back any more"


def plan_view(plan: Plan) -> RenderableType:
    """The whole plan. Split and instances are named where they change."""
    parts: list[RenderableType] = [
        Text.assemble(("Plan: ", FAINT), (clean(plan.title), "bold")),
        Text(),
    ]
    if plan.steps:
        parts += [_steps(plan), Text()]
    parts += [Padding.indent(note, 1) for note in plan_notes(plan)]
    parts.append(_facts(plan))
    return Group(*parts)


def plan_notes(plan: Plan) -> Iterator[Text]:
    """What a person should know before saying yes: one line each."""
    if plan.refused:
        rule = f" ({plan.refused_rule})" if plan.refused_rule else ""
        yield Text(f"Refused{rule}: {clean(plan.refused)}", BAD)
    elif not plan.steps and not plan.notes:
        yield Text("Nothing to do")
    for note in plan.notes:
        yield Text(f"Note: {clean(note)}", WAIT)
    if plan.destroys:
        yield Text(f"Destroys: {', '.join(plan.destroys)}", WAIT)


def _steps(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=True, padding=(0, 1), header_style=FAINT)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("step", ratio=1)
    table.add_column("split after")
    table.add_column("instances after")
    table.add_column("at most", justify="right", no_wrap=True)
    split_before, sizes_before = "", ""
    for number, step in enumerate(plan.steps, start=1):
        if 0 < plan.commit == number - 1:
            table.add_row("", Text(f"({COMMITTED})", FAINT))
        split = shares_words(step.split_after.shares, plan.cluster)
        sizes = sizes_words(step.sizes_after, plan.cluster)
        table.add_row(
            str(number),
            Text(clean(step.title)),
            "" if split == split_before else split,
            "" if sizes == sizes_before else sizes,
            Text(at_most(step.longest), "" if step.longest else FAINT),
        )
        split_before, sizes_before = split, sizes
    return table


def _facts(plan: Plan) -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style=FAINT)
    facts.add_column()
    if plan.steps:
        facts.add_row(" Peak", plural(plan.peak_instances, "instance"))
        facts.add_row(" Longest", format_duration(plan.longest) if plan.longest else "moments")
    facts.add_row(" Fingerprint", plan.fingerprint or "-")
    return facts


def plan_summary(plan: Plan) -> Text:
    """The plan in one line: what, in how many steps, and how long at most."""
    longest = format_duration(plan.longest) if plan.longest else "moments"
    steps = plural(len(plan.steps), "step")
    return Text.assemble((clean(plan.title), "bold"), f": {steps}, {longest} at most")
