"""What a benchmark found: tables for people, goals, and all figures behind them as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure to reach. `is_met` compares what was measured; at the limit is not below it."""

    what: str
    measured: float
    limit: float
    unit: str
    is_met: bool

    def __str__(self) -> str:
        told = "reached" if self.is_met else "NOT reached"
        bound = "none" if self.limit == 0 else f"below {format_number(self.limit)} {self.unit}"
        measured = f"{format_number(self.measured)} {self.unit}".strip()
        return f"{self.what}: {measured} (goal: {bound}) - {told}"


def below(what: str, measured: float, limit: float, unit: str) -> Goal:
    """The figure must lie below the limit. What is not a number has not been reached."""
    return Goal(what, measured, limit, unit, is_met=measured < limit)


def none_of(what: str, measured: int) -> Goal:
    """There must not be any."""
    return Goal(what, measured, 0, "", is_met=measured == 0)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts and numbers, the first column naming the row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]

    def __str__(self) -> str:
        lines = [self.columns, *(tuple(map(format_cell, row)) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join([self.title, *(f"  {_align(line, widths)}" for line in lines)])


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that one benchmark found."""

    about: str
    """What was measured and how, in plain sentences."""
    tables: tuple[Table, ...]
    goals: tuple[Goal, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)  # whatever JSON can hold
    """What the tables were drawn from."""

    def __str__(self) -> str:
        parts = [*map(str, self.tables), *map(str, self.goals)]
        return "\n\n".join(parts[: len(self.tables)]) + "\n\n" + "\n".join(map(str, self.goals))


@dataclass(frozen=True, slots=True)
class Result:
    """An outcome with the circumstances of its run."""

    benchmark: str
    at: str
    seconds: float
    is_quick: bool
    machine: dict[str, str]
    outcome: Outcome


def write_result(result: Result, path: Path) -> None:
    """Write it as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    text = json.dumps(_without_nan(asdict(result)), indent=1, allow_nan=False)
    beside.write_text(f"{text}\n", encoding="utf-8")
    beside.replace(path)


def read_result(path: Path) -> Result:
    """Read what `write_result` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    outcome = found.pop("outcome")
    tables = tuple(
        Table(t["title"], tuple(t["columns"]), tuple(tuple(map(_number, r)) for r in t["rows"]))
        for t in outcome["tables"]
    )
    goals = tuple(Goal(**{**g, "measured": _number(g["measured"])}) for g in outcome["goals"])
    rest = Outcome(outcome["about"], tables, goals, outcome["figures"])
    return Result(**found, outcome=rest)


def spread(values: Iterable[float]) -> dict[str, float]:
    """Count, p50, p99 (nearest rank) and the largest; not numbers when there are no values."""
    ordered = sorted(values)
    return {
        "count": len(ordered),
        "p50": quantile(ordered, 50),
        "p99": quantile(ordered, 99),
        "max": ordered[-1] if ordered else math.nan,
    }


def quantile(ordered: Sequence[float], percent: float) -> float:
    """The value of the nearest rank in an ordered list; NaN when it is empty."""
    if not ordered:
        return math.nan
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def format_cell(cell: str | float) -> str:
    """A cell of a table."""
    return cell if isinstance(cell, str) else format_number(cell)


def format_number(value: float) -> str:
    """Three digits that count, and all of those before the point: 0.87, 12.3, 1 234."""
    if math.isnan(value):
        return "-"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _align(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.rjust(width) if place else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(line, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()


def _without_nan(value: Any) -> Any:  # JSON, whatever it holds
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _number(value: Any) -> Any:  # a cell
    return math.nan if value is None else value
