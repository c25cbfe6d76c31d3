"""The rank-sum statistic of x - shift against y, as a function of the shift.

A solver asks for it dozens of times, so it must be cheap, and it must be exact: which samples are
tied is decided by doubles after the subtraction. What depends on the shift is only in how many
pairs x - shift wins against y, and in how many it is tied. Both fall as the shift grows, since
rounding keeps order. So between two shifts that were counted only those pairs matter that were not
decided alike at both. They become few very soon; then their differences are sorted, and a shift is
counted by its place among them. Only where rounding could decide, all samples are compared.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]

_SORT_PAIRS_BELOW = 4
"""So many undecided pairs for each sample are sorted; with more, samples are compared again."""
_FEW_PAIRS = 1024
"""So few pairs are always sorted."""


class AllTied(Exception):
    """Catch it to classify the metric as an error: without any order there is no test."""


@dataclass(frozen=True, slots=True)
class _Differences:
    """x - y of the pairs that are not decided alike everywhere in a gap between two shifts.

    `wins[k]` pairs, decided ones among them, are won by shifts above k of the sorted differences.
    """

    ordered: Sequence[float]
    wins: Sequence[int]

    def count(self, shift: float, doubt: float) -> int | None:
        """The pairs that x - shift wins. None when a difference is so close to the shift that
        rounding decides; otherwise no pair is tied.
        """
        place = bisect_left(self.ordered, shift - doubt)
        is_clear = place == bisect_right(self.ordered, shift + doubt)
        return self.wins[place] if is_clear else None


class _Counted(NamedTuple):
    """A shift at which all samples were compared: for each x, how many y lie below x - shift."""

    shift: float
    below: Places
    wins: int
    ties: int


class ShiftStatistic:
    """W of the specification, without its quantile: standardised, corrected for continuity and for
    ties.
    """

    def __init__(self, x: Array, y: Array) -> None:
        """`x` and `y` are sorted and not empty. They may hold infinities, but no NaN."""
        self.low = float(x[0] - y[-1])
        self.high = float(x[-1] - y[0])
        self.pairs = len(x) * len(y)
        self._size = len(x) + len(y)
        self._x, self._y = x, y
        self._y_padded = np.concatenate((y, _NAN))
        largest = max(abs(float(x[0])), abs(float(x[-1]))) + max(abs(self.low), abs(self.high))
        self._doubt = 4.0 * math.ulp(largest)
        self._is_plain = math.isfinite(largest) and _keeps_apart(x, 2.0 * math.ulp(largest))
        self._answers: dict[float, float] = {}
        self._shifts: list[float] = []
        self._counted: list[_Counted] = []
        self._gaps: list[_Differences | None] = [None]
        if self._is_plain:
            self._prepare()

    def _prepare(self) -> None:
        x, y = _distinct(self._x), _distinct(self._y)
        self._own_ties = _tie_sum(x[1]) + _tie_sum(y[1])
        if len(x[0]) * len(y[0]) <= max(_FEW_PAIRS, _SORT_PAIRS_BELOW * self._size):
            self._gaps = [_all_differences(*x, *y)]

    def __call__(self, shift: float) -> float:
        """Raises `AllTied` when all samples are equal at this shift."""
        answer = self._answers.get(shift)
        if answer is None:
            answer = self._answers[shift] = self._standardised(*self.count(shift))
        return answer

    def count(self, shift: float) -> tuple[int, int, int]:
        """Pairs that x - shift wins, pairs that are tied, and the sum of t³ - t over all ties."""
        if not self._is_plain:
            return self._count_pooled(shift)
        place = bisect_right(self._shifts, shift)
        differences = self._gaps[place] or self._sort_gap(place)
        wins = differences.count(shift, self._doubt) if differences else None
        return self._count_all(shift, place) if wins is None else (wins, 0, self._own_ties)

    def _standardised(self, wins: int, ties: int, tie_sum: int) -> float:
        above = wins + ties / 2.0 - self.pairs / 2.0
        correction = math.copysign(0.5, above) if above else 0.0
        size = self._size
        variance = (self.pairs / 12.0) * (size + 1 - tie_sum / (size * (size - 1)))
        if not variance > 0.0:
            raise AllTied
        return (above - correction) / math.sqrt(variance)

    def _count_all(self, shift: float, place: int) -> tuple[int, int, int]:
        shifted = self._x - shift
        below = self._y.searchsorted(shifted)
        wins, ties, tie_sum = int(np.add.reduce(below)), 0, self._own_ties
        tied = self._y_padded[below] == shifted
        if np.count_nonzero(tied):
            # (a + b)³ - a³ - b³ = 3ab(a + b), and a of the x share it.
            x = shifted[tied]
            b = self._y.searchsorted(x, side="right") - below[tied]
            a = shifted.searchsorted(x, side="right") - shifted.searchsorted(x)
            ties = int(b.sum())
            tie_sum += int((3 * b * (a + b)).sum())
        self._shifts.insert(place, shift)
        self._counted.insert(place, _Counted(shift, below, wins, ties))
        self._gaps.insert(place, self._gaps[place])
        return wins, ties, tie_sum

    def _sort_gap(self, place: int) -> _Differences | None:
        """The differences of a gap; None when it is open, or has too many."""
        if not 0 < place < len(self._shifts):
            return None
        low, high = self._counted[place - 1], self._counted[place]
        undecided = low.wins + low.ties - high.wins
        if undecided > _SORT_PAIRS_BELOW * self._size:
            return None
        last = self._y.searchsorted(self._x - low.shift, side="right")
        lengths = last - high.below
        begins = lengths.cumsum() - lengths
        which_y = np.arange(undecided) + (high.below - begins).repeat(lengths)
        ordered = self._x.repeat(lengths) - self._y[which_y]
        ordered.sort()
        wins = range(high.wins + undecided, high.wins - 1, -1)
        found = self._gaps[place] = _Differences(ordered.data, wins)
        return found

    def _count_pooled(self, shift: float) -> tuple[int, int, int]:
        """By sorting, for samples that a shift may make equal, or not a number (which then ranks
        with the largest).
        """
        shifted = self._x - shift
        x = np.sort(np.where(np.isnan(shifted), np.inf, shifted))
        below, not_above = self._y.searchsorted(x), self._y.searchsorted(x, side="right")
        _, sizes = np.unique(np.concatenate((x, self._y)), return_counts=True)
        return int(below.sum()), int((not_above - below).sum()), _tie_sum(sizes)


_NAN: Array = np.array([np.nan])


def _keeps_apart(x: Array, least: float) -> bool:
    """Whether different values are further apart than `least`."""
    steps = x[1:] - x[:-1]
    return not np.count_nonzero((steps > 0.0) & (steps <= least))


def _distinct(values: Array) -> tuple[Array, Counts]:
    """Sorted values without repetition, and how often each occurs."""
    is_bound = np.ones(len(values) + 1, np.bool_)
    np.not_equal(values[1:], values[:-1], out=is_bound[1:-1])
    bounds = is_bound.nonzero()[0]
    starts = bounds[:-1]
    return values[starts], bounds[1:] - starts


def _all_differences(x: Array, x_sizes: Counts, y: Array, y_sizes: Counts) -> _Differences:
    """Of all pairs, with as many samples as meet in each."""
    differences = np.subtract.outer(x, y).ravel()
    order = differences.argsort()
    lost = np.multiply.outer(x_sizes, y_sizes).ravel()[order].cumsum()
    total = int(lost[-1])
    ordered: Array = differences[order]
    return _Differences(ordered.data, [total, *(total - lost).tolist()])


def _tie_sum(sizes: Counts) -> int:
    """The sum of t³ - t."""
    return int(sizes.dot(sizes * sizes - 1))
