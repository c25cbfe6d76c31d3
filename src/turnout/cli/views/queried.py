"""What a source answered: the query, and each series in a line with a small picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turnout.cli.views.signs import UNICODE, Signs
from turnout.cli.views.words import FAINT, WAIT, clean, full_time, plural

WIDTH = 40
"""Characters of a picture."""

_BARS = {True: "▁▂▃▄▅▆▇█", False: "_.-=+*%#"}


def query_view(answer: Mapping[str, Any], zone: tzinfo | None, signs: Signs) -> RenderableType:
    """All of it; warnings last, where they are seen."""
    start, end = (datetime.fromisoformat(answer[name]) for name in ("start", "end"))
    asked = f"{full_time(start, zone)} to {full_time(end, zone)}, {answer['step_seconds']} s steps"
    series = [_values(one) for one in answer["series"]]
    parts: list[RenderableType] = [
        Text.assemble((f"{answer['type']}  ", FAINT), clean(answer["text"])),
        Text(asked, FAINT),
    ]
    if any(known(values) for values in series):
        parts += [Text(), _table(answer["series"], is_unicode=signs is UNICODE)]
    else:
        told = "no value in this time" if series else "no series: is the scope right?"
        parts += [Text(f"The source answered, and has {told}", WAIT)]
    return Group(*parts, *(Text(clean(told), WAIT) for told in answer["warnings"]))


def _table(series: Sequence[Mapping[str, Any]], *, is_unicode: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=FAINT)
    for name in ("series", "values", "missing", "first", "last", "least", "most", ""):
        table.add_column(name)
    for one in series:
        values = _values(one)
        numbers = known(values)
        tags = ", ".join(f"{key}={value}" for key, value in sorted(one.get("tags", {}).items()))
        shown = [numbers[0], numbers[-1], min(numbers), max(numbers)] if numbers else []
        table.add_row(
            clean(tags) or "-",
            str(len(values)),
            gaps(values),
            *(f"{value:.4g}" for value in shown),
            *("-" for _ in range(4 - len(shown))),
            sparkline(values, is_unicode=is_unicode),
        )
    return table


def gaps(values: Sequence[float]) -> str:
    """How many are missing, and in how many gaps."""
    missing = [math.isnan(value) for value in values]
    begins = sum(
        now and not before for now, before in zip(missing, [False, *missing], strict=False)
    )
    return f"{sum(missing)} in {plural(begins, 'gap')}" if begins else "0"


def sparkline(values: Sequence[float], *, is_unicode: bool) -> str:
    """A bar for each part of the time, blank where nothing is known."""
    bars = _BARS[is_unicode]
    size = max(1, math.ceil(len(values) / WIDTH))
    means = [_mean(values[place : place + size]) for place in range(0, len(values), size)]
    numbers = known(means)
    if not numbers:
        return ""
    least, most = min(numbers), max(numbers)
    scale = (len(bars) - 1) / (most - least) if most > least else 0.0
    return "".join(" " if math.isnan(m) else bars[round((m - least) * scale)] for m in means)


def known(values: Sequence[float]) -> list[float]:
    """Those that are numbers."""
    return [value for value in values if math.isfinite(value)]


def _mean(values: Sequence[float]) -> float:
    numbers = known(values)
    return sum(numbers) / len(numbers) if numbers else math.nan


def _values(series: Mapping[str, Any]) -> list[float]:
    return [float(value) for value in series["values"]]
