from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from tests.unit.canary.house import CANARY, config, metric
from turnout.canary.fetching import Arm, Fetcher, Window
from turnout.canary.subjects import subjects_of
from turnout.model.canary.queries import Query, RouterQuery
from turnout.model.canary.request import CanaryScope
from turnout.model.samples import Series
from turnout.testing.world import START

SECOND = timedelta(seconds=1)


class LateCounters:
    """Of 6 requests that were timed, 5 slowly, the counters have 4 in the first second."""

    def describe(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        raise NotImplementedError

    async def fetch(
        self, query: Query, scope: CanaryScope, templates: Mapping[str, str]
    ) -> tuple[Series, ...]:
        assert isinstance(query, RouterQuery)
        found = {
            "requests": {"": (4.0, 8.0)},
            "latency": {"0": (6.0, 6.0), "100": (5.0, 1.0)},
        }[query.metric_name or ""]
        return tuple(
            Series(
                tags={"above_ms": bound} if bound else {}, start=START, step=SECOND, values=values
            )
            for bound, values in found.items()
        )


async def test_slow_requests_are_those_of_the_requests_that_were_timed() -> None:
    """Counters and histograms are not of the same moment: a second is not left out for that."""
    late = config(metric("late", "latency", "latency", thresholdsMs=[100]))
    (subject,) = subjects_of(late, timedelta(minutes=5))
    fetcher = Fetcher(LateCounters(), {})
    found = await fetcher.fetch(subject, Arm(CANARY, "shop"), Window(START, SECOND, 0, 2))
    assert found == {(): ((5.0, 1.0), (6.0, 6.0))}
