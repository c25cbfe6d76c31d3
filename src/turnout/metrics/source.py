"""What all stores have in common: a query becomes texts, texts become tracks, tracks become series
on the grid of the scope.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from turnout.metrics.caller import Caller
from turnout.metrics.grid import Grid, Track, build_grid, build_windows, join, place
from turnout.model.canary.queries import Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Permanent
from turnout.model.samples import Series

AnyQuery = TypeVar("AnyQuery")


class Store(Protocol):
    """How one kind of store is asked."""

    most_steps: int | None
    """Steps that it gives in one answer; None = as many as wanted."""

    def build_text(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        """The query in the store's own language. Raises `InvalidDocument`."""
        ...

    async def ask(
        self, caller: Caller, query: Query, text: str, scope: CanaryScope
    ) -> Sequence[Track]:
        """What the store has for the text. Raises `Temporary` or `Permanent`."""
        ...


class StoreSource:
    """A `MetricSource`: one store at one account."""

    def __init__(self, store: Store, caller: Caller) -> None:
        self._store = store
        self._caller = caller

    def describe(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        """The text that is sent; of a long time, which is asked in parts, that for the whole."""
        return self._store.build_text(query, scope, templates)

    async def fetch(
        self, query: Query, scope: CanaryScope, templates: Mapping[str, str]
    ) -> tuple[Series, ...]:
        try:
            grid = build_grid(scope)
            windows = [
                (self._store.build_text(query, window, templates), window)
                for window in build_windows(scope, self._store.most_steps)
            ]
        except InvalidDocument as error:
            raise Permanent(_in_one_line(error)) from error
        tracks = [await self._store.ask(self._caller, query, *window) for window in windows]
        return tuple(place(grid, track) for track in join(tracks)) or (_nothing(grid),)


def of_type(query: Query, kind: type[AnyQuery]) -> AnyQuery:
    """The query, known to be of this type. The choice of the source has seen to that."""
    if not isinstance(query, kind):
        raise TypeError(f"a query of type {query.type} has come to a source of {kind.__name__}")
    return query


def _nothing(grid: Grid) -> Series:
    """Stands for a metric that the store knows nothing of: pairing takes it for every tag."""
    return Series(start=grid.start, step=grid.step, values=(math.nan,) * grid.count)


def _in_one_line(error: InvalidDocument) -> str:
    told = [str(problem) for problem in error.problems if str(problem) not in error.message]
    return f"{error.message} ({'; '.join(told)})" if told else error.message
