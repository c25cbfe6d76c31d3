from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.engine.house import Gate, House
from tests.engine.wishes import PAUSING, deploy, fail_at
from tests.properties import worlds
from turnout.engine.watchdog import Watchdog
from turnout.model.deployment import Status
from turnout.model.journal import StepState
from turnout.model.plan import StepAnswer
from turnout.strategies import progress
from turnout.strategies.progress import Progress

BuildHouse = Callable[..., House]


async def test_what_runs_and_what_waits_is_not_lost(house: BuildHouse) -> None:
    home = house(worlds.running())
    gate = Gate("ready")
    home.operations.before = gate
    async with home.working() as engine:
        await engine.submit(deploy("d-1"))
        await gate.wait()
        await engine.submit(deploy("d-2", "4"))
        assert await Watchdog(engine, home.journal).reconcile() == ()
        gate.opened.set()
        assert (await home.ended("d-1")).status is Status.SUCCEEDED
        assert (await home.ended("d-2")).status is Status.SUCCEEDED
        assert await Watchdog(engine, home.journal).reconcile() == ()


async def test_a_lost_deployment_is_cleared_up_after_and_says_where_traffic_is(
    house: BuildHouse,
) -> None:
    home = house(worlds.running())
    home.operations.before = fail_at("ready")
    async with home.working() as engine:
        await engine.submit(PAUSING)
        await home.status("d-1", Status.PAUSED)
        assert home.pins() == {"shop-v002": 2}
        await engine.handle("shop").terminate()
        assert await Watchdog(engine, home.journal).reconcile() == ("d-1",)
        record = await home.ended("d-1")
        await home.idle(engine)
        assert await Watchdog(engine, home.journal).reconcile() == ()
    assert record.status is Status.FAILED
    assert record.sentence == (
        "lost by the engine on its way: traffic is on shop-v002 (100 %, 2 of 2 healthy); "
        "shop-v003 is left without traffic: turnout destroy shop-v003"
    )
    assert record.question is None
    assert home.pins() == {}


async def test_a_lost_step_is_not_left_running(house: BuildHouse) -> None:
    home = house(worlds.running())
    gate = Gate("ready")
    home.operations.before = gate
    async with home.working() as engine:
        await engine.submit(deploy("d-1"))
        await gate.wait()
        await engine.handle("shop").terminate()
        await Watchdog(engine, home.journal).reconcile()
        await home.ended("d-1")
        states = {s.step: s.state for s in await home.steps("d-1")}
    assert states["ready"] is StepState.FAILED


async def test_a_lost_request_that_waited_says_that_nothing_was_touched(
    house: BuildHouse,
) -> None:
    home = house(worlds.running())
    gate = Gate("ready")
    home.operations.before = gate
    async with home.working() as engine:
        await engine.submit(deploy("d-1"))
        await gate.wait()
        await engine.submit(deploy("d-2", "4"))
        await engine.handle("shop").terminate()
        assert set(await Watchdog(engine, home.journal).reconcile()) == {"d-1", "d-2"}
        record = await home.ended("d-2")
        await home.ended("d-1")
    assert record.status is Status.FAILED
    assert "nothing was touched" in record.sentence


async def test_clearing_up_waits_for_the_deployment_that_runs_and_spares_its_pins(
    house: BuildHouse,
) -> None:
    home = house(worlds.running())
    home.operations.before = fail_at("ready")
    async with home.working() as engine:
        await engine.submit(PAUSING)
        await home.status("d-1", Status.PAUSED)
        await engine.handle("shop").terminate()
        gate = Gate("ready")
        home.operations.before = gate
        await engine.submit(deploy("d-2", "4"))
        await gate.wait()
        assert await Watchdog(engine, home.journal).reconcile() == ("d-1",)
        assert home.pins() == {"shop-v002": 2}
        assert not (await home.journal.read_deployment("d-1")).status.is_end
        gate.opened.set()
        assert (await home.ended("d-2")).status is Status.SUCCEEDED
        assert (await home.ended("d-1")).status is Status.FAILED


async def test_a_deployment_that_meets_a_bug_ends(
    house: BuildHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(earlier: Progress, answer: StepAnswer, now: datetime) -> Progress:
        raise RuntimeError("a bug")

    home = house(worlds.running())
    monkeypatch.setattr(progress, "advance", broken)
    async with home.working() as engine:
        await engine.submit(deploy("d-1"))
        async with asyncio.timeout(60):
            while not await Watchdog(engine, home.journal).reconcile():
                await asyncio.sleep(0.05)
        record = await home.ended("d-1")
    assert record.status is Status.FAILED
    assert "traffic is on shop-v002" in record.sentence
    assert home.pins() == {}
