"""Which of the steps that were handed in can be used: each at most once, whole, and sensible.

Nothing is quietly dropped: every step that is not used is counted under its reason, and the
verdict tells it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from turnout.analysis.sequential.gauges import differences, log_ratios
from turnout.analysis.sequential.metric import (
    EventSteps,
    GaugeSteps,
    Kind,
    LatencySteps,
    Metric,
    Scale,
    Steps,
)
from turnout.analysis.sequential.mixtures import Bools, Floats, Places

MOST_COUNTED = 1e15
"""In a step. What claims to be more was not counted, and would drown everything else."""

Arms = tuple[Floats, Floats, Floats, Floats]


@dataclass(frozen=True, slots=True)
class Tally:
    """Closed steps, by what became of them. A step without a figure in both arms is missing."""

    used: int = 0
    missing: int = 0
    only_canary: int = 0
    only_baseline: int = 0
    impossible: int = 0
    """Infinite, negative, beyond counting, more events than requests, or more above a higher
    threshold."""
    busy_until: int = 0
    """Behind the last step in which an arm had any exposure."""

    @property
    def closed(self) -> int:
        return self.used + self.unusable

    @property
    def unusable(self) -> int:
        return self.missing + self.only_canary + self.only_baseline + self.impossible


@dataclass(frozen=True, slots=True)
class Sorted:
    """The usable ones among new steps, and the account of all of them."""

    index: Floats
    arms: Arms
    tally: Tally
    last: int


def sort_out(metric: Metric, steps: Steps, last: int, tally: Tally) -> Sorted:
    """Take the steps after `last`, in order, each index once; a gap counts as missing steps.

    Raises ValueError when the figures do not fit the metric.
    """
    index, arms = _columns(metric, steps)
    order = np.unique(index, return_index=True)[1]
    order = order[index[order] > last]
    index, arms = index[order], _at(arms, order)
    if not len(index):
        return Sorted(index, arms, tally, last)
    has_canary = ~(np.isnan(arms[0]).any(axis=1) | np.isnan(arms[1]))
    has_baseline = ~(np.isnan(arms[2]).any(axis=1) | np.isnan(arms[3]))
    is_whole = has_canary & has_baseline
    is_used = is_whole & _is_possible(metric, arms)
    gap = int(index[-1]) - last - len(index)
    after = replace(
        tally,
        used=tally.used + int(is_used.sum()),
        missing=tally.missing + gap + int((~has_canary & ~has_baseline).sum()),
        only_canary=tally.only_canary + int((has_canary & ~has_baseline).sum()),
        only_baseline=tally.only_baseline + int((~has_canary & has_baseline).sum()),
        impossible=tally.impossible + int((is_whole & ~is_used).sum()),
        busy_until=_busy_until(index[is_used], _at(arms, is_used), tally),
    )
    return Sorted(index[is_used], _at(arms, is_used), after, int(index[-1]))


def gauge_differences(metric: Metric, arms: Arms) -> Floats:
    """D of each step."""
    compare = log_ratios if metric.scale is Scale.RATIO else differences
    return compare(arms[0][:, 0], arms[2][:, 0])


def _columns(metric: Metric, steps: Steps) -> tuple[Floats, Arms]:
    match metric.kind, steps:
        case ((Kind.COUNT | Kind.PROPORTION), EventSteps()):
            columns = (
                _table(steps.events_canary, 1),
                _column(steps.exposure_canary),
                _table(steps.events_baseline, 1),
                _column(steps.exposure_baseline),
            )
        case Kind.LATENCY, LatencySteps():
            width = len(metric.thresholds)
            columns = (
                _table(steps.above_canary, width),
                _column(steps.requests_canary),
                _table(steps.above_baseline, width),
                _column(steps.requests_baseline),
            )
        case Kind.GAUGE, GaugeSteps():
            ours, theirs = _table(steps.canary, 1), _table(steps.baseline, 1)
            columns = ours, np.ones(len(ours)), theirs, np.ones(len(theirs))
        case _:
            raise ValueError(f"{metric.name} is a {metric.kind}; got {type(steps).__name__}.")
    index = _column(steps.index)
    if any(len(column) != len(index) for column in columns):
        lengths = [len(column) for column in columns]
        raise ValueError(f"{metric.name}: {len(index)} steps, but columns of {lengths}.")
    if len(index) and (index.min() < 0 or np.any(index != np.floor(index))):
        raise ValueError(f"{metric.name}: steps are numbered 0, 1, 2, …; got {index.tolist()}.")
    return index, columns


def _busy_until(index: Floats, arms: Arms, tally: Tally) -> int:
    busy = index[(arms[1] > 0) | (arms[3] > 0)]
    return int(busy[-1]) + 1 if len(busy) else tally.busy_until


def _is_possible(metric: Metric, arms: Arms) -> Bools:
    is_good = np.asarray(np.isfinite(np.column_stack(arms)).all(axis=1))
    if metric.scale is Scale.DIFFERENCE:
        return is_good
    for events, exposure in (arms[:2], arms[2:]):
        is_good &= (events >= 0).all(axis=1) & (exposure >= 0)
        if metric.kind is not Kind.GAUGE:
            is_good &= (events <= MOST_COUNTED).all(axis=1) & (exposure <= MOST_COUNTED)
        if metric.kind in {Kind.PROPORTION, Kind.LATENCY}:
            is_good &= events[:, 0] <= exposure
            is_good &= (np.diff(events, axis=1) <= 0).all(axis=1)
        elif metric.kind is Kind.COUNT:
            is_good &= (events[:, 0] == 0) | (exposure > 0)
    return is_good


def _at(arms: Arms, places: Places | Bools) -> Arms:
    return arms[0][places], arms[1][places], arms[2][places], arms[3][places]


def _column(values: object) -> Floats:
    return np.asarray(values, dtype=float).reshape(-1)


def _table(values: object, width: int) -> Floats:
    return np.asarray(values, dtype=float).reshape(-1, width)
