"""A figure of the design beside ours: with its standard error, and whether it agrees."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.outcome import Goal, Table, format_number, none_of
from turnout.analysis.sequential.mixtures import Floats

CLOSE = 0.15
"""So much worse than a median of the design is still that of the design."""
ERRORS = 3 * math.sqrt(2)
"""Standard errors between two simulations of the same thing."""
GRAIN = 1.5
"""Steps: a median is a whole one."""


@dataclass(frozen=True, slots=True)
class Figure:
    """`design` is as written there; `is_ok` is None where it says nothing."""

    what: str
    design: str
    ours: float
    error: float = math.nan
    is_ok: bool | None = None


def at_most(what: str, is_alarm: ArrayLike, level: float, design: float | str) -> Figure:
    """A part of runs that a proof or the design bounds by `level`, up to two standard errors."""
    part, count = _part(is_alarm)
    is_ok = part <= level + 2 * _error(level, count)
    return Figure(what, _percent(design), 100 * part, 100 * _error(part, count), is_ok)


def alike(what: str, is_hit: ArrayLike, design: float | None) -> Figure:
    """A part of runs that is to be the same as in the design."""
    part, count = _part(is_hit)
    error = 100 * _error(part, count)
    if design is None:
        return Figure(what, "-", 100 * part, error)
    chance = ERRORS * max(error, 100 * _error(design / 100, count))
    is_ok = abs(100 * part - design) <= max(CLOSE * design, chance)
    return Figure(what, _percent(design), 100 * part, error, is_ok)


def at_least(what: str, is_found: ArrayLike, design: float) -> Figure:
    """A part of runs that is not to be smaller than in the design."""
    part, count = _part(is_found)
    error = 100 * _error(part, count)
    chance = ERRORS * max(error, 100 * _error(design / 100, count))
    return Figure(what, _percent(design), 100 * part, error, 100 * part >= design - chance)


def no_later(what: str, at: ArrayLike, design: float, part: float = 0.5) -> Figure:
    """The step by which so much of the runs is found, 15 % later than in the design at most."""
    ours, error = _quantile(np.asarray(at, dtype=float), part)
    is_ok = ours <= max((1 + CLOSE) * design, design + GRAIN)
    return Figure(what, format_number(design), ours, error, is_ok)


def about(
    what: str, at: ArrayLike, design: float, *, part: float = 0.5, grain: float = GRAIN
) -> Figure:
    """The step by which so much of the runs is found, to be the same as in the design. `grain` is
    how far apart looks are.
    """
    ours, error = _quantile(np.asarray(at, dtype=float), part)
    is_ok = abs(ours - design) <= max(CLOSE * design, grain, ERRORS * error)
    return Figure(what, format_number(design), ours, error, is_ok)


def within(what: str, ours: float, low: float, high: float) -> Figure:
    """A number without chance, or with hardly any, that the design gives as a range."""
    design = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    is_ok = (1 - CLOSE) * low <= ours <= (1 + CLOSE) * high
    return Figure(what, design, ours, is_ok=is_ok)


def show(title: str, unit: str, figures: Iterable[Figure]) -> Table:
    """As a table; `unit` heads the first column."""
    answers = {True: "yes", False: "no", None: "-"}
    rows = tuple((f.what, f.design, _finite(f.ours), f.error, answers[f.is_ok]) for f in figures)
    return Table(title, (unit, "design", "ours", "SE", "ok"), rows)


def all_ok(what: str, figures: Sequence[Figure]) -> Goal:
    """That every figure with something to be compared with agrees."""
    told = [figure for figure in figures if figure.is_ok is not None]
    return none_of(f"{what}: of {len(told)} figures not as designed", _count_wrong(told))


def _count_wrong(figures: Sequence[Figure]) -> int:
    return sum(figure.is_ok is False for figure in figures)


def _part(is_hit: ArrayLike) -> tuple[float, int]:
    hits = np.asarray(is_hit, dtype=float)
    return float(hits.mean()), hits.size


def _error(part: float, count: int) -> float:
    return math.sqrt(part * (1 - part) / count)


def _quantile(values: Floats, part: float) -> tuple[float, float]:
    """With its standard error: half of what lies between the ranks one standard error away."""
    ordered = np.sort(values)
    rank, reach = part * (ordered.size - 1), math.sqrt(part * (1 - part) * ordered.size)
    low, high = (
        float(ordered[min(max(round(place), 0), ordered.size - 1)])
        for place in (rank - reach, rank + reach)
    )
    error = (high - low) / 2 if math.isfinite(high) else math.nan
    return float(ordered[round(rank)]), error


def _percent(part: float | str) -> str:
    return part if isinstance(part, str) else f"{part:g} %"


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan
