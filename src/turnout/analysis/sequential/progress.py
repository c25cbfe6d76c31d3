"""What a batch of steps adds to a metric's story: the evidence after each step, and its picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from turnout.analysis.sequential.mixtures import Floats, Places

MOST_POINTS = 600


@dataclass(frozen=True, slots=True)
class Batch:
    """After each step: evidence of harm and of safety as log-e; the confidence sequence and the
    estimate as log ratios, or in the gauge's unit where it is compared by difference."""

    log_e: Floats
    log_safety: Floats
    low: Floats
    high: Floats
    estimate: Floats


@dataclass(frozen=True, slots=True)
class Point:
    """A moment of a metric. `seconds` is the end of the step, since the start."""

    seconds: float
    estimate: float
    low: float
    high: float
    log_e: float
    log_safety: float


@dataclass(frozen=True, slots=True)
class Trace:
    """At most MOST_POINTS points, evenly: every `stride`-th of those that were seen."""

    stride: int = 1
    seen: int = 0
    points: tuple[Point, ...] = ()


def extend(trace: Trace, seconds: Floats, batch: Batch) -> Trace:
    """The trace with the steps of a batch."""
    stride, points = trace.stride, list(trace.points)
    columns = (seconds, batch.estimate, batch.low, batch.high, batch.log_e, batch.log_safety)
    for place in range(len(seconds)):
        if (trace.seen + place) % stride == 0:
            points.append(Point(*(_rounded(column[place]) for column in columns)))
        if len(points) > MOST_POINTS:
            points, stride = points[::2], stride * 2
    return replace(trace, stride=stride, seen=trace.seen + len(seconds), points=tuple(points))


def pick(columns: list[Floats], places: Places) -> Floats:
    """From several columns, at each step that of the given place."""
    return np.asarray(np.stack(columns, axis=-1)[np.arange(len(places)), places], dtype=float)


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")  # what a picture can show, at half the size
