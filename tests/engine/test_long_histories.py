from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.engine.house import Gate, House
from tests.engine.wishes import deploy
from tests.properties import worlds
from turnout.model.deployment import Status, StrategyName

BuildHouse = Callable[..., House]


async def test_a_queue_and_a_deployment_go_on_in_new_runs(house: BuildHouse) -> None:
    home = house(worlds.running(), history_limit=40)
    gate = Gate("ready")
    home.operations.before = gate
    async with home.working() as engine:
        await engine.submit(deploy("d-0", "3"))
        await gate.wait()
        for number in range(1, 5):
            await engine.submit(deploy(f"d-{number}", f"{number + 3}"))
        first_run = (await engine.handle("shop").describe()).run_id
        gate.opened.set()
        records = [await home.ended(f"d-{number}") for number in range(5)]
        await home.idle(engine)
        assert (await engine.handle("shop").describe()).run_id != first_run
    assert {r.status for r in records} == {Status.SUCCEEDED}
    assert home.shares() == {"shop-v007": 1000}
    for number in range(5):
        events = await home.journal.read_events(after=0, deployment=f"d-{number}")
        told = [e.data["status"] for e in events if e.kind == "deployment.status"]
        assert told == [Status.QUEUED, Status.RUNNING, Status.SUCCEEDED]


@pytest.mark.parametrize("strategy", [StrategyName.ROLLING_BLUE_GREEN])
async def test_no_update_is_lost_while_a_new_run_begins(
    house: BuildHouse, strategy: StrategyName
) -> None:
    """Requests and cancels come all the time, and new runs begin all the time."""
    home = house(worlds.running(), history_limit=25)
    async with home.working() as engine:
        await asyncio.gather(*(engine.submit(deploy(f"d-{n}", f"{n}")) for n in range(12)))
        await asyncio.gather(
            *(engine.cancel(f"d-{n}") for n in range(1, 12, 2)), return_exceptions=True
        )
        records = [await home.ended(f"d-{n}") for n in range(12)]
        await home.idle(engine)
    for record in records:
        assert record.status in (Status.SUCCEEDED, Status.CANCELED, Status.ROLLED_BACK)
    assert home.pins() == {}
