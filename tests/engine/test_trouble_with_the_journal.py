from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engine.house import House
from tests.engine.wishes import assert_untouched, fail_at
from tests.properties import worlds
from turnout.engine import client, options
from turnout.model.deployment import Status, StrategyName
from turnout.model.errors import Temporary
from turnout.model.journal import DeploymentRecord, StepRecord

BuildHouse = Callable[..., House]


async def test_a_journal_that_cannot_be_written_refuses_requests(
    house: BuildHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = house(worlds.running())
    monkeypatch.setattr(client, "PATIENCE", options.WRITING)

    async def full(record: DeploymentRecord) -> None:
        raise Temporary("the disk is full")

    monkeypatch.setattr(home.journal, "record_deployment", full)
    async with home.working() as engine:
        with pytest.raises(Temporary, match="the disk is full"):
            await engine.submit(worlds.deploy(StrategyName.BLUE_GREEN))
        await home.idle(engine)
    assert_untouched(home, worlds.running(), "refused")


async def test_a_journal_that_cannot_be_written_does_not_hold_up_the_way_back(
    house: BuildHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "STUCK_AFTER", options.WRITING / 50)
    home = house(worlds.running())
    home.operations.after = fail_at("switch")
    real = home.journal.record_step
    is_full = True

    async def record_step(record: StepRecord) -> None:
        if is_full and record.way_back:
            raise Temporary("the disk is full")
        await real(record)

    monkeypatch.setattr(home.journal, "record_step", record_step)
    async with home.working() as engine:
        record = await home.run(engine, worlds.deploy(StrategyName.BLUE_GREEN))
    assert record.status is Status.ROLLED_BACK
    assert_untouched(home, worlds.running(), "back")


async def test_an_end_is_written_down_as_soon_as_that_is_possible(
    house: BuildHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = house(worlds.running())
    real = home.journal.record_deployment
    refused = 0

    async def record_deployment(record: DeploymentRecord) -> None:
        nonlocal refused
        if record.status.is_end and refused < 3:
            refused += 1
            raise Temporary("the disk is full")
        await real(record)

    monkeypatch.setattr(home.journal, "record_deployment", record_deployment)
    async with home.working() as engine:
        record = await home.run(engine, worlds.deploy(StrategyName.BLUE_GREEN))
    assert record.status is Status.SUCCEEDED
    assert refused == 3
