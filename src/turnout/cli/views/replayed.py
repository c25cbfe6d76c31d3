"""What a replay found: false alarms of both judges, and how soon harm is found."""

from __future__ import annotations

import math

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turnout.cli.views.lasting import minutes
from turnout.cli.views.words import BAD, FAINT, GOOD, clean, plural
from turnout.model.canary.replay import Detection, Rate, ReplayedMetric, ReplayResult


def replay_view(result: ReplayResult) -> RenderableType:
    """The answer in words, then metric by metric, then the detection curve."""
    return Group(
        *(Text(clean(line)) for line in _head(result)),
        Text(),
        _judges(result),
        Text(),
        _metrics(result.metrics),
        *(
            Text(clean(f"{one.name}: {one.suggestion}."))
            for one in result.metrics
            if one.suggestion
        ),
        Text(),
        Text(f"Harm in one metric of the canary, {plural(_windows(result), 'window')}:"),
        _curve(result.detection),
    )


def _head(result: ReplayResult) -> list[str]:
    split = f", split at random, {result.share / 10:g} % for each arm" if result.share else ""
    what = f"{result.window_minutes:g} min without a change{split}"
    days = f"on {plural(result.days, 'day')}"
    alarms = f"; alarms on {result.days_with_alarm} of them" if result.days_with_alarm else ""
    unclear = f" {result.inconclusive} could not be judged." if result.inconclusive else ""
    return [
        f"{plural(result.alarms.windows, 'window')} of {what}, {days}{alarms}.{unclear}",
        *result.notes,
    ]


def _judges(result: ReplayResult) -> Table:
    table = _table("judge", "false alarms", "of 100 canaries (95 %)")
    rows = (
        ("turnout-sequential, looked at all the time", result.alarms),
        ("compatible, asked once, at the end", result.compatible_alarms),
        (f"compatible, asked {result.looks} times", result.compatible_looked),
    )
    for name, rate in rows:
        style = BAD if rate.low > 0.01 else GOOD
        table.add_row(name, Text(f"{rate.count} of {rate.windows}", style), _interval(rate))
    return table


def _interval(rate: Rate) -> str:
    return f"{100 * rate.low:.1f} to {100 * rate.high:.1f}"


def _metrics(metrics: tuple[ReplayedMetric, ...]) -> Table:
    table = _table("metric", "kind", "false alarms", "compatible", "dispersion", "persistence")
    for one in metrics:
        table.add_row(
            clean(one.name),
            one.kind,
            str(one.alarms.count),
            str(one.compatible_alarms),
            _number(one.dispersion),
            _number(one.autocorrelation),
        )
    return table


def _curve(detection: tuple[Detection, ...]) -> Table:
    table = _table("metric", "harm", "found", "after (median)", "compatible")
    for one in detection:
        windows = one.found.windows
        table.add_row(
            clean(one.metric),
            one.effect,
            f"{one.found.count} of {windows}",
            minutes(one.median_minutes) if one.median_minutes is not None else "-",
            f"{one.compatible_found} of {windows}",
        )
    return table


def _windows(result: ReplayResult) -> int:
    return max((one.found.windows for one in result.detection), default=0)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=FAINT)
    for column in columns:
        table.add_column(column)
    return table
