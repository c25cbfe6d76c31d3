"""The port `MetricSource` for queries of the type `router`: from what the router has counted and
the history has kept, also of groups that are gone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate

from turnout.history import Counts, History
from turnout.history.asking import grid_of, group_of, invalid, read_scope
from turnout.model.canary.queries import ABOVE, ROUTER_FIGURES, THRESHOLDS, Query, RouterQuery
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Permanent
from turnout.model.samples import Series
from turnout.model.traffic import histogram_quantile
from turnout.traffic.columns import bucket_bound, bucket_column


class RouterSource:
    """`bounds`: the upper bounds of the router's latency buckets in ms, in order."""

    def __init__(self, history: History, bounds: Sequence[float]) -> None:
        self._history = history
        self._bounds = tuple(bounds)

    def complete_until(self) -> datetime | None:
        """Steps that end at or before this moment get no more requests; None = nobody has looked
        yet. It stands still while the router cannot be asked.
        """
        return self._history.complete_until()

    def describe(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        """As the port says; there is nothing to expand in these queries."""
        asked, group = _checked(query), group_of(scope)
        what = {
            "latency": f"requests slower than {self._list_tails(scope)} ms",
            "latency_quantile": f"latency in ms that {asked.quantile} of the requests kept to",
        }.get(asked.metric_name or "", asked.metric_name)
        return f"{what} of {group}, as the router counted, per {grid_of(scope).step:g} s"

    async def fetch(
        self, query: Query, scope: CanaryScope, templates: Mapping[str, str]
    ) -> tuple[Series, ...]:
        """As the port says. A group that nobody has ever counted has no series."""
        try:
            asked, counts, tails = _checked(query), Counts(grid_of(scope)), self._tails(scope)
            is_known = await read_scope(self._history, scope, counts.add)
        except InvalidDocument as error:
            raise Permanent(error.message) from error
        if not is_known:
            return ()
        match asked.metric_name:
            case "latency":
                buckets = self._read_buckets(counts)
                return tuple(
                    _series(scope, _above(buckets, tail), {ABOVE: f"{tail:g}"})
                    for tail in (0, *tails)
                )
            case "latency_quantile":
                values = _quantiles(self._read_buckets(counts), asked.quantile or 0)
                return (_series(scope, values),)
            case name:
                return (_series(scope, counts.column(name or "")),)

    def _tails(self, scope: CanaryScope) -> list[float]:
        """The bounds that are nearest to the wanted ones. Of what is slower than the last bound the
        router keeps nothing. Raises `InvalidDocument`.
        """
        bounds = self._bounds[:-1]
        wanted = scope.extended_scope_params.get(THRESHOLDS, "").strip()
        if not wanted:
            return list(bounds)
        return sorted({_nearest(bounds, _milliseconds(text)) for text in wanted.split(",")})

    def _list_tails(self, scope: CanaryScope) -> str:
        return ", ".join(f"{tail:g}" for tail in self._tails(scope))

    def _read_buckets(self, counts: Counts) -> dict[float, tuple[float, ...]]:
        """Per upper bound, in order: the requests of each step in this bucket alone."""
        found = {bucket_bound(column) for column in counts.columns} - {None}
        bounds = sorted({*self._bounds, *(bound for bound in found if bound is not None)})
        return {bound: counts.column(bucket_column(bound)) for bound in bounds}


def _checked(query: Query) -> RouterQuery:
    if not isinstance(query, RouterQuery):
        raise invalid(f"{query.type!r} is nothing for the router", "query.type")
    if query.metric_name not in ROUTER_FIGURES:
        known = ", ".join(ROUTER_FIGURES)
        raise invalid(f"{query.metric_name!r} is not one of {known}", "query.metricName")
    is_share = query.quantile is not None and 0 < query.quantile < 1
    if query.metric_name == "latency_quantile" and not is_share:
        raise invalid("must be between 0 and 1, like 0.99", "query.quantile")
    return query


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise invalid(f"{text.strip()!r} is no time in ms", f"extendedScopeParams.{THRESHOLDS}")
    return value


def _nearest(bounds: Sequence[float], wanted: float) -> float:
    return min(bounds, key=lambda bound: abs(math.log(bound / wanted)))


def _above(buckets: Mapping[float, Sequence[float]], tail: float) -> tuple[float, ...]:
    slower = [counts for bound, counts in buckets.items() if bound > tail]
    return tuple(sum(step) for step in zip(*slower, strict=True))


def _quantiles(buckets: Mapping[float, Sequence[float]], q: float) -> tuple[float, ...]:
    """NaN also in a step without requests."""
    return tuple(_quantile(tuple(buckets), step, q) for step in zip(*buckets.values(), strict=True))


def _quantile(bounds: Sequence[float], counts: Sequence[float], q: float) -> float:
    if any(math.isnan(count) for count in counts):
        return math.nan
    cumulative = accumulate(int(count) for count in counts)
    found = histogram_quantile(tuple(zip(bounds, cumulative, strict=True)), q)
    return math.nan if found is None else found


def _series(
    scope: CanaryScope, values: tuple[float, ...], tags: Mapping[str, str] | None = None
) -> Series:
    return Series(
        tags=dict(tags or {}),
        start=scope.start,
        step=timedelta(seconds=scope.step),
        values=values,
    )
