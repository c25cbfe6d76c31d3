"""What the closed steps of a gauge have shown so far."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from turnout.analysis.sequential.count_evidence import sides_of
from turnout.analysis.sequential.gauges import (
    BETS,
    MEMORY_WARM_UP,
    SCALE_WARM_UP,
    WINDOW,
    autocorrelation,
    bet_growth,
    bet_scales,
)
from turnout.analysis.sequential.metric import Metric, Scale
from turnout.analysis.sequential.mixtures import Bools, Floats, Places, log_mean
from turnout.analysis.sequential.progress import Batch
from turnout.analysis.sequential.shift_interval import ShiftInterval, narrow, unbounded


@dataclass(frozen=True, slots=True)
class Memory:
    """Sums over the differences so far, from which their autocorrelation follows."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    products: float = 0.0
    first: float = 0.0
    last: float = 0.0


@dataclass(frozen=True, slots=True)
class GaugeEvidence:
    """Log-wealth by side and bet; the recent differences, each with the part u of a shift in it."""

    harm: tuple[tuple[float, ...], ...]
    safety: tuple[tuple[float, ...], ...]
    memory: Memory = field(default_factory=Memory)
    recent: tuple[tuple[float, float], ...] = ()
    interval: ShiftInterval = field(default_factory=ShiftInterval)


def no_gauge(metric: Metric) -> GaugeEvidence:
    """Before the first step."""
    nothing = ((0.0,) * len(BETS),) * len(sides_of(metric.direction))
    return GaugeEvidence(harm=nothing, safety=nothing)


def margins(metric: Metric) -> tuple[float, float]:
    """Margin and harm of interest on the scale of D."""
    if metric.scale is Scale.DIFFERENCE:
        return metric.margin, metric.harm_of_interest
    return math.log1p(metric.margin), math.log1p(metric.harm_of_interest)


def warm_up(metric: Metric) -> int:
    """Steps before the first bet."""
    return MEMORY_WARM_UP if metric.prewhiten else SCALE_WARM_UP


@dataclass(frozen=True, slots=True)
class _Past:
    """What was known before each step of a batch: sums as in `Memory`; and after it, behind."""

    count: Places
    total: Floats
    squares: Floats
    products: Floats
    first: Floats
    last: Floats

    def at(self, place: int) -> Memory:
        """After the steps before this place."""
        return Memory(
            count=int(self.count[place]),
            total=float(self.total[place]),
            squares=float(self.squares[place]),
            products=float(self.products[place]),
            first=float(self.first[place]),
            last=float(self.last[place]),
        )


def add_gauge(
    metric: Metric,
    evidence: GaugeEvidence,
    differences: Floats,
    *,
    beta: float | None,
    planned: int,
) -> tuple[GaugeEvidence, Batch]:
    """The evidence after these differences, of steps in order."""
    past = _remember(evidence.memory, differences)
    phi = _autocorrelation(past)[:-1] if metric.prewhiten else np.zeros(len(differences))
    whitened = np.column_stack([differences - phi * past.last[:-1], 1 - phi])
    recent = np.vstack([np.reshape(evidence.recent, (-1, 2)), whitened])
    is_open = past.count[:-1] >= warm_up(metric)
    margin, of_interest = margins(metric)
    sides = sides_of(metric.direction)
    harm = _bet(evidence.harm, recent, is_open, [(side, -margin) for side in sides])
    safety = _bet(evidence.safety, recent, is_open, [(-side, of_interest) for side in sides])
    shifts = unbounded(evidence.interval, len(differences))
    if beta is not None:
        shifts = narrow(evidence.interval, recent, is_open, beta=beta, planned=planned)
    after = GaugeEvidence(
        _tuples(harm[:, -1]),
        _tuples(safety[:, -1]),
        memory=past.at(-1),
        recent=tuple((d, u) for d, u in recent[-WINDOW:].tolist()),
        interval=shifts.interval,
    )
    return after, Batch(
        log_e=log_mean(log_mean(harm), axis=0),
        log_safety=log_mean(safety).min(axis=0),
        low=shifts.low,
        high=shifts.high,
        estimate=past.total[1:] / past.count[1:],
    )


def _remember(memory: Memory, differences: Floats) -> _Past:
    count = memory.count + np.arange(len(differences) + 1)
    first = memory.first if memory.count else float(differences[0])
    last = np.concatenate([[memory.last], differences])
    return _Past(
        count=count,
        total=_summed(memory.total, differences),
        squares=_summed(memory.squares, differences**2),
        products=_summed(memory.products, differences * last[:-1]),
        first=np.where(count > 0, first, memory.first),
        last=last,
    )


def _autocorrelation(past: _Past) -> Floats:
    sums, ends = (past.total, past.squares), (past.first, past.last)
    return autocorrelation(past.products, sums, ends, past.count)


def _bet(
    wealth: tuple[tuple[float, ...], ...],
    recent: Floats,
    is_open: Bools,
    signs: list[tuple[int, float]],
) -> Floats:
    """Log-wealth by side, step and bet. Each side bets on a linear combination of D' and u being
    positive. `recent` ends with the steps of this batch.
    """
    grown = []
    for before, (of_d, of_u) in zip(wealth, signs, strict=True):
        combination = of_d * recent[:, 0] + of_u * recent[:, 1]
        scale = bet_scales(combination, len(is_open))
        growth = bet_growth(combination[-len(is_open) :], scale)
        grown.append(_summed(before, np.where(is_open[:, None], growth, 0.0))[1:])
    return np.array(grown)


def _tuples(values: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.tolist())


def _summed(before: ArrayLike, steps: Floats) -> Floats:
    """From what was before on, step after step: one batch and many give the same sum."""
    return np.asarray(np.cumsum(np.concatenate([[before], steps]), axis=0))
