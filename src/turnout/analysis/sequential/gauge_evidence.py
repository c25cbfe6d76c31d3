"""What the closed steps of a gauge have shown so far."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from turnout.analysis.sequential.count_evidence import sides_of
from turnout.analysis.sequential.gauges import (
    BETS,
    MEMORY_WARM_UP,
    SCALE_WARM_UP,
    WINDOW,
    autocorrelation,
    best_rho,
    bet_growth,
    bet_scale,
)
from turnout.analysis.sequential.metric import Metric, Scale
from turnout.analysis.sequential.mixtures import Floats, log_mean
from turnout.analysis.sequential.progress import Batch

_MEDIAN_OF_NORMAL = 0.6745
"""The median of |D| in standard deviations, if D were normal: sets a tuning constant only."""

_DOUBLINGS = 40
_HALVINGS = 50


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
class ShiftInterval:
    """The confidence sequence of the shift m, by inverting the self-normalised mixture.

    After prewhitening D' = D - φ D₋₁ is symmetric about u m, u = 1-φ; the sums are those of u, u²,
    D', D'² and u D'. Until `rho` is set there is nothing to bound with.
    """

    rho: float = 0.0
    u: float = 0.0
    u2: float = 0.0
    d: float = 0.0
    d2: float = 0.0
    ud: float = 0.0
    low: float = -math.inf
    high: float = math.inf


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


def add_gauge(
    metric: Metric,
    evidence: GaugeEvidence,
    differences: Floats,
    *,
    beta: float | None,
    planned: int,
) -> tuple[GaugeEvidence, Batch]:
    """The evidence after these differences, of steps in order."""
    batch = Batch(*(np.empty(len(differences)) for _ in range(5)))
    for place, difference in enumerate(differences):
        evidence = _add_one(metric, evidence, float(difference), beta, planned)
        batch.log_e[place] = log_mean(log_mean(np.array(evidence.harm)))
        batch.log_safety[place] = log_mean(np.array(evidence.safety)).min()
        batch.low[place], batch.high[place] = evidence.interval.low, evidence.interval.high
        batch.estimate[place] = evidence.memory.total / evidence.memory.count
    return evidence, batch


def _add_one(
    metric: Metric, evidence: GaugeEvidence, difference: float, beta: float | None, planned: int
) -> GaugeEvidence:
    memory, recent = evidence.memory, np.array(evidence.recent).reshape(-1, 2)
    phi = float(_autocorrelation(memory)) if metric.prewhiten else 0.0
    d, u = difference - phi * memory.last, 1 - phi
    harm, safety, interval = evidence.harm, evidence.safety, evidence.interval
    if memory.count >= warm_up(metric):
        margin, of_interest = margins(metric)
        sides = sides_of(metric.direction)
        now = np.array([d, u])
        harm = _bet(harm, now, recent, [(side, -margin) for side in sides])
        safety = _bet(safety, now, recent, [(-side, of_interest) for side in sides])
        if beta is not None:
            interval = _narrow(interval, d, u, recent=recent[:, 0], beta=beta, planned=planned)
    return GaugeEvidence(
        harm,
        safety,
        memory=_remember(memory, difference),
        recent=(*evidence.recent, (d, u))[-WINDOW:],
        interval=interval,
    )


def _bet(
    wealth: tuple[tuple[float, ...], ...],
    now: Floats,
    recent: Floats,
    signs: list[tuple[int, float]],
) -> tuple[tuple[float, ...], ...]:
    """Each side bets on a linear combination of D' and u being positive."""
    combination = np.array(signs, dtype=float).T
    growth = bet_growth(now @ combination, bet_scale((recent @ combination).T))
    return tuple(tuple(row) for row in (np.array(wealth) + growth).tolist())


def _autocorrelation(memory: Memory) -> Floats:
    sums, ends = (memory.total, memory.squares), (memory.first, memory.last)
    return autocorrelation(memory.products, sums, ends, memory.count)


def _remember(memory: Memory, difference: float) -> Memory:
    return Memory(
        count=memory.count + 1,
        total=memory.total + difference,
        squares=memory.squares + difference**2,
        products=memory.products + difference * memory.last,
        first=memory.first if memory.count else difference,
        last=difference,
    )


def _narrow(
    interval: ShiftInterval, d: float, u: float, *, recent: Floats, beta: float, planned: int
) -> ShiftInterval:
    rho = interval.rho or _rho(recent, planned, beta)
    if rho == 0:
        return interval
    sums = replace(
        interval,
        rho=rho,
        u=interval.u + u,
        u2=interval.u2 + u * u,
        d=interval.d + d,
        d2=interval.d2 + d * d,
        ud=interval.ud + u * d,
    )

    def is_out(shift: float) -> bool:
        return _log_e(sums, shift) >= -math.log(beta)

    centre, unit = sums.d / sums.u, math.sqrt(rho)
    low, high = sums.low, sums.high
    if low < centre and (math.isinf(low) or is_out(low)):
        low = max(low, _crossing(centre, -unit, is_out))
    if high > centre and (math.isinf(high) or is_out(high)):
        high = min(high, _crossing(centre, unit, is_out))
    return replace(sums, low=low, high=high)


def _rho(recent: Floats, planned: int, beta: float) -> float:
    deviation = float(np.median(np.abs(recent))) / _MEDIAN_OF_NORMAL
    return best_rho(planned * deviation**2, beta)


def _log_e(sums: ShiftInterval, shift: float) -> float:
    total = sums.d - shift * sums.u
    squares = sums.d2 - 2 * shift * sums.ud + shift**2 * sums.u2 + sums.rho
    return 0.5 * math.log(sums.rho / squares) + total**2 / (2 * squares)


def _crossing(centre: float, unit: float, is_out: Callable[[float], bool]) -> float:
    """Where the sequence ends in the direction of `unit`; infinite when it does not.

    Very far out, where only a giant shift would explain the figures, the mixture lets values in
    again; the part around the centre is the answer.
    """
    reach = unit
    for _ in range(_DOUBLINGS):
        if is_out(centre + reach):
            break
        reach *= 2
    else:
        return math.copysign(math.inf, unit)
    within, out = centre, centre + reach
    for _ in range(_HALVINGS):
        middle = (within + out) / 2
        within, out = (within, middle) if is_out(middle) else (middle, out)
    return out
