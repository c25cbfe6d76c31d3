"""The closed steps of an analysis: what the judge has seen, as it is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain, pairwise

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


def join_slices(slices: Sequence[Slice]) -> tuple[Slice, ...]:
    """One slice for each series and run of steps without a gap; a step that is there twice counts
    once.
    """
    runs: dict[tuple[str, tuple[tuple[str, str], ...]], list[list[Slice]]] = {}
    for one in slices:
        known = runs.setdefault((one.metric, tuple(sorted(one.tags.items()))), [])
        reached = known[-1][-1].first + known[-1][-1].count if known else -1
        if one.first <= reached:
            known[-1].append(_behind(one, reached))
        else:
            known.append([one])
    return tuple(_end_to_end(run) for known in runs.values() for run in known)


def _behind(one: Slice, step: int) -> Slice:
    """What there is of it from this step on."""
    cut = step - one.first
    if cut <= 0:
        return one
    return one.model_copy(
        update={
            "first": step,
            "canary": tuple(column[cut:] for column in one.canary),
            "baseline": tuple(column[cut:] for column in one.baseline),
        }
    )


def _end_to_end(run: Sequence[Slice]) -> Slice:
    """All at once: one after the other would copy a long analysis again and again."""
    if len(run) == 1:
        return run[0]
    arms = [[one.canary for one in run], [one.baseline for one in run]]
    canary, baseline = (
        tuple(tuple(chain.from_iterable(parts)) for parts in zip(*arm, strict=True)) for arm in arms
    )
    return run[0].model_copy(update={"canary": canary, "baseline": baseline})


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
