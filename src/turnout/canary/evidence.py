"""The closed steps of an analysis: what the judge has seen, as it is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from pydantic import TypeAdapter

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


def read_slices(text: str) -> tuple[Slice, ...]:
    """What `write_slices` wrote."""
    return _SLICES.validate_json(text)


def count_closed(canary: Columns, baseline: Columns, *, overdue: int, in_order: bool) -> int:
    """How many steps from the first on are closed: complete in both arms, or among the `overdue`
    first ones, which are not waited for any longer. Where samples come `in_order`, what is missing
    before a complete step stays missing.
    """
    columns = (*canary, *baseline)
    length = min((len(column) for column in columns), default=0)
    known = [all(not math.isnan(column[n]) for column in columns) for n in range(length)]
    waived = min(overdue, length)
    if in_order:
        waived = max([waived, *(n for n in range(length) if known[n])])
    return next((n for n in range(waived, length) if not known[n]), length)


def join_slices(slices: Sequence[Slice]) -> tuple[Slice, ...]:
    """One slice for each series and run of steps without a gap; a step that is there twice counts
    once.
    """
    joined: dict[tuple[str, tuple[tuple[str, str], ...]], list[Slice]] = {}
    for one in slices:
        runs = joined.setdefault((one.metric, tuple(sorted(one.tags.items()))), [])
        if runs and one.first <= runs[-1].first + runs[-1].count:
            runs[-1] = _joined(runs[-1], one)
        else:
            runs.append(one)
    return tuple(run for runs in joined.values() for run in runs)


def _joined(one: Slice, other: Slice) -> Slice:
    known = one.first + one.count - other.first
    return one.model_copy(
        update={
            "canary": _beside(one.canary, other.canary, known),
            "baseline": _beside(one.baseline, other.baseline, known),
        }
    )


def _beside(left: Columns, right: Columns, known: int) -> Columns:
    return tuple((*a, *b[max(known, 0) :]) for a, b in zip(left, right, strict=True))


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
