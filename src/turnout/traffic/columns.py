"""What the router counted, as columns of the history, and back. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate

from turnout.history import Values
from turnout.model.traffic import GroupTraffic

COUNTERS: Mapping[str, str] = {
    "requests": "requests",
    "errors": "failed",
    "client_errors": "client_errors",
    "timeouts": "timeouts",
    "resets": "resets",
}
"""Columns, and the fields that they come from."""

_BUCKET = "ms"


def bucket_column(bound: float) -> str:
    """The column of the requests that took at most `bound` ms and more than the bound before."""
    return f"{_BUCKET}{bound:g}"


def bucket_bound(column: str) -> float | None:
    """The upper bound of a column in ms; None of one that is no bucket."""
    return float(column.removeprefix(_BUCKET)) if column.startswith(_BUCKET) else None


def build_values(traffic: GroupTraffic) -> dict[str, int]:
    """All that is not 0."""
    values = {column: getattr(traffic, field) for column, field in COUNTERS.items()}
    below = 0
    for bound, count in traffic.latency_ms:
        values[bucket_column(bound)] = max(0, count - below)
        below = max(below, count)
    return {column: value for column, value in values.items() if value}


def read_traffic(found: Iterable[Values]) -> GroupTraffic:
    """All together."""
    total: Counter[str] = Counter()
    for values in found:
        total.update({column: int(value or 0) for column, value in values.items()})
    buckets = sorted((bound, total[c]) for c in total if (bound := bucket_bound(c)) is not None)
    cumulative = accumulate(count for _, count in buckets)
    return GroupTraffic(
        **{field: total[column] for column, field in COUNTERS.items()},
        latency_ms=tuple(zip((bound for bound, _ in buckets), cumulative, strict=True)),
    )
