"""Samples laid onto the steps of a grid. Pure.

A sample belongs to the step that holds its middle, so each belongs to one step, and steps add up to
what was counted. Looks are taken about once a second; when a pause was longer, what was counted in
it is known only as a total. Such a total is taken by a step that is not much shorter than the pause
and holds it but for a second at either end; a finer step does not get a made-up part of it, it is
missing. So ask again with a coarser step: the total is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from turnout.history.pages import Sample

_LONGEST = 1.5
"""Steps; a sample that took longer is no answer for one of them."""

_OUTSIDE = 1.0
"""Seconds that a sample may reach into the steps before and after its own."""

_COVERED = 0.99
"""Share of a step that must be covered by samples for its counts to be known."""


@dataclass(frozen=True, slots=True)
class Grid:
    """`count` steps of `step` seconds from `start` on (Unix time)."""

    start: float
    step: float
    count: int

    @classmethod
    def over(cls, start: datetime, end: datetime, step: timedelta) -> Grid:
        """The whole steps in [start, end). Raises `ValueError` for a step of no length."""
        if step <= timedelta(0):
            raise ValueError(f"a step of {step} is not longer than nothing")
        count = max(0, (end - start) // step)
        return cls(start.timestamp(), step.total_seconds(), count)

    def place(self, sample: Sample) -> int | None:
        """The step that a sample belongs to, which may lie before or behind the grid; None when it
        is too long to belong to one.
        """
        index = self.nearest(sample)
        begin = self.start + index * self.step
        is_inside = begin - _OUTSIDE <= sample.begin and sample.end <= begin + self.step + _OUTSIDE
        return index if is_inside and sample.took <= _LONGEST * self.step else None

    def nearest(self, sample: Sample) -> int:
        """The step that holds its middle, which may lie before or behind the grid."""
        return math.floor((sample.middle - self.start) / self.step)


class Counts:
    """What was counted, per step."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._sums: dict[str, list[float]] = {}
        self._covered = [0.0] * grid.count
        self._is_seen = [False] * grid.count

    @property
    def columns(self) -> frozenset[str]:
        """What was counted in any step."""
        return frozenset(self._sums)

    def add(self, sample: Sample) -> None:
        """Take a sample in; the order does not matter."""
        index = self._grid.place(sample)
        if index is None:
            return
        self._cover(sample, index)
        if 0 <= index < self._grid.count:
            self._is_seen[index] = True
            for name, value in sample.values.items():
                if name not in self._sums:
                    self._sums[name] = [0.0] * self._grid.count
                self._sums[name][index] += math.nan if value is None else value

    def column(self, name: str) -> tuple[float, ...]:
        """The sums of one column; NaN where nobody looked all through the step."""
        sums = self._sums.get(name) or [0.0] * self._grid.count
        return tuple(
            value if self._is_known(index) else math.nan for index, value in enumerate(sums)
        )

    def _is_known(self, index: int) -> bool:
        return self._is_seen[index] and self._covered[index] >= _COVERED * self._grid.step

    def _cover(self, sample: Sample, index: int) -> None:
        """What reaches over a boundary covers both sides of it, whichever step it belongs to."""
        grid = self._grid
        for near in range(max(0, index - 1), min(grid.count, index + 2)):
            begin = grid.start + near * grid.step
            covered = min(sample.end, begin + grid.step) - max(sample.begin, begin)
            self._covered[near] += max(0.0, covered)


class Means:
    """The mean of what does not add up, per step."""

    def __init__(self, grid: Grid, column: str) -> None:
        self._grid = grid
        self._name = column
        self._sums = [0.0] * grid.count
        self._numbers = [0] * grid.count

    def add(self, sample: Sample) -> None:
        """Take a sample in; the order does not matter.

        A level needs no part of a step for itself: samples as far apart as the steps are long may
        lie across their boundaries all the time.
        """
        index, value = self._grid.nearest(sample), sample.values.get(self._name, 0)
        is_short = sample.took <= _LONGEST * self._grid.step
        if is_short and 0 <= index < self._grid.count and value is not None:
            self._sums[index] += value
            self._numbers[index] += 1

    def values(self) -> tuple[float, ...]:
        """NaN in a step without a sample."""
        return tuple(
            total / number if number else math.nan
            for total, number in zip(self._sums, self._numbers, strict=True)
        )
