"""What every store is given before it is asked: half an hour of three server groups, minute by
minute.

`steady` has a sample in each minute, its number. `gappy` has none from the tenth to the twentieth.
`zoned` has two series: its minute in zone a, that and a hundred in zone b.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from turnout.metrics.accounts import Account
from turnout.model.canary.queries import Query
from turnout.model.canary.request import CanaryScope

MINUTES = 30
START = int(time.time()) // 3600 * 3600 - 3 * 3600
"""Not long ago: stores forget, and refuse what is too old."""


class Point(NamedTuple):
    group: str
    zone: str
    second: int
    value: float


def points() -> list[Point]:
    """All samples, series by series."""
    seconds = [START + 60 * minute for minute in range(MINUTES)]
    steady = [Point("steady", "", s, n) for n, s in enumerate(seconds)]
    gappy = [p._replace(group="gappy") for p in steady if not 10 <= p.value < 20]
    zoned = [
        Point("zoned", zone, s, n + add)
        for zone, add in (("a", 0), ("b", 100))
        for n, s in enumerate(seconds)
    ]
    return [*steady, *gappy, *zoned]


@dataclass(frozen=True, slots=True)
class Stage:
    """A store that has been given the points, and how it is asked for them."""

    account: Account
    query: Query
    """For the figure of a scope, with a series for each zone."""
    wrong: Query
    """What the store refuses."""
    zone_tags: tuple[dict[str, str], dict[str, str]]
    scope_prefix: str = ""
    carried: int = 0
    """Minutes for which the store itself repeats a sample when there is no other."""

    def scope(
        self, group: str, *, minutes: int = MINUTES, step: int = 60, offset: int = 0
    ) -> CanaryScope:
        """A scope that begins with the points, or some seconds later."""
        start = datetime.fromtimestamp(START + offset, UTC)
        return CanaryScope(
            scope=self.scope_prefix + group,
            start=start,
            end=start + timedelta(minutes=minutes),
            step=step,
        )
