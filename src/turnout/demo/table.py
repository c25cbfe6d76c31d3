"""The table at the end."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from turnout.demo.outcome import Outcome, Result
from turnout.demo.telling import format_seconds
from turnout.model.units import format_share


def build_table(result: Result) -> Table:
    """One row per version."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    table.add_column("version", no_wrap=True)
    table.add_column("brought by", no_wrap=True)
    for name in ("share", "requests", "failed", "time to\nswitch", "time to\nroll back"):
        table.add_column(name, justify="right", no_wrap=True)
    for outcome in result.outcomes:
        table.add_row(*_row(outcome))
    return table


def _row(outcome: Outcome) -> tuple[str | Text, ...]:
    share = format_share(outcome.share) if outcome.is_there else "gone"
    return (
        outcome.act.version,
        outcome.act.way,
        Text(share, "bold green" if outcome.share else "bright_black"),
        f"{outcome.requests:,}",
        Text(f"{outcome.failed:,}", "bold red" if outcome.failed else ""),
        _switches(outcome),
        "-" if outcome.back is None else format_seconds(outcome.back),
    )


def _switches(outcome: Outcome) -> str:
    """Of several the slowest."""
    if not outcome.switches:
        return "-"
    count = len(outcome.switches)
    steps = f"{count} steps, " if count > 1 else ""
    return steps + format_seconds(max(outcome.switches))
