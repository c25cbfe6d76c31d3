"""What the page tells about one metric: a sentence, pictures, numbers."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from turnout.canary.page.pictures import draw_evidence, draw_ratio, draw_series
from turnout.canary.telling import tell_number, tell_percent, tell_ratio, tell_seconds
from turnout.model.report import MetricReport, Series, Standing

MARKS = {
    Standing.HARM: "✗",
    Standing.SAFE: "✓",
    Standing.UNDECIDED: "○",
    Standing.NO_DATA: "?",
}

KEYS = '<span class="key canary">canary</span> <span class="key baseline">baseline</span>'


def standing_words(metric: MetricReport, *, is_over: bool) -> str:
    """What was found about it, in two words."""
    match metric.standing:
        case Standing.HARM:
            return "does worse"
        case Standing.SAFE:
            return "is fine"
        case Standing.NO_DATA:
            return "cannot be judged"
        case Standing.UNDECIDED:
            return "no harm found" if is_over else "nothing yet"


def draw_card(metric: MetricReport, number: int, *, is_over: bool, is_folded: bool) -> str:
    """One metric; folded it shows its name and what was found."""
    mark = f'<span class="mark" aria-hidden="true">{MARKS[metric.standing]}</span>'
    words = standing_words(metric, is_over=is_over)
    head = (
        f"{mark} {escape(metric.words.name)} <small>{escape(words)}{escape(_about(metric))}</small>"
    )
    body = f"<p>{escape(metric.sentence)}</p>{_pictures(metric, number)}{_numbers(metric)}"
    kind, name = metric.standing.value, f"metric-{number}"
    if is_folded:
        return (
            f'<details class="card {kind}" id="{name}"><summary><h3>{head}</h3></summary>'
            f"{body}</details>"
        )
    return f'<article class="card {kind}" id="{name}"><h3>{head}</h3>{body}</article>'


def _about(metric: MetricReport) -> str:
    """` · critical · a quarter of the weight`."""
    critical = " · critical" if metric.critical else ""
    return f"{critical} · {tell_percent(metric.share)} of the weight"


def _pictures(metric: MetricReport, number: int) -> str:
    shown = [s for s in metric.series if any(v is not None for v in (*s.canary, *s.baseline))]
    if not shown:
        return '<p class="faint">There are no samples to draw.</p>'
    parts = [_figure(draw_series(shown[0], f"series-{number}"), _series_caption(shown[0]))]
    if metric.course and metric.course.seconds:
        parts.append(
            _figure(
                draw_ratio(metric, metric.course, f"ratio-{number}"),
                "The canary compared with the baseline. The line is the best guess; the true "
                "difference lies in the shaded area.",
            )
        )
        parts.append(
            _figure(
                draw_evidence(metric, metric.course, f"evidence-{number}"),
                "How rarely chance alone would show this. It counts as harm where the line "
                "reaches the limit.",
            )
        )
    others = "".join(
        _figure(draw_series(series, f"series-{number}-{n}"), _series_caption(series))
        for n, series in enumerate(shown[1:], 1)
    )
    more = f'<div class="pictures">{others}</div>' if others else ""
    if more:
        more = f"<details><summary>Other thresholds</summary>{more}</details>"
    return f'<div class="pictures">{"".join(parts)}</div>{more}'


def _figure(picture: str, caption: str) -> str:
    return f"<figure><figcaption>{caption}</figcaption>{picture}</figure>"


def _series_caption(series: Series) -> str:
    return f"{escape(series.title[:1].upper() + series.title[1:])}: {KEYS}"


def _numbers(metric: MetricReport) -> str:
    rows = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"
        for label, value in _rows(metric)
        if value
    )
    return f"<dl>{rows}</dl>"


def _rows(metric: MetricReport) -> Iterator[tuple[str, str]]:
    words, counted = metric.words, metric.counted
    yield "canary", words.canary + _events(counted.canary_events, counted.canary_exposure)
    yield "baseline", words.baseline + _events(counted.baseline_events, counted.baseline_exposure)
    yield "difference", words.difference
    yield "the true difference lies", words.likely
    yield "chance alone shows this", words.chance
    yield "counts as harm from", words.needed
    yield "allowed", f"up to {tell_ratio(1 + metric.margin)}" if metric.margin else ""
    harm = metric.harm_of_interest
    yield "harm to find", tell_ratio(1 + harm) if harm else ""
    yield "steps compared", f"{counted.steps:,}"
    yield "steps not usable", f"{counted.unusable_steps:,}" if counted.unusable_steps else ""
    if metric.minutes_needed is not None:
        yield "still needed, about", tell_seconds(60 * metric.minutes_needed)
    if metric.e_value is not None and metric.peak_e_value is not None:
        now, peak = metric.e_value, metric.peak_e_value
        yield "e-value now, highest", f"{tell_number(now)}, {tell_number(peak)}"
        yield "e-value needed", tell_number(metric.needed_e_value or 0.0)
    yield "exact test at the end", f"p = {metric.end_p:.2g}" if metric.end_p is not None else ""
    yield "classified", metric.classification


def _events(events: float, exposure: float) -> str:
    return f" ({events:,.0f} of {exposure:,.0f})" if exposure else ""
