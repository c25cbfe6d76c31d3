"""Where users' requests come in, and how they are shared out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, field_validator

from turnout.model.value import Value

WHOLE = 1000
"""All traffic, in per mille."""


class Sticky(Value):
    """Keep a user on one version: by a cookie that the router sets, or by a header that the client
    sends.
    """

    by: Literal["cookie", "header"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=64)]


class Listener(Value):
    """The address of a cluster's users. `port` is where the router listens."""

    cluster: str
    port: Annotated[int, Field(ge=1, le=65535, strict=True)]
    host: str = "127.0.0.1"
    sticky: Sticky | None = None
    preview_header: str = "x-turnout-group"
    """A request with this header set to a server group's name reaches that group, whatever its
    share.
    """


class TrafficSplit(Value):
    """Shares per server group in per mille: they total 1000, or the split is empty and nothing is
    served.

    Zero shares are left out, so two splits are equal when they send traffic alike.
    `generation` counts up with every change of the listener's split.
    `changed_by` names the change that made it: a repeated request recognises its own work.
    """

    shares: dict[str, int] = {}
    generation: int = 0
    changed_by: str = ""

    @field_validator("shares")
    @classmethod
    def _total(cls, shares: dict[str, int]) -> dict[str, int]:
        if any(share < 0 for share in shares.values()):
            raise ValueError(f"a share is below zero: {shares}")
        kept = {group: share for group, share in sorted(shares.items()) if share}
        if kept and sum(kept.values()) != WHOLE:
            raise ValueError(f"shares total {sum(kept.values())}, not {WHOLE}: {shares}")
        return kept

    def share(self, group: str) -> int:
        """The share of one group, 0 when it has none."""
        return self.shares.get(group, 0)

    def sends_like(self, other: TrafficSplit) -> bool:
        """Whether both send traffic alike, whatever their generation."""
        return self.shares == other.shares

    def __hash__(self) -> int:
        return hash((tuple(self.shares.items()), self.generation, self.changed_by))


class EndpointState(StrEnum):
    """Whether the router may send new requests to an instance."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DRAINING = "draining"


class Endpoint(Value):
    """One instance as the router sees it."""

    instance: str
    host: str
    port: int
    state: EndpointState


class Confirmation(Value):
    """Proof that a split is in force. Times in UTC."""

    generation: int
    requested_at: datetime
    confirmed_at: datetime


class DrainReport(Value):
    """What draining left: 0 and 0 when everything finished in time."""

    requests_left: int = 0
    connections_closed: int = 0
    """Long-lived connections (websockets, event streams) that outlived the drain time-out."""


class GroupTraffic(Value):
    """What the router counted for one server group since the group's first request; only ever
    grows, except `active`.
    """

    requests: int = 0
    failed: int = 0
    """Answers with a 5xx status, and requests that got no answer."""
    client_errors: int = 0
    """4xx."""
    timeouts: int = 0
    """Attempts to reach an instance, or to get its answer, that took too long. Previews count too,
    and attempts after which another one succeeded.
    """
    resets: int = 0
    """Connections that an instance refused, or closed with a request in flight: before its answer
    or in the middle of it. Previews and attempts as above; also websockets that the instance ended.
    """
    active: int = 0
    """Requests in flight now, websockets and streams included."""
    latency_ms: tuple[tuple[float, int], ...] = ()
    """Cumulative histogram: (upper bound in ms, requests at or below it)."""


def histogram_quantile(histogram: Sequence[tuple[float, int]], q: float) -> float | None:
    """The value that a share `q` of what was counted did not exceed, of a cumulative histogram
    (upper bound, number at or below it): within its bucket in proportion.

    None when nothing was counted. In a bucket without an upper bound: its lower one.
    """
    total = histogram[-1][1] if histogram else 0
    if not total:
        return None
    rank = q * total
    lower, below = 0.0, 0
    for upper, count in histogram:
        if count >= rank and count > below:
            if math.isinf(upper):
                return lower
            return lower + (upper - lower) * (rank - below) / (count - below)
        lower, below = upper, count
    return lower
