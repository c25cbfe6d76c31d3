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
Places = npt.NDArray[np.intp]
Chosen = npt.NDArray[np.bool_]

_LIST_PAIRS_BELOW = 4
"""So many undecided pairs for each sample are listed; with more, all pairs are counted again."""
_FEW = 1024
"""So few pairs are compared faster than they are sifted."""


_NONE: Array = np.empty(0)


class AllTied(Exception):
    """Catch it to classify the metric as an error: without any order there is no test."""


@dataclass(slots=True)
class _Distinct:
    """Sorted values without repetition, and how often each occurs; None = each once."""

    values: Array
    counts: Counts | None

    def at(self, places: Places | Chosen) -> _Distinct:
        """The values at these places."""
        return _Distinct(self.values[places], _at(self.counts, places))


@dataclass(slots=True)
class _Pairs:
    """Pairs that are not decided in a gap; in `sure` others x wins at every shift of the gap.

    `weight` is how many samples meet in a pair, `tie_weight` what they add to the sum of t³ - t
    when they are tied. None = one, and 6.
    """

    x: Array
    y: Array
    weight: Counts | None
    tie_weight: Counts | None
    sure: int


@dataclass(slots=True)
class _Asked:
    """A shift that was asked, with its counts.

    `below` says for each x how many y lie below x - shift. It is None where the pairs were listed,
    since the gaps on both sides have lists then.
    """

    shift: float
    below: Places | None
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
        self._x, self._y = _distinct(x), _distinct(y)
        self._y_below = None if self._y.counts is None else _running_total(self._y.counts)
        self._y_padded = np.append(self._y.values, np.nan)
        self._is_plain = _keeps_apart(self._x.values, max(abs(self.low), abs(self.high)))
        self._own_ties = _tie_sum(self._x.counts) + _tie_sum(self._y.counts)
        self._answers: dict[float, float] = {}
        self._shifts: list[float] = []
        self._asked: list[_Asked] = []
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
        above = wins + ties / 2.0 - self.pairs / 2.0
        correction = math.copysign(0.5, above) if above else 0.0
        size = self._size
        variance = (self.pairs / 12.0) * (size + 1 - tie_sum / (size * (size - 1)))
        if not variance > 0.0:
            raise AllTied
        return (above - correction) / math.sqrt(variance)

    def _count_all(self, shift: float, place: int) -> tuple[int, int, int]:
        shifted = self._x.values - shift
        below = self._y.values.searchsorted(shifted)
        wins = self._wins(below)
        tied = self._y_padded[below] == shifted
        ties, tie_sum = 0, self._own_ties
        if np.count_nonzero(tied):
            x, y = self._x.at(tied), self._y.at(below[tied])
            weight, tie_weight = _weights(x.counts, y.counts)
            everything = np.ones(len(x.values), np.bool_)
            ties = _total(weight, everything, 1)
            tie_sum += _total(tie_weight, everything, 6)
        self._remember(place, _Asked(shift, below, wins, ties), None)
        return wins, ties, tie_sum

    def _wins(self, below: Places) -> int:
        counts = below if self._y_below is None else self._y_below[below]
        if self._x.counts is not None:
            counts = counts * self._x.counts
        return int(np.add.reduce(counts))

    def _count_listed(self, shift: float, place: int, pairs: _Pairs) -> tuple[int, int, int]:
        wins, ties, tie_sum = pairs.sure, 0, self._own_ties
        if len(pairs.x):
            shifted = pairs.x - shift
            wins += _total(pairs.weight, shifted > pairs.y, 1)
            tied = shifted == pairs.y
            if np.count_nonzero(tied):
                ties = _total(pairs.weight, tied, 1)
                tie_sum += _total(pairs.tie_weight, tied, 6)
        self._remember(place, _Asked(shift, None, wins, ties), pairs)
        return wins, ties, tie_sum

    def _remember(self, place: int, asked: _Asked, pairs: _Pairs | None) -> None:
        self._shifts.insert(place, asked.shift)
        self._asked.insert(place, asked)
        self._gaps[place : place + 1] = (pairs, pairs)

    def _pairs_around(self, place: int) -> _Pairs | None:
        """The undecided pairs of a gap; None when they are too many to be listed."""
        if not 0 < place < len(self._shifts):
            return None
        pairs, low, high = self._gaps[place], self._asked[place - 1], self._asked[place]
        if low.wins + low.ties == high.wins:  # nothing can change between them
            pairs = _Pairs(_NONE, _NONE, None, None, high.wins)
        elif pairs is None:
            pairs = self._gaps[place] = self._list(low, high)
        elif len(pairs.x) > _FEW:
            pairs = self._gaps[place] = _sifted(pairs, low.shift, high.shift)
        return pairs

    def _list(self, low: _Asked, high: _Asked) -> _Pairs | None:
        undecided = low.wins + low.ties - high.wins
        if undecided > _LIST_PAIRS_BELOW * self._size or low.below is None or high.below is None:
            return None
        last = self._y.values.searchsorted(self._x.values - low.shift, side="right")
        lengths = last - high.below
        begins = np.cumsum(lengths) - lengths
        which_x = np.arange(len(lengths)).repeat(lengths)
        which_y = np.arange(len(which_x)) + (high.below - begins).repeat(lengths)
        x, y = self._x.at(which_x), self._y.at(which_y)
        return _Pairs(x.values, y.values, *_weights(x.counts, y.counts), self._wins(high.below))

    def _count_pooled(self, shift: float) -> tuple[int, int, int]:
        """By sorting, for samples that a shift may make equal, or not a number (which then ranks
        with the largest).
        """
        x, y = _repeated(self._x), _repeated(self._y)
        shifted = x - shift
        x = np.sort(np.where(np.isnan(shifted), np.inf, shifted))
        below, not_above = y.searchsorted(x), y.searchsorted(x, side="right")
        _, sizes = np.unique(np.concatenate((x, y)), return_counts=True)
        return int(below.sum()), int((not_above - below).sum()), _tie_sum(sizes)


def _sifted(pairs: _Pairs, low: float, high: float) -> _Pairs:
    """Without those that are decided between the two shifts."""
    at_high = pairs.x - high
    sure = pairs.sure + _total(pairs.weight, at_high > pairs.y, 1)
    left = np.flatnonzero((at_high <= pairs.y) & (pairs.x - low >= pairs.y))
    weights = _at(pairs.weight, left), _at(pairs.tie_weight, left)
    return _Pairs(pairs.x[left], pairs.y[left], *weights, sure)


def _distinct(values: Array) -> _Distinct:
    starts = np.flatnonzero(values[1:] != values[:-1]) + 1
    if len(starts) == len(values) - 1:
        return _Distinct(values, None)
    starts = np.concatenate(([0], starts))
    return _Distinct(values[starts], np.diff(np.append(starts, len(values))))


def _repeated(distinct: _Distinct) -> Array:
    if distinct.counts is None:
        return distinct.values
    return distinct.values.repeat(distinct.counts)


def _keeps_apart(x: Array, largest_shift: float) -> bool:
    """Whether different x stay different after every shift, in spite of rounding."""
    reach = max(abs(float(x[0])), abs(float(x[-1]))) + largest_shift
    if not math.isfinite(reach):
        return False
    return len(x) == 1 or float((x[1:] - x[:-1]).min()) > 2.0 * math.ulp(reach)


def _weights(x: Counts | None, y: Counts | None) -> tuple[Counts | None, Counts | None]:
    """(a + b)³ - a³ - b³ = 3ab(a + b): a tie of a and b samples adds it to what they have."""
    if x is None and y is None:
        return None, None
    a: Counts | int = 1 if x is None else x
    b: Counts | int = 1 if y is None else y
    weight = np.asarray(a * b)
    return weight, 3 * weight * (a + b)


def _total(weights: Counts | None, chosen: Chosen, each: int) -> int:
    if weights is None:
        return each * int(np.count_nonzero(chosen))
    return int(np.add.reduce(weights[chosen]))


def _at(counts: Counts | None, places: Places | Chosen) -> Counts | None:
    return None if counts is None else counts[places]


def _running_total(counts: Counts) -> Counts:
    return np.concatenate(([0], np.cumsum(counts)))


def _tie_sum(sizes: Counts | None) -> int:
    """The sum of t³ - t."""
    return 0 if sizes is None else int((sizes * sizes * sizes - sizes).sum())
