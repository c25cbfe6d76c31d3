from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engine.house import House
from tests.properties import worlds
from turnout.model.deployment import Status, StrategyName
from turnout.model.journal import StepState
from turnout.testing import World

BuildHouse = Callable[..., House]


@pytest.mark.parametrize("strategy", list(StrategyName))
@pytest.mark.parametrize("world", [worlds.running, worlds.empty, worlds.shared_out])
async def test_every_strategy_succeeds_step_by_step(
    house: BuildHouse, strategy: StrategyName, world: Callable[[], World]
) -> None:
    home = house(world())
    async with home.working() as engine:
        record = await home.run(engine, worlds.deploy(strategy))
    assert (record.status, record.sentence) == (
        Status.SUCCEEDED,
        f"deploy shop 3 by {strategy}: done",
    )
    assert record.plan is not None
    new = record.plan.new_group
    assert home.shares().get(new, 0) == (0 if strategy is StrategyName.DARK else 1000)
    steps = await home.steps(record.id)
    assert [s.step for s in steps] == [s.id for s in record.plan.steps]
    assert {s.state for s in steps} == {StepState.SUCCEEDED}
    assert [s.number for s in steps] == list(range(1, len(steps) + 1))
    assert home.pins() == {}
