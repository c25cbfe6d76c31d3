"""The pictures of a metric as inline SVG. Both arms differ by colour and by dashes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from turnout.canary.page.scales import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Scale,
    evidence_scale,
    evidence_ticks,
    level_scale,
    level_ticks,
    ratio_scale,
    ratio_ticks,
    time_scale,
    time_ticks,
)
from turnout.canary.telling import tell_amount, tell_chance, tell_ratio, tell_seconds
from turnout.model.report import Course, Figures, MetricReport, Series

Label = Callable[[float], str]

_LARGE = (("bn", 1e9), ("m", 1e6))


def draw_series(series: Series, name: str) -> str:
    """Both arms over time; `name` is the picture's id on the page."""
    known = [v for v in (*series.canary, *series.baseline) if v is not None]
    x, y = time_scale(series.seconds), level_scale(known)
    marks = [
        *_axes(x, y, level_ticks(y), lambda value: _side(value, series.unit)),
        _line(x, y, series.seconds, series.baseline, "baseline"),
        _line(x, y, series.seconds, series.canary, "canary"),
    ]
    return _svg(name, f"{series.title}: canary and baseline over time", marks)


def draw_ratio(metric: MetricReport, course: Course, name: str) -> str:
    """Canary over baseline with its bounds, and the limits that matter."""
    limits = _limits(metric)
    later = len(course.seconds) // 3
    bounds = [v for v in (*course.low[later:], *course.high[later:]) if v is not None]
    near = [v for v in (*course.ratio[later:], *_narrow(bounds)) if v is not None]
    x, y = time_scale(course.seconds), ratio_scale([*near, *(at for at, _, _ in limits)])
    marks = [
        _band(x, y, course),
        *_axes(x, y, ratio_ticks(y), tell_ratio),
        _level(y, 1.0, "same", ""),
        *(_level(y, at, kind, label) for at, kind, label in limits),
        _line(x, y, course.seconds, course.ratio, "canary"),
    ]
    title = f"{metric.name}: the canary compared with the baseline, and how sure that is"
    return _svg(name, title, marks)


def draw_evidence(metric: MetricReport, course: Course, name: str) -> str:
    """How rare what was seen would be by chance, against the limit."""
    needed = metric.needed_e_value or 1.0
    x, y = time_scale(course.seconds), evidence_scale([needed, *course.e_value])
    marks = [
        *_axes(x, y, evidence_ticks(y), _odds),
        _level(y, needed, "limit", f"counts as harm from {tell_chance(needed)}"),
        _line(x, y, course.seconds, course.e_value, "canary"),
    ]
    return _svg(name, f"{metric.name}: how rare this would be by chance alone", marks)


def _svg(name: str, title: str, marks: Iterable[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-labelledby="{escape(name)}">'
        f'<title id="{escape(name)}">{escape(title)}</title>{"".join(marks)}</svg>'
    )


def _axes(x: Scale, y: Scale, ticks: Sequence[float], label: Label) -> Iterable[str]:
    for value in ticks:
        at = y.place(value)
        yield f'<path class="grid" d="M{LEFT:g} {at:g}H{RIGHT:g}"/>'
        yield f'<text x="{LEFT - 5:g}" y="{at + 4:g}" class="side">{escape(label(value))}</text>'
    yield f'<path class="axis" d="M{LEFT:g} {BOTTOM:g}H{RIGHT:g}"/>'
    for value in time_ticks(x):
        at = x.place(value)
        yield f'<path class="axis" d="M{at:g} {BOTTOM:g}v4"/>'
        kind = "below" if at < RIGHT - 14 else "last"
        yield f'<text x="{at:g}" y="{BOTTOM + 17:g}" class="{kind}">{_when(value)}</text>'


def _line(x: Scale, y: Scale, seconds: Sequence[float], values: Figures, kind: str) -> str:
    """Broken where a figure is missing; one point alone is a dot."""
    path, dots, pen_down = [], [], False
    for n, (second, value) in enumerate(zip(seconds, values, strict=True)):
        if value is None:
            pen_down = False
            continue
        at = f"{x.place(second):g} {y.place(value):g}"
        path.append(f"{'L' if pen_down else 'M'}{at}")
        alone = not pen_down and (n + 1 == len(values) or values[n + 1] is None)
        if alone:
            cx, cy = at.split()
            dots.append(f'<circle class="{kind} dot" cx="{cx}" cy="{cy}" r="2"/>')
        pen_down = True
    return f'<path class="{kind} line" d="{"".join(path)}"/>{"".join(dots)}' if path else ""


def _band(x: Scale, y: Scale, course: Course) -> str:
    """Between the bounds; what is not bounded reaches to the edge."""
    if not course.seconds:
        return ""
    places = list(zip(course.seconds, course.low, course.high, strict=True))
    upper = [f"{x.place(s):g} {TOP if h is None else y.place(h):g}" for s, _, h in places]
    lower = [f"{x.place(s):g} {BOTTOM if low is None else y.place(low):g}" for s, low, _ in places]
    return f'<path class="band" d="M{"L".join([*upper, *reversed(lower)])}Z"/>'


def _level(y: Scale, value: float, kind: str, label: str) -> str:
    at = y.place(value)
    line = f'<path class="{kind}" d="M{LEFT:g} {at:g}H{RIGHT:g}"/>'
    if not label:
        return line
    above = at - 4 if at > TOP + 12 else at + 12
    side, at_side = ("begin", LEFT + 4) if kind == "margin" else ("note", RIGHT)
    return f'{line}<text x="{at_side:g}" y="{above:g}" class="{side} {kind}">{escape(label)}</text>'


def _limits(metric: MetricReport) -> list[tuple[float, str, str]]:
    """The margin, and the harm that the judge looks for, on each side that would be harm."""
    found: list[tuple[float, str, str]] = []
    for change, kind, word in (
        (metric.margin, "margin", "allowed"),
        (metric.harm_of_interest, "limit", "harm to find"),
    ):
        if not change:
            continue
        if metric.direction != "decrease":
            found.append((1 + change, kind, f"{word}: {tell_ratio(1 + change)}"))
        if metric.direction != "increase":
            found.append((1 / (1 + change), kind, f"{word}: {tell_ratio(1 / (1 + change))}"))
    return found


def _narrow(bounds: Sequence[float]) -> list[float]:
    """The bounds that a picture can show without hiding the rest."""
    return [bound for bound in bounds if 0.2 <= bound <= 5]


def _side(value: float, unit: str) -> str:
    return f"{value:g} %" if unit == "%" else tell_amount(value, unit)


def _odds(value: float) -> str:
    if value <= 1:
        return "usual"
    if value >= 1e12:
        return "hardly ever"
    for word, size in _LARGE:
        if value >= size:
            return f"1 in {value / size:g} {word}"
    return f"1 in {value:,.0f}"


def _when(seconds: float) -> str:
    if seconds == 0:
        return "0"
    if seconds < 60 or seconds % 60:
        return f"{seconds:g} s"
    return tell_seconds(seconds) if seconds >= 7200 else f"{seconds / 60:g} min"
