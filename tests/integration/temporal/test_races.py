from __future__ import annotations

import asyncio
import random

from tests.engine.wishes import deploy
from tests.integration.temporal.stage import Stage
from tests.properties import worlds
from turnout.engine.client import Engine
from turnout.model.deployment import Kind, OnBusy, Status
from turnout.model.errors import Conflict


async def test_no_request_is_lost_while_a_workflow_ends(stage: Stage) -> None:
    """Requests come just when the one before ends, again and again."""
    nothing = worlds.operation(Kind.RESIZE, group="shop-v002", instances=2)
    async with stage.engine() as engine:

        async def keep_asking(who: int) -> list[Status]:
            requests = [nothing.model_copy(update={"id": f"r-{who}-{n}"}) for n in range(10)]
            return [(await stage.home.run(engine, request)).status for request in requests]

        answers = await asyncio.gather(*(keep_asking(who) for who in range(3)))
    assert {status for found in answers for status in found} == {Status.SUCCEEDED}


async def test_a_cancel_may_come_at_any_moment(stage: Stage) -> None:
    """Also just when the step that it interrupts has ended by itself."""
    chance = random.Random(5)

    async def cancel_soon(engine: Engine, deployment: str) -> None:
        await asyncio.sleep(chance.uniform(0, 0.4))
        try:
            record = await engine.cancel(deployment)
        except Conflict:
            return
        assert record.status not in (Status.RUNNING, Status.QUEUED), record.sentence

    async with stage.engine() as engine:
        for number in range(3, 18):
            await engine.submit(deploy(f"d-{number}", str(number)))
            await cancel_soon(engine, f"d-{number}")
            record = await stage.home.ended(f"d-{number}")
            assert record.status in (Status.SUCCEEDED, Status.ROLLED_BACK, Status.CANCELED)
            assert stage.home.pins() == {}, record.sentence
            assert sum(stage.home.shares().values()) == 1000


async def test_a_storm_of_superseding_requests_ends_with_the_last_one(stage: Stage) -> None:
    async with stage.engine() as engine:
        for number in range(3, 9):
            await engine.submit(deploy(f"d-{number}", str(number), on_busy=OnBusy.SUPERSEDING))
        records = [await stage.home.ended(f"d-{number}") for number in range(3, 9)]
        await stage.home.idle(engine)
    assert {r.status for r in records} <= {
        Status.SUCCEEDED,
        Status.ROLLED_BACK,
        Status.CANCELED,
    }
    assert stage.home.pins() == {}


async def test_a_step_costs_six_events_of_history(stage: Stage) -> None:
    """Each is a transaction of Temporal's: what a step costs beside its own work."""
    async with stage.engine() as engine:
        await engine.submit(deploy("d-1"))
        await stage.home.ended("d-1")
        await stage.home.idle(engine)
        events = (await engine.handle("shop").fetch_history()).events
    steps = len(await stage.home.steps("d-1"))
    at_both_ends = 16
    assert len(events) <= 6 * steps + at_both_ends
