from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from turnout.checks import LocalChecker
from turnout.model.checks import MetricCheck, Verdict
from turnout.model.errors import NotFound, Permanent, Temporary, TurnoutError
from turnout.model.traffic import GroupTraffic, Listener
from turnout.ports import CheckContext
from turnout.testing import MemoryAnalyst, MemoryClock, World

CONTEXT = CheckContext(
    cluster="shop", group="shop-v002", listener=Listener(cluster="shop", port=8080)
)
CHECK = MetricCheck(figure="requests", min=1, timeout=timedelta(seconds=10))


def checker(metrics: Metrics, world: World) -> LocalChecker:
    return LocalChecker(metrics, MemoryAnalyst(), MemoryClock(world), owner="test")


class Metrics:
    """Raises the errors in turn, then answers."""

    def __init__(self, *errors: TurnoutError) -> None:
        self.errors = list(errors)
        self.asked = 0

    async def observe_window(
        self, cluster: str, group: str, since: datetime, until: datetime
    ) -> GroupTraffic:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return GroupTraffic(requests=5)


async def test_figures_that_cannot_be_had_now_are_asked_for_again() -> None:
    metrics, world = Metrics(Temporary("no answer"), Temporary("no answer")), World()
    answer = await checker(metrics, world).answer(CHECK, CONTEXT)
    assert answer.verdict is Verdict.PASS
    assert metrics.asked == 3
    assert world.elapsed == timedelta(seconds=1)


async def test_figures_that_never_come_are_an_error_at_the_timeout_and_not_a_failure() -> None:
    metrics = Metrics(*(Temporary("no answer") for _ in range(100)))
    world = World()
    answer = await checker(metrics, world).answer(CHECK, CONTEXT)
    assert answer.verdict is Verdict.ERROR
    assert answer.sentence == "could not be made: no answer (tried 20 times in 10s)"
    assert timedelta(seconds=9) < world.elapsed <= CHECK.timeout


@pytest.mark.parametrize("error", [Permanent("never"), NotFound("no such group")])
async def test_what_will_not_get_better_is_an_error_at_once(error: TurnoutError) -> None:
    metrics = Metrics(error)
    answer = await LocalChecker(
        metrics, MemoryAnalyst(), MemoryClock(World()), owner="test"
    ).answer(CHECK, CONTEXT)
    assert (answer.verdict, metrics.asked) == (Verdict.ERROR, 1)
    assert answer.sentence == f"could not be made: {error.message}"
