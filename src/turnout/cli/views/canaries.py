"""Canaries: a list of them, and the report of one in words, with a table of its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turnout.cli.views import words
from turnout.cli.views.signs import Signs, spark_line
from turnout.model.analysis import AnalysisVerdict
from turnout.model.journal import StepRecord
from turnout.model.report import AnalysisLine, MetricReport, Report, Standing, window_words

NO_CANARY = "No canary yet. A deployment with strategy: canary makes one."

MOST = 12
"""Metrics in the table; the page has all of them."""

SPARK = 16

_STYLES = {
    AnalysisVerdict.PASS: words.GOOD,
    AnalysisVerdict.FAIL: "bold red",
    AnalysisVerdict.RUNNING: "cyan",
    AnalysisVerdict.ASKING: "bold yellow",
    AnalysisVerdict.INCONCLUSIVE: words.WAIT,
    AnalysisVerdict.ERROR: words.WAIT,
}

_WORDS = {AnalysisVerdict.ASKING: "asks a person"}

_STANDINGS = {
    Standing.HARM: words.BAD,
    Standing.SAFE: words.GOOD,
    Standing.UNDECIDED: words.FAINT,
    Standing.NO_DATA: words.WAIT,
}


def page_address(url: str, canary: str) -> str:
    """Where a browser finds the report of a canary."""
    return f"{url}/api/v1/canaries/{canary}/page"


def step_page(url: str, step: StepRecord | None) -> str:
    """That of the canary that a step waits for; empty for any other step."""
    if step is None or not words.is_canary(step):
        return ""
    return page_address(url, f"{step.deployment}.{step.step}")


def list_view(lines: Sequence[AnalysisLine], now: datetime, zone: tzinfo | None) -> RenderableType:
    """One line each."""
    if not lines:
        return Text(NO_CANARY)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=words.FAINT)
    for column in ("canary", "beside", "began", "took", "verdict"):
        table.add_column(column, no_wrap=True)
    table.add_column("id", overflow="fold")
    for line in lines:
        verdict = _WORDS.get(line.verdict, str(line.verdict))
        table.add_row(
            line.canary,
            line.baseline,
            words.full_time(line.began_at, zone),
            words.between(line.began_at, line.ended_at or now),
            Text(verdict, _STYLES[line.verdict]),
            line.id,
        )
    return table


def report_view(
    report: Report, signs: Signs, zone: tzinfo | None, *, width: int = 120, page: str = ""
) -> RenderableType:
    """First a sentence, then why, then the metrics; at its end where the page is."""
    parts: list[RenderableType] = [
        Text(words.clean(report.headline), _STYLES[report.verdict]),
        Text(words.clean(report.compared), words.FAINT),
        *(Text(words.clean(reason)) for reason in report.reasons),
    ]
    if report.verdict is AnalysisVerdict.ASKING:
        parts.append(Text(f"To answer: turnout canary answer {report.id} pass|fail", words.WAIT))
    if report.windows:
        parts += [Text(), windows_view(report, zone)]
    if report.metrics:
        parts += [Text(), _metrics(report, signs, width)]
    left = len(report.metrics) - MOST
    if left > 0:
        parts.append(Text(f"and {words.plural(left, 'metric')} more", words.FAINT))
    parts += [Text(f"left out: {words.clean(f'{o.name}: {o.reason}')}") for o in report.left_out]
    parts += [Text(f"note: {words.clean(note)}", words.WAIT) for note in report.notes]
    if page:
        parts += [Text(), Text(f"With pictures: {page}", words.FAINT)]
    return Group(*parts)


def windows_view(report: Report, zone: tzinfo | None) -> RenderableType:
    """The judgements that were made, the last ones of many, and how many are to come."""
    judged = [window for window in report.windows if window.score is not None]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=words.FAINT)
    for column in ("judgement", "figures from", "to", "score", "verdict"):
        table.add_column(column, no_wrap=column != "verdict")
    is_over = report.ended_at is not None
    for window in judged[-MOST:]:
        table.add_row(
            f"{window.number} of {len(report.windows)}",
            words.full_time(window.start, zone),
            words.full_time(window.end, zone),
            f"{window.score:g}",
            words.clean(window_words(window, is_over=is_over)),
        )
    left = len(report.windows) - len(judged)
    told = f"{words.plural(left, 'judgement')} {'not made' if is_over else 'to come'}"
    rest = (Text(told, words.FAINT),) if left else ()
    return Group(*((table,) if judged else ()), *rest)


def _metrics(report: Report, signs: Signs, width: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=words.FAINT)
    table.add_column("", no_wrap=True)
    table.add_column("metric", overflow="fold")
    table.add_column("canary", justify="right")
    table.add_column("baseline", justify="right")
    table.add_column("difference")
    is_compatible = report.score is not None
    table.add_column("found" if is_compatible else "chance alone")
    if width >= 90:
        table.add_column("canary over time", no_wrap=True)
    for metric in report.metrics[:MOST]:
        table.add_row(*_metric(metric, signs, is_compatible=is_compatible, has_room=width >= 90))
    return table


def _metric(
    metric: MetricReport, signs: Signs, *, is_compatible: bool, has_room: bool
) -> tuple[str | Text, ...]:
    style = _STANDINGS[metric.standing]
    told = metric.words
    needed = f" (harm from {told.needed})" if told.needed else ""
    return (
        Text(_sign(metric, signs), style),
        Text(words.clean(told.name), "bold" if metric.decided else ""),
        told.canary,
        told.baseline,
        Text(told.difference, style),
        metric.classification if is_compatible else f"{told.chance}{needed}",
        *((_spark(metric, signs),) if has_room else ()),
    )


def _sign(metric: MetricReport, signs: Signs) -> str:
    match metric.standing:
        case Standing.HARM:
            return signs.failed
        case Standing.SAFE:
            return signs.done
        case Standing.NO_DATA:
            return signs.paused
        case Standing.UNDECIDED:
            return signs.to_come


def _spark(metric: MetricReport, signs: Signs) -> Text:
    """On the scale of both arms, so that a canary like its baseline fills it alike."""
    if not metric.series:
        return Text()
    series = metric.series[0]
    known = [v for v in (*series.canary, *series.baseline) if v is not None]
    return Text(spark_line(series.canary, max(known, default=0.0), SPARK, signs))
