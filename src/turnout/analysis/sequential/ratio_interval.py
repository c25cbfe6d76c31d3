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
from turnout.analysis.sequential.mixtures import Floats, log_mean

_SPACING = 0.1
_GRID: Floats = np.arange(-80.0, 81.0) * _SPACING
EDGE = 4.6
"""Log ratios beyond this (a hundredfold) are told as unbounded."""

_OFFSETS: Floats = np.concatenate([np.log(RATIOS), -np.log(RATIOS)])
_PIECES = 16
_ROUNDS = 5


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


def narrow(
    interval: RatioInterval, events_canary: Floats, both: Floats, share: Floats, alpha: float
) -> tuple[RatioInterval, Bounds]:
    """The sequence after these steps, and what it was after each of them."""
    events, low, high = interval.events_canary, interval.low, interval.high
    curve, slopes = np.array(interval.curve), np.array(interval.slopes)
    bounds = Bounds(*(np.empty(len(both)) for _ in range(3)))
    level = -math.log(alpha)
    for step in range(len(both)):
        if both[step] > 0:
            events += float(events_canary[step])
            odds = share[step] * np.exp(_GRID)
            whole = odds + 1 - share[step]
            curve += both[step] * np.log(whole)
            slopes += both[step] * odds / whole
        estimate = float(np.interp(events, slopes, _GRID)) if slopes[-1] > 0 else math.nan
        if both[step] > 0:
            low, high = _ends(events, curve, slopes, (low, high), estimate, level)
        bounds.low[step], bounds.high[step], bounds.estimate[step] = low, high, estimate
    return RatioInterval(events, tuple(curve), tuple(slopes), low, high), bounds


def unbounded(steps: int) -> Bounds:
    """Of steps for which nobody wants a sequence."""
    edge = np.full(steps, EDGE)
    return Bounds(-edge, edge, np.full(steps, math.nan))


def _ends(
    events: float,
    curve: Floats,
    slopes: Floats,
    ends: tuple[float, float],
    estimate: float,
    level: float,
) -> tuple[float, float]:
    is_out = _log_e(np.array(ends), events, curve, slopes) >= level
    low, high = ends
    if is_out[0] and low < estimate:
        low = _crossing(low, min(estimate, EDGE), events, curve, slopes, level)
    if is_out[1] and high > estimate:
        high = _crossing(high, max(estimate, -EDGE), events, curve, slopes, level)
    return low, high


def _crossing(
    out: float, within: float, events: float, curve: Floats, slopes: Floats, level: float
) -> float:
    """The last excluded point on the way from one that is excluded to the estimate."""
    for _ in range(_ROUNDS):
        points = np.linspace(out, within, _PIECES)
        is_in = _log_e(points, events, curve, slopes) < level
        first = int(np.argmax(is_in)) if is_in.any() else _PIECES - 1
        out, within = float(points[max(first - 1, 0)]), float(points[first])
    return out


def _log_e(ratios: Floats, events: float, curve: Floats, slopes: Floats) -> Floats:
    others = ratios[:, None] + _OFFSETS
    there, here = _read(others, curve, slopes), _read(ratios, curve, slopes)
    return log_mean(events * _OFFSETS - (there - here[:, None]))


def _read(at: Floats, curve: Floats, slopes: Floats) -> Floats:
    place = np.clip((at - _GRID[0]) / _SPACING, 0, len(_GRID) - 1.000001)
    cell = place.astype(np.intp)
    t = place - cell
    s = 1 - t
    values = curve[cell] * (1 + 2 * t) * s**2 + curve[cell + 1] * (1 + 2 * s) * t**2
    tilt = slopes[cell] * t * s**2 - slopes[cell + 1] * s * t**2
    return np.asarray(values + _SPACING * tilt, dtype=float)
