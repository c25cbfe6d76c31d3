"""The confidence sequence of a gauge's shift, after prewhitening."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from turnout.analysis.sequential.gauges import WINDOW, best_rho, normal_log_e
from turnout.analysis.sequential.mixtures import Bools, Floats, Places

_MEDIAN_OF_NORMAL = 0.6745
"""The median of |D| in standard deviations, if D were normal: sets a tuning constant only."""

_DOUBLINGS = 40
_HALVINGS = 50


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
class Shifts:
    """What the sequence was after each step of a batch, and what is kept of it."""

    interval: ShiftInterval
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class _Sums:
    """As in `ShiftInterval`, after each step."""

    rho: float
    u: Floats
    u2: Floats
    d: Floats
    d2: Floats
    ud: Floats

    def at(self, places: Places | Bools) -> _Sums:
        return _Sums(
            self.rho,
            *(column[places] for column in (self.u, self.u2, self.d, self.d2, self.ud)),
        )


def unbounded(interval: ShiftInterval, steps: int) -> Shifts:
    """Steps for which nobody wants a sequence."""
    return Shifts(interval, np.full(steps, interval.low), np.full(steps, interval.high))


def narrow(
    interval: ShiftInterval, recent: Floats, is_open: Bools, *, beta: float, planned: int
) -> Shifts:
    """The sequence after the last steps of `recent`, pairs of D' and u; those that are not open are
    left out. What is before them sets `rho`, once and for all.
    """
    before = len(recent) - len(is_open)
    places = np.flatnonzero(is_open)
    rho = interval.rho
    while rho == 0 and len(places):
        rho = _rho(recent[: before + places[0], 0][-WINDOW:], planned, beta)
        places = places if rho else places[1:]
    if not len(places):
        return unbounded(interval, len(is_open))
    sums = _add_up(interval, recent[before + places], rho)
    low = np.full(len(is_open), interval.low)
    high = np.full(len(is_open), interval.high)
    low[places] = _raised(sums, interval.low, +1, beta)
    high[places] = -_raised(sums, -interval.high, -1, beta)
    after = ShiftInterval(
        rho,
        u=float(sums.u[-1]),
        u2=float(sums.u2[-1]),
        d=float(sums.d[-1]),
        d2=float(sums.d2[-1]),
        ud=float(sums.ud[-1]),
        low=float(low[-1]),
        high=float(high[-1]),
    )
    return Shifts(after, low, high)


def _rho(recent: Floats, planned: int, beta: float) -> float:
    deviation = float(np.median(np.abs(recent))) / _MEDIAN_OF_NORMAL
    return best_rho(planned * deviation**2, beta)


def _add_up(interval: ShiftInterval, steps: Floats, rho: float) -> _Sums:
    d, u = steps[:, 0], steps[:, 1]
    before = (interval.u, interval.u2, interval.d, interval.d2, interval.ud)
    columns = (u, u * u, d, d * d, u * d)
    pairs = zip(before, columns, strict=True)
    return _Sums(rho, *(np.cumsum(np.concatenate([[b], c]))[1:] for b, c in pairs))


def _raised(sums: _Sums, end: float, side: int, beta: float) -> Floats:
    """The lower end after each step (`side` +1), or the upper one, both mirrored (-1): as far as
    any step so far has excluded what lies behind it.
    """
    centre = side * sums.d / sums.u
    is_out = np.full(len(centre), fill_value=True)
    if math.isfinite(end):
        is_out = (end < centre) & _is_out(sums, np.full(len(centre), side * end), beta)
    found = np.full(len(centre), end)
    found[is_out] = side * _crossing(sums.at(is_out), -side * math.sqrt(sums.rho), beta)
    return np.asarray(np.maximum.accumulate(np.maximum(found, end)))


def _crossing(sums: _Sums, unit: float, beta: float) -> Floats:
    """Where the sequence ends in the direction of `unit`; infinite when it does not.

    Very far out, where only a giant shift would explain the figures, the mixture lets values in
    again; the part around the centre is the answer.
    """
    centre = sums.d / sums.u
    reach = np.full(len(centre), unit)
    is_found = np.full(len(centre), fill_value=False)
    for _ in range(_DOUBLINGS):
        is_found |= _is_out(sums, centre + reach, beta)
        if is_found.all():
            break
        reach = np.where(is_found, reach, 2 * reach)
    within, out = centre, centre + reach
    for _ in range(_HALVINGS):
        middle = (within + out) / 2
        is_out = _is_out(sums, middle, beta)
        within, out = np.where(is_out, within, middle), np.where(is_out, middle, out)
    return np.where(is_found, out, math.copysign(math.inf, unit))


def _is_out(sums: _Sums, shift: Floats, beta: float) -> Bools:
    squares = sums.d2 - 2 * shift * sums.ud + shift**2 * sums.u2
    log_e = normal_log_e(sums.d - shift * sums.u, squares, sums.rho)
    return np.asarray(log_e >= -math.log(beta))
