"""How long a canary must run: a table, and what to make of it."""

from __future__ import annotations

import math

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turnout.cli.views.words import FAINT, clean
from turnout.model.canary.lasting import DurationResult, DurationRow, Measurement


def duration_view(result: DurationResult) -> RenderableType:
    """What was known, the table, and which questions are the wrong ones."""
    names = ["metric", "each arm", "to find", "events", "half of the time", "80 % of the time"]
    if result.is_simulated:
        names += ["simulated: half", "80 %"]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=FAINT)
    for name in names:
        table.add_column(name)
    for row in result.rows:
        table.add_row(*_cells(row, is_simulated=result.is_simulated))
    advice = dict.fromkeys(row.advice for row in result.rows if row.advice)
    parts: list[RenderableType] = [Text(clean(_measured(one))) for one in result.measured]
    parts += [Text(), table]
    parts += [Text(f"\n{clean(told)}") for told in advice]
    return Group(*parts)


def _measured(one: Measurement) -> str:
    if one.kind == "gauge":
        known = one.deviation is not None and not math.isnan(one.deviation)
        if not known or one.deviation is None:
            return f"{one.name}: how much it varies is not known yet"
        spread = f"{100 * one.deviation:.1f} %"
        return f"{one.name}: neighbouring steps of {one.step_seconds:g} s differ by {spread}"
    slow = f" slower than {one.threshold_ms:g} ms" if one.threshold_ms else ""
    part = one.part or 0.0
    bursts = f", in bursts (dispersion {one.dispersion:.1f})" if one.dispersion > 1.2 else ""
    what = slow or (" are such" if one.kind == "latency" else "")
    return f"{one.name}: {100 * part:.2f} % of {one.rate:.4g} requests/s{what}{bursts}"


def _cells(row: DurationRow, *, is_simulated: bool) -> list[str]:
    events = f"{row.events:,.0f}" if row.events is not None else "-"
    cells = [
        clean(row.metric),
        f"{row.share / 10:g} %",
        f"{row.ratio - 1:+.0%}".replace("%", " %"),
        events,
        minutes(row.median_minutes),
        minutes(row.most_minutes),
    ]
    if is_simulated:
        cells += [_simulated(row, row.simulated_median), _simulated(row, row.simulated_most)]
    return cells


def _simulated(row: DurationRow, value: float | None) -> str:
    if value is None:
        return "-"
    if math.isinf(value):
        return f"> {minutes(row.horizon_minutes or 0)}"
    return minutes(value)


def minutes(value: float) -> str:
    """`45 s`, `12 min`, `5.7 h`, `3 days`, `never`."""
    if math.isinf(value):
        return "never"
    if value < 2:
        return f"{value * 60:.0f} s"
    if value < 120:
        return f"{value:.0f} min"
    return f"{value / 60:.1f} h" if value < 48 * 60 else f"{value / 1440:.0f} days"
