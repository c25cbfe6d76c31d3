"""The confidence sequence of a rate ratio, for exposures that vary from step to step.

All ratios at which the two-sided evidence is still below 1/alpha, intersected over time. The
evidence at any ratio follows from ΣX and from the curve G(u) = Σ N log(s e^u + 1 - s), s being the
canary's share of the exposure in each step. The curve is smooth, so it is kept with its slope on a
grid of u = log R and read between by cubic Hermite interpolation (error below 4e-8 per event).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from turnout.analysis.sequential.counts import RATIOS
from turnout.analysis.sequential.mixtures import Bools, Floats, Places, log_mean

_SPACING = 0.1
_GRID: Floats = np.arange(-80.0, 81.0) * _SPACING
EDGE = 4.6
"""Log ratios beyond this (a hundredfold) are told as unbounded."""

_OFFSETS: Floats = np.concatenate([np.log(RATIOS), -np.log(RATIOS)])
_AT_FIRST, _AT_ONCE = 16, 512
"""Steps: few while the ends move fast, then so many that their curves take 2 MB."""

_CLOSE = 1e-11
"""Ends are as exact as that, so that they do not depend on the portions in which steps came."""

_ROUNDS = 100

_SIDES: Floats = np.array([1.0, -1.0])
"""The lower end and the upper one, which is looked at in a mirror: both can only rise."""


@dataclass(frozen=True, slots=True)
class RatioInterval:
    """Sums so far, and the ends of the sequence as log ratios; at ±EDGE it is unbounded."""

    events_canary: float = 0.0
    curve: tuple[float, ...] = (0.0,) * len(_GRID)
    slopes: tuple[float, ...] = (0.0,) * len(_GRID)
    low: float = -EDGE
    high: float = EDGE


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of every step of a batch: the ends, and the most likely value. Log ratios."""

    low: Floats
    high: Floats
    estimate: Floats


@dataclass(frozen=True, slots=True)
class _Curves:
    """The sums after each step of a portion, and the most likely log ratio."""

    events: Floats
    curve: Floats
    slopes: Floats
    estimate: Floats


def narrow(
    interval: RatioInterval, events_canary: Floats, both: Floats, share: Floats, alpha: float
) -> tuple[RatioInterval, Bounds]:
    """The sequence after these steps, and what it was after each of them."""
    level = -math.log(alpha)
    found = [unbounded(0)]
    first = 0
    while first < len(both):
        part = slice(first, first + min(max(first, _AT_FIRST), _AT_ONCE))
        sums = _add_up(interval, events_canary[part], both[part], share[part])
        ends = np.array([interval.low, -interval.high])
        low, high = _raised(sums, ends, both[part] > 0, level) * _SIDES[:, None]
        found.append(Bounds(low, high, sums.estimate))
        interval = RatioInterval(
            float(sums.events[-1]),
            tuple(sums.curve[-1].tolist()),
            tuple(sums.slopes[-1].tolist()),
            float(low[-1]),
            float(high[-1]),
        )
        first += len(low)
    columns = zip(*((b.low, b.high, b.estimate) for b in found), strict=True)
    return interval, Bounds(*map(np.concatenate, columns))


def unbounded(steps: int) -> Bounds:
    """Of steps for which nobody wants a sequence."""
    edge = np.full(steps, EDGE)
    return Bounds(-edge, edge, np.full(steps, math.nan))


def _add_up(interval: RatioInterval, events: Floats, both: Floats, share: Floats) -> _Curves:
    odds = share[:, None] * np.exp(_GRID)
    whole = odds + 1 - share[:, None]
    curve = _summed(interval.curve, both[:, None] * np.log(whole))
    slopes = _summed(interval.slopes, both[:, None] * odds / whole)
    total = _summed((interval.events_canary,), np.where(both > 0, events, 0.0)[:, None])[:, 0]
    return _Curves(total, curve, slopes, _most_likely(total, slopes))


def _summed(before: tuple[float, ...], steps: Floats) -> Floats:
    """Step after step, so that one batch and many give the same sum."""
    return np.asarray(np.cumsum(np.vstack([before, steps]), axis=0)[1:])


def _most_likely(events: Floats, slopes: Floats) -> Floats:
    """Where the slope of the curve is the number of events; NaN before there was any."""
    above = np.argmax(slopes > events[:, None], axis=1)
    right = np.clip(np.where(slopes[:, -1] > events, above, len(_GRID) - 1), 1, None)
    rows = np.arange(len(events))
    low, high = slopes[rows, right - 1], slopes[rows, right]
    part = np.divide(events - low, high - low, out=np.zeros(len(events)), where=high > low)
    found = _GRID[right - 1] + _SPACING * np.clip(part, 0, 1)
    return np.where(slopes[:, -1] > 0, found, math.nan)


def _raised(sums: _Curves, before: Floats, is_news: Bools, level: float) -> Floats:
    """Both ends after each step: as far as any step so far has excluded what lies behind them.

    An end is sought where the evidence against the one before is larger than at all steps until
    then; it lies behind almost all others, and then they need not be asked.
    """
    estimate = _SIDES[:, None] * sums.estimate
    ends = np.repeat(before[:, None], len(is_news), axis=1)
    asked = np.broadcast_to(is_news, ends.shape)
    for is_leader in (_leads, _is_any):
        side, step = np.nonzero(asked)
        evidence = np.full(ends.shape, -math.inf)
        evidence[side, step] = _log_e(_SIDES[side] * ends[side, step], sums, step)
        is_out = (evidence >= level) & (ends < estimate)
        chosen = is_out & is_leader(evidence)
        side, step = np.nonzero(chosen)
        within = np.minimum(estimate[chosen], EDGE)
        ends[chosen] = _crossing(ends[chosen], within, sums, step, _SIDES[side], level)
        ends = np.maximum.accumulate(ends, axis=1)
        asked = is_out & ~chosen
    return ends


def _leads(evidence: Floats) -> Bools:
    return np.asarray(evidence >= np.maximum.accumulate(evidence, axis=1))


def _is_any(evidence: Floats) -> Bools:
    return np.full(evidence.shape, fill_value=True)


def _crossing(
    out: Floats, within: Floats, sums: _Curves, places: Places, side: Floats, level: float
) -> Floats:
    """The last excluded point on the way from one that is excluded to the estimate (regula falsi
    with the weights of Illinois; halved now and then, so that it always ends).
    """
    found = out.copy()
    above = _log_e(side * out, sums, places) - level
    below = _log_e(side * within, sums, places) - level
    left, kept = np.arange(len(out)), np.zeros(len(out))
    for turn in range(_ROUNDS):
        if not len(left):
            break
        is_halved = (below >= 0) | (turn % 4 == 3)
        part = np.where(is_halved, 0.5, above / np.where(is_halved, 1.0, above - below))
        middle = out + part * (within - out)
        value = _log_e(side * middle, sums, places) - level
        is_out = value >= 0
        below = np.where(is_out & (kept > 0), below / 2, below)
        above = np.where(~is_out & (kept < 0), above / 2, above)
        out, above = np.where(is_out, middle, out), np.where(is_out, value, above)
        within, below = np.where(is_out, within, middle), np.where(is_out, below, value)
        kept = np.where(is_out, 1.0, -1.0)
        found[left] = out
        go_on = within - out > _CLOSE
        left, places, side, kept = left[go_on], places[go_on], side[go_on], kept[go_on]
        out, within, above, below = out[go_on], within[go_on], above[go_on], below[go_on]
    return found


def _log_e(ratios: Floats, sums: _Curves, places: Places) -> Floats:
    """The evidence against each of these log ratios, after the step at its place."""
    there = _read(ratios[:, None] + _OFFSETS, sums, places[:, None])
    here = _read(ratios, sums, places)
    return log_mean(sums.events[places][:, None] * _OFFSETS - (there - here[:, None]))


def _read(at: Floats, sums: _Curves, places: Places) -> Floats:
    place = np.clip((at - _GRID[0]) / _SPACING, 0, len(_GRID) - 1.000001)
    cell = place.astype(np.intp)
    t = place - cell
    s = 1 - t
    curve, slopes = sums.curve, sums.slopes
    values = curve[places, cell] * (1 + 2 * t) * s**2 + curve[places, cell + 1] * (1 + 2 * s) * t**2
    tilt = slopes[places, cell] * t * s**2 - slopes[places, cell + 1] * s * t**2
    return np.asarray(values + _SPACING * tilt, dtype=float)
