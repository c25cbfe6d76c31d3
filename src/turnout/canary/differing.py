"""Two groups that ran side by side with the same version: does one have more all the time?

Instances and machines differ by themselves. A judge cannot tell that from a version; a replay of
two such groups can, before a canary is blamed for its machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from turnout.analysis.sequential.replay import lasting_ratio
from turnout.canary.evidence import Columns, Slice
from turnout.canary.subjects import Subject
from turnout.model.canary.options import Kind

_LEAST = 0.5
"""Added to events, so that a window without any has a ratio, too."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Experiment over control in all windows: the 99 % interval of the ratio that lasts. Not
    numbers when that is not known.
    """

    low: float = math.nan
    high: float = math.nan

    @property
    def proven(self) -> float:
        """By how much they differ at least, whichever of them has more; 0.1 is ten per cent."""
        if math.isnan(self.low):
            return 0.0
        return max(0.0, self.low - 1, 1 / self.high - 1)

    @property
    def largest(self) -> float:
        """By how much they may differ."""
        return max(self.high, 1 / self.low) - 1


def measure_difference(subject: Subject, windows: Sequence[Slice]) -> Difference:
    """Of slices of one metric, one for each window, with both arms."""
    levels = [(_level(subject, one.canary), _level(subject, one.baseline)) for one in windows]
    return Difference(*lasting_ratio([a / b for a, b in levels if a > 0 and b > 0]))


def advise(subject: Subject, difference: Difference) -> str:
    """What to do about a difference above the metric's margin; empty without one."""
    if difference.proven <= subject.margin:
        return ""
    margin = math.ceil(round(100 * difference.largest, 6)) / 100
    return (
        f"the groups differ by {100 * difference.proven:.2g} % or more in all windows, which is"
        f" above the margin of {100 * subject.margin:.2g} %. If both ran the same version, their"
        f" instances do: take more instances for each arm, or write margin: {margin:g}"
    )


def _level(subject: Subject, columns: Columns) -> float:
    """The mean of a gauge, or events by exposure; not a number when nothing is known."""
    first, last = columns[0], columns[-1]
    if subject.kind is Kind.GAUGE:
        known = [value for value in first if math.isfinite(value)]
        return sum(known) / len(known) if known else math.nan
    steps = [(e, n) for e, n in zip(first, last, strict=True) if math.isfinite(e + n)]
    exposure = sum(n for _, n in steps)
    return (sum(e for e, _ in steps) + _LEAST) / exposure if exposure > 0 else math.nan
