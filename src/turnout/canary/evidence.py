"""The closed steps of an analysis: what the judge has seen, as it is kept."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pydantic import TypeAdapter
from pydantic_core import from_json

from turnout.model.value import Value

Columns = tuple[tuple[float, ...], ...]


class Slice(Value):
    """Steps of one series from `first` on, for both arms alike.

    Columns by kind: events and exposure; requests above each threshold and all requests; or the
    value alone. NaN = missing.
    """

    metric: str
    tags: dict[str, str] = {}
    first: int
    canary: Columns
    baseline: Columns

    @property
    def count(self) -> int:
        """How many steps."""
        return len(self.canary[0]) if self.canary else 0


_SLICES: TypeAdapter[tuple[Slice, ...]] = TypeAdapter(tuple[Slice, ...])


def write_slices(slices: Sequence[Slice]) -> str:
    """As text, without what goes without saying."""
    return _SLICES.dump_json(tuple(slices), exclude_defaults=True).decode()


def count_closed(
    columns: Sequence[Sequence[float]], *, overdue: int, late: int, in_order: bool
) -> int:
    """How many steps from the first on are closed: complete in all columns, or not waited for.

    Not waited for are the `late` first ones, and the `overdue` first ones before the last one that
    has any figure: behind it, everything may only come late. Where samples come `in_order`, what is
    missing before a complete step stays missing.
    """
    length = min((len(column) for column in columns), default=0)
    missing = [sum(math.isnan(column[n]) for column in columns) for n in range(length)]
    reached = max((n + 1 for n in range(length) if missing[n] < len(columns)), default=0)
    waived = max(0, min(overdue, reached), min(late, length))
    if in_order:
        waived = max([waived, *(n for n in range(length) if not missing[n])])
    return next((n for n in range(waived, length) if missing[n]), length)


@dataclass(slots=True)
class _Run:
    """Steps of one series without a gap, in a fifth of a slice's memory."""

    metric: str
    tags: dict[str, str]
    first: int
    canary: list[array[float]]
    baseline: list[array[float]]

    @property
    def count(self) -> int:
        return len(self.canary[0]) if self.canary else 0

    def since(self, place: int) -> Slice:
        return Slice(
            metric=self.metric,
            tags=self.tags,
            first=self.first + place,
            canary=tuple(tuple(column[place:]) for column in self.canary),
            baseline=tuple(tuple(column[place:]) for column in self.baseline),
        )


class Evidence:
    """All closed steps of an analysis, put together from what its looks have kept: a slice for each
    series and run of steps without a gap. A step that is there twice counts once.
    """

    def __init__(self) -> None:
        self.looks = 0
        self._runs: dict[tuple[str, tuple[tuple[str, str], ...]], list[_Run]] = {}

    @property
    def slices(self) -> tuple[Slice, ...]:
        """Everything."""
        return tuple(run.since(0) for run in self._all())

    def add(self, kept: Sequence[str]) -> tuple[Slice, ...]:
        """Take in the next looks, as `write_slices` wrote them. Returns what is new in them."""
        known = {id(run): run.count for run in self._all()}
        for text in kept:
            for row in from_json(text):
                self._append(**row)
        self.looks += len(kept)
        pairs = [(run, known.get(id(run), 0)) for run in self._all()]
        return tuple(run.since(count) for run, count in pairs if run.count > count)

    def _all(self) -> list[_Run]:
        return [run for runs in self._runs.values() for run in runs]

    def _append(
        self,
        metric: str,
        first: int,
        canary: Sequence[Sequence[float | str]],
        baseline: Sequence[Sequence[float | str]],
        tags: dict[str, str] | None = None,
    ) -> None:
        """The rows of JSON as they are: a value for each of them would take seconds for a day."""
        runs = self._runs.setdefault((metric, tuple(sorted((tags or {}).items()))), [])
        reached = runs[-1].first + runs[-1].count if runs else first
        if not runs or first > reached:
            empty = [[array("d") for _ in columns] for columns in (canary, baseline)]
            runs.append(_Run(metric, tags or {}, first, *empty))
            reached = first
        run = runs[-1]
        for old, new in zip(run.canary + run.baseline, [*canary, *baseline], strict=True):
            old.extend(map(float, new[reached - first :]))  # NaN is a text in JSON


def find_gaps(canary: Columns, baseline: Columns) -> list[tuple[int, int]]:
    """Runs of steps that are missing in between: first, and behind last."""
    columns = (*canary, *baseline)
    length = min((len(column) for column in columns), default=0)
    known = [n for n in range(length) if not any(math.isnan(column[n]) for column in columns)]
    return [(a + 1, b) for a, b in pairwise([-1, *known]) if b - a > 1]


def fill_gap(columns: Columns, totals: Columns, first: int, last: int) -> Columns:
    """The columns with nothing in these steps but the totals in the last one."""
    return tuple(
        (*column[:first], *(0.0,) * (last - first - 1), total[0], *column[last:])
        for column, total in zip(columns, totals, strict=True)
    )
