"""From samples, as a store has them, to a series on the grid of a scope. Pure.

* A sample belongs to the step that its time falls in; one outside of the scope is dropped.
* Of several samples in a step the last one counts: that is right for gauges. Who wants their sum or
  mean asks the store for it, at the scope's step.
* A step without a sample is NaN. So is one for which the store says null or NaN. Never 0.

Times are whole milliseconds since the epoch: what all stores can tell, and exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from turnout.metrics.templates import refused
from turnout.model.canary.request import CanaryScope
from turnout.model.samples import Series

MOST_STEPS = 1_000_000
"""Of one series: eleven days second by second."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Sample = tuple[int, float | None]
"""Milliseconds since the epoch, and the value; None = the store has none there."""


@dataclass(frozen=True, slots=True)
class Track:
    """One series as a store tells it, on no grid."""

    tags: dict[str, str] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """`count` steps of `step`, the first of which begins at `start`."""

    start: datetime
    step: timedelta
    count: int


def build_grid(scope: CanaryScope) -> Grid:
    """The whole steps from the scope's start to its end. Raises `InvalidDocument` for none."""
    if scope.step < 1:
        raise refused("scope.step", f"{scope.step} s is too short: 1 s is the least")
    step = timedelta(seconds=scope.step)
    count = (scope.end - scope.start) // step
    if count < 1:
        raise refused("scope.end", "the time from start to end is shorter than a step")
    if count > MOST_STEPS:
        raise refused("scope.step", f"{count} steps are too many: {MOST_STEPS} are allowed")
    return Grid(scope.start, step, count)


def build_windows(scope: CanaryScope, most_steps: int | None) -> list[CanaryScope]:
    """The scope in parts of at most so many steps, for stores that give no more at once."""
    grid = build_grid(scope)
    size = most_steps or grid.count
    bounds = [grid.start + grid.step * n for n in range(0, grid.count, size)]
    ends = [*bounds[1:], scope.end]
    pairs = zip(bounds, ends, strict=True)
    return [scope.model_copy(update={"start": start, "end": end}) for start, end in pairs]


def place(grid: Grid, track: Track) -> Series:
    """The samples of a track on the grid."""
    start, step = milliseconds(grid.start), grid.step // _MILLISECOND
    values = [math.nan] * grid.count
    newest = [-1] * grid.count
    for time, value in track.samples:
        index = (time - start) // step
        if value is None or math.isnan(value) or not 0 <= index < grid.count:
            continue
        if time >= newest[index]:
            values[index], newest[index] = value, time
    return Series(tags=track.tags, start=grid.start, step=grid.step, values=tuple(values))


def join(windows: Iterable[Iterable[Track]]) -> list[Track]:
    """The tracks of one series in several windows, as one track.

    A series is known by its tags and, where a window has several with the same tags, by its turn
    among them.
    """
    joined: dict[tuple[tuple[tuple[str, str], ...], int], list[Sample]] = {}
    for tracks in windows:
        seen: dict[tuple[tuple[str, str], ...], int] = {}
        for track in tracks:
            tags = tuple(sorted(track.tags.items()))
            turn = seen.get(tags, 0)
            seen[tags] = turn + 1
            joined.setdefault((tags, turn), []).extend(track.samples)
    return [Track(dict(tags), tuple(samples)) for (tags, _), samples in joined.items()]


def milliseconds(moment: datetime) -> int:
    """Since the epoch, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def format_time(moment: datetime) -> str:
    """ISO 8601 in UTC: `2026-11-23T20:00:00Z`, with milliseconds when there are some."""
    utc = moment.astimezone(UTC)
    precision = "milliseconds" if utc.microsecond else "seconds"
    return utc.replace(tzinfo=None).isoformat(timespec=precision) + "Z"
