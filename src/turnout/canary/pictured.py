"""Both arms of a metric over time, thinned to what a picture can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from turnout.canary.evidence import Slice
from turnout.canary.subjects import Subject
from turnout.model.canary.options import Kind
from turnout.model.canary.queries import ProcessQuery
from turnout.model.report import Course, Figures, Series

MOST_POINTS = 120

MOST_RATES = 40
"""Of events: each slice should hold many, or their noise hides the picture."""

_LEVELS = (Kind.GAUGE, Kind.LEGACY)

Unit = Literal["%", "/s", "bytes", "millicores", ""]

_UNITS: dict[str | None, Unit] = {"memory": "bytes", "cpu": "millicores"}


def series_of(subject: Subject, slices: Sequence[Slice], first: int = 0) -> tuple[Series, ...]:
    """One series; of a latency one for each threshold, that with the number `first` first."""
    ordered = sorted(slices, key=lambda one: one.first)
    width = len(subject.thresholds_ms) if subject.kind is Kind.LATENCY else 1
    places = sorted(range(width), key=lambda place: (place != first, place))
    return tuple(_series(subject, ordered, place) for place in places)


def unit_of(subject: Subject) -> Unit:
    """Of its figures: events are told as parts of requests, or as a rate."""
    if subject.kind in _LEVELS:
        query = subject.query
        return _UNITS.get(query.metric_name, "") if isinstance(query, ProcessQuery) else ""
    if subject.kind is Kind.COUNT:
        return "/s" if subject.exposure is None else ""
    return "%" if subject.exposure is not None else "/s"


def thinned(course: Course, most: int = MOST_POINTS) -> Course:
    """Every so many points, and always the last one."""
    count = len(course.seconds)
    stride = max(1, math.ceil(count / most))
    kept = sorted({*range(0, count, stride), count - 1}) if count else []
    return Course.model_validate(
        {name: tuple(column[n] for n in kept) for name, column in course}  # fields are columns
    )


def typical_of(slices: Sequence[Slice], *, canary: bool) -> float | None:
    """Of a gauge, over all its steps: the geometric mean, for the judge compares ratios. So two of
    these are as far apart as it says.
    """
    columns = [(one.canary if canary else one.baseline)[0] for one in slices]
    known = [value for column in columns for value in column if not math.isnan(value)]
    logs = [math.log(value) for value in known if 0 < value < math.inf]
    if len(logs) < len(known):  # the judge has no use for the others
        return sum(known) / len(known)
    return math.exp(sum(logs) / len(logs)) if logs else None


def _series(subject: Subject, slices: Sequence[Slice], place: int) -> Series:
    end = max((one.first + one.count for one in slices), default=0)
    most = MOST_POINTS if subject.kind in _LEVELS else MOST_RATES
    stride = max(1, math.ceil(end / most))
    step = subject.step.total_seconds()
    return Series(
        title=_title(subject, place),
        unit=unit_of(subject),
        seconds=tuple((n + 0.5) * stride * step for n in range(math.ceil(end / stride))),
        canary=_binned(subject, slices, place, stride, end, is_canary=True),
        baseline=_binned(subject, slices, place, stride, end, is_canary=False),
    )


def _binned(
    subject: Subject,
    slices: Sequence[Slice],
    place: int,
    stride: int,
    end: int,
    *,
    is_canary: bool,
) -> Figures:
    """Sums of events by sums of exposure, or means; None where nothing is known."""
    count = math.ceil(end / stride)
    totals, weights = [0.0] * count, [0.0] * count
    for one in slices:
        columns = one.canary if is_canary else one.baseline
        values = columns[place]
        parts = (1.0,) * one.count if subject.kind in _LEVELS else columns[-1]
        for bin_ in range(one.first // stride, math.ceil((one.first + one.count) / stride)):
            begin, behind = max(bin_ * stride - one.first, 0), (bin_ + 1) * stride - one.first
            total, weight = _sums(values[begin:behind], parts[begin:behind])
            totals[bin_] += total
            weights[bin_] += weight
    scale = 100.0 if unit_of(subject) == "%" else 1.0
    return tuple(
        float(f"{scale * total / weight:.5g}") if weight else None
        for total, weight in zip(totals, weights, strict=True)
    )


def _sums(values: Sequence[float], parts: Sequence[float]) -> tuple[float, float]:
    """Of the steps that are whole."""
    total, weight = sum(values), sum(parts)
    if not math.isnan(total + weight):
        return total, weight
    pairs = zip(values, parts, strict=True)
    known = [(value, part) for value, part in pairs if not math.isnan(value + part)]
    return sum(value for value, _ in known), sum(part for _, part in known)


def _title(subject: Subject, place: int) -> str:
    if subject.kind is Kind.LATENCY:
        return f"requests slower than {subject.thresholds_ms[place]:g} ms"
    if unit_of(subject) == "%":
        return f"{subject.name}, of all requests"
    return subject.name
