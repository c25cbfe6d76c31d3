"""Requests, and what tests of the engine say about a world after them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from tests.engine.house import House
from tests.properties import worlds
from turnout.engine.operations import OperationContext
from turnout.model.deployment import Kind, OnBusy, OnFailure, Request, StrategyName
from turnout.model.plan import Operation, StepAnswer
from turnout.testing import World

PAUSING = worlds.deploy(StrategyName.BLUE_GREEN, on_failure=OnFailure.PAUSE)

WORDY = {
    "before_traffic": (worlds.CHECK,),
    "watch": timedelta(milliseconds=50),
    "watch_checks": (worlds.CHECK,),
    "delay_before_switch": timedelta(milliseconds=10),
}
REQUESTS = {
    StrategyName.BLUE_GREEN: worlds.deploy(StrategyName.BLUE_GREEN, **WORDY),
    StrategyName.ROLLING_BLUE_GREEN: worlds.deploy(
        StrategyName.ROLLING_BLUE_GREEN,
        **WORDY,
        steps=(500, 1000),
        step_hold=timedelta(milliseconds=50),
        checks=(worlds.CHECK,),
        shrink_source=True,
    ),
    StrategyName.HIGHLANDER: worlds.deploy(StrategyName.HIGHLANDER, **WORDY),
    StrategyName.CANARY: worlds.deploy(StrategyName.CANARY, watch=timedelta(milliseconds=200)),
    StrategyName.DARK: worlds.deploy(StrategyName.DARK, before_traffic=(worlds.CHECK,)),
}


def deploy(
    deployment: str,
    version: str = "3",
    *,
    on_busy: OnBusy = OnBusy.QUEUED,
    by: str = "",
    **options: Any,
) -> Request:
    request = worlds.deploy(StrategyName.BLUE_GREEN, **options)
    assert request.service is not None
    service = request.service.model_copy(update={"settings": worlds.settings(version)})
    changed = {"id": deployment, "service": service, "on_busy": on_busy, "by": by}
    return request.model_copy(update=changed)


def roll_back(deployment: str, *, on_busy: OnBusy = OnBusy.QUEUED) -> Request:
    request = worlds.operation(Kind.ROLLBACK)
    return request.model_copy(update={"id": deployment, "on_busy": on_busy})


def assert_untouched(home: House, before: World, told: str) -> None:
    """Nothing is left of the deployment, and what was there before is there again."""
    assert home.shares() == before.listeners["shop"].split.shares, told
    assert {n: g.desired for n, g in home.world.groups.items()} == {
        n: g.desired for n, g in before.groups.items()
    }, told
    assert home.pins() == {}, told


def fail_at(step: str) -> Callable[[Operation, OperationContext], Awaitable[StepAnswer | None]]:
    async def fault(operation: Operation, context: OperationContext) -> StepAnswer | None:
        if context.step == step:
            return StepAnswer(ok=False, sentence="told to fail")
        return None

    return fault
