"""The page that keeps the figures of a run: docs/performance.md between two marks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.outcome import Goal, Result, Table, format_cell, format_number

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

TITLES = {
    "startup_and_memory": "Start and memory",
    "rollback_latency": "Rollback",
    "switch_latency": "Change of the split, beside nginx",
    "step_overhead": "What the engine adds",
    "lost_requests": "Requests lost",
    "growth": "Growth",
    "canary_sequential": "Sequential canary judge",
    "canary_judge": "The compatible judge",
    "canary_detection": "Canaries with real users",
}
"""Of the sections, in the order in which they are measured and shown."""


def replace_figures(page: str, results: Sequence[Result]) -> str:
    """The page with these results between its marks. Raises `ValueError` without the marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks its marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{build_figures(results)}\n\n{END}{after}"


def build_figures(results: Sequence[Result]) -> str:
    """Everything between the marks."""
    parts = [_build_run(results), _build_goals(results), *map(_build_section, results)]
    return "\n\n".join(parts)


def _build_run(results: Sequence[Result]) -> str:
    first = min(results, key=lambda result: result.at)
    minutes = sum(result.seconds for result in results) / 60
    quick = [TITLES[result.benchmark] for result in results if result.is_quick]
    short = f" Short runs, good for nothing but trying: {', '.join(quick)}." if quick else ""
    loads = [float(result.machine["Load before"].split()[0]) for result in results]
    machine = {name: told for name, told in first.machine.items() if name != "Load before"}
    rows = [*machine.items(), ("Load before each benchmark", " ".join(f"{x:.1f}" for x in loads))]
    return (
        f"## The run\n\nMeasured on {first.at[:10]} in {minutes:.0f} minutes.{short}\n\n"
        f"{_build_table(('machine', ''), rows)}"
    )


def _build_goals(results: Sequence[Result]) -> str:
    rows = [_goal_row(goal) for result in results for goal in result.outcome.goals]
    columns = ("figure", "measured", "goal", "reached")
    return f"## Goals\n\n{_build_table(columns, rows)}"


def _goal_row(goal: Goal) -> tuple[str, str, str, str]:
    unit = f" {goal.unit}".rstrip()
    limit = f"below {format_number(goal.limit)}{unit}" if goal.limit else "0"
    told = "yes" if goal.is_met else "**no**"
    return goal.what, f"{format_number(goal.measured)}{unit}", limit, told


def _build_section(result: Result) -> str:
    heading = f"## {TITLES[result.benchmark]}\n\n`scripts/bench {result.benchmark}`"
    about = " ".join(result.outcome.about.split())
    return "\n\n".join([heading, about, *map(_build_titled, result.outcome.tables)])


def _build_titled(table: Table) -> str:
    rows = [tuple(map(format_cell, row)) for row in table.rows]
    return f"{table.title}:\n\n{_build_table(table.columns, rows)}"


def _build_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
