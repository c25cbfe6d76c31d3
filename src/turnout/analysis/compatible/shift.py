"""The rank-sum statistic of x - shift against y, as a function of the shift.

A solver asks for it dozens of times, so it must be cheap, and it must be exact: which samples are
tied is decided by doubles after the subtraction. What depends on the shift is only in how many
pairs x - shift wins against y, and in how many it is tied. Both fall as the shift grows, since
rounding keeps order. So between two shifts that were asked before, only those pairs have to be
compared that were not decided alike at both. They become few very soon.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_LIST_PAIRS_BELOW = 8
"""So many undecided pairs for each sample are listed; with more, all pairs are counted again."""
_FEW = 64
"""So few pairs are compared faster than they are sifted."""


class AllTied(Exception):
    """Catch it to classify the metric as an error: without any order there is no test."""


@dataclass(slots=True)
class _Pairs:
    """Pairs that are not decided in a gap; in `sure` others x wins at every shift of the gap."""

    x: Array
    y: Array
    weight: Counts
    tie_weight: Counts
    sure: int


@dataclass(slots=True)
class _Known:
    """A shift that was asked: for each x, how many y lie below x - shift, and how many not above.

    None where the pairs were listed: then the gaps beside it have lists too.
    """

    below: npt.NDArray[np.intp] | None
    not_above: npt.NDArray[np.intp] | None


class ShiftStatistic:
    """W of the specification, without its quantile: standardised, corrected for continuity and for
    ties.
    """

    def __init__(self, x: Array, y: Array) -> None:
        """`x` and `y` are sorted and not empty. They may hold infinities, but no NaN."""
        self._sizes = len(x), len(y)
        self.pairs = len(x) * len(y)
        self._x, self._x_counts = _distinct(x)
        self._y, self._y_counts = _distinct(y)
        self._y_total = np.concatenate(([0], np.cumsum(self._y_counts)))
        self.low = float(x[0] - y[-1])
        self.high = float(x[-1] - y[0])
        self._is_plain = _keeps_apart(self._x, max(abs(self.low), abs(self.high)))
        self._own_ties = _tie_sum(self._x_counts) + _tie_sum(self._y_counts)
        self._answers: dict[float, float] = {}
        self._shifts: list[float] = []
        self._known: list[_Known] = []
        self._gaps: list[_Pairs | None] = [None]

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
        pairs = self._pairs_around(place)
        if pairs is None:
            return self._count_all(shift, place)
        return self._count_listed(shift, place, pairs)

    def _standardised(self, wins: int, ties: int, tie_sum: int) -> float:
        m, n = self._sizes
        above = wins + ties / 2.0 - m * n / 2.0
        correction = math.copysign(0.5, above) if above else 0.0
        size = m + n
        variance = (m * n / 12.0) * (size + 1 - tie_sum / (size * (size - 1)))
        if not variance > 0.0:
            raise AllTied
        return (above - correction) / math.sqrt(variance)

    def _count_all(self, shift: float, place: int) -> tuple[int, int, int]:
        shifted = self._x - shift
        below = np.searchsorted(self._y, shifted, side="left")
        not_above = np.searchsorted(self._y, shifted, side="right")
        self._remember(shift, place, _Known(below, not_above), (None, None))
        tied = np.flatnonzero(not_above > below)
        wins = int(np.dot(self._x_counts, self._y_total[below]))
        a, b = self._x_counts[tied], self._y_counts[below[tied]]
        return wins, int(np.dot(a, b)), self._own_ties + int(np.sum(3 * a * b * (a + b)))

    def _count_listed(self, shift: float, place: int, pairs: _Pairs) -> tuple[int, int, int]:
        self._remember(shift, place, _Known(None, None), (pairs, pairs))
        shifted = pairs.x - shift
        wins = pairs.sure + int(np.dot(pairs.weight, shifted > pairs.y))
        tied = shifted == pairs.y
        if not tied.any():
            return wins, 0, self._own_ties
        ties, tie_sum = int(np.dot(pairs.weight, tied)), int(np.dot(pairs.tie_weight, tied))
        return wins, ties, self._own_ties + tie_sum

    def _remember(
        self,
        shift: float,
        place: int,
        known: _Known,
        gaps: tuple[_Pairs | None, _Pairs | None],
    ) -> None:
        self._shifts.insert(place, shift)
        self._known.insert(place, known)
        self._gaps[place : place + 1] = gaps

    def _pairs_around(self, place: int) -> _Pairs | None:
        """The undecided pairs of a gap; None when they are too many to be listed."""
        if not 0 < place < len(self._shifts):
            return None
        pairs = self._gaps[place]
        if pairs is None:
            pairs = self._gaps[place] = self._list(self._known[place - 1], self._known[place])
        elif len(pairs.x) > _FEW:
            low, high = self._shifts[place - 1], self._shifts[place]
            pairs = self._gaps[place] = _sifted(pairs, low, high)
        return pairs

    def _list(self, low: _Known, high: _Known) -> _Pairs | None:
        if low.not_above is None or high.below is None:
            return None
        first, last = high.below, low.not_above
        lengths = last - first
        total = int(lengths.sum())
        if total > _LIST_PAIRS_BELOW * (len(self._x) + len(self._y)):
            return None
        which_x = np.repeat(np.arange(len(self._x)), lengths)
        begins = np.cumsum(lengths) - lengths
        which_y = np.arange(total) + np.repeat(first - begins, lengths)
        a, b = self._x_counts[which_x], self._y_counts[which_y]
        sure = int(np.dot(self._x_counts, self._y_total[first]))
        weight = a * b
        return _Pairs(self._x[which_x], self._y[which_y], weight, 3 * weight * (a + b), sure)

    def _count_pooled(self, shift: float) -> tuple[int, int, int]:
        """By sorting, for samples that a shift may make equal, or not a number (which then ranks
        with the largest).
        """
        shifted = np.repeat(self._x - shift, self._x_counts)
        x = np.sort(np.where(np.isnan(shifted), np.inf, shifted))
        y = np.repeat(self._y, self._y_counts)
        below, not_above = np.searchsorted(y, x, "left"), np.searchsorted(y, x, "right")
        _, sizes = np.unique(np.concatenate((x, y)), return_counts=True)
        return int(below.sum()), int((not_above - below).sum()), _tie_sum(sizes)


def _sifted(pairs: _Pairs, low: float, high: float) -> _Pairs:
    """Without those that are decided between the two shifts."""
    at_high = pairs.x - high
    wins = at_high > pairs.y
    left = np.flatnonzero((at_high <= pairs.y) & (pairs.x - low >= pairs.y))
    sure = pairs.sure + int(np.dot(pairs.weight, wins))
    return _Pairs(pairs.x[left], pairs.y[left], pairs.weight[left], pairs.tie_weight[left], sure)


def _distinct(values: Array) -> tuple[Array, Counts]:
    """Sorted values without repetition, and how often each occurs."""
    starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    return values[starts], np.diff(np.append(starts, len(values)))


def _keeps_apart(x: Array, largest_shift: float) -> bool:
    """Whether different x stay different after every shift, in spite of rounding."""
    reach = max(abs(float(x[0])), abs(float(x[-1]))) + largest_shift
    if not math.isfinite(reach):
        return False
    return len(x) == 1 or float(np.min(x[1:] - x[:-1])) > 2.0 * math.ulp(reach)


def _tie_sum(sizes: Counts) -> int:
    return int(np.sum(sizes * sizes * sizes - sizes))
