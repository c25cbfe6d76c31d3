from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from tests.engine.house import Gate
from tests.engine.wishes import PAUSING, deploy, fail_at
from tests.integration.temporal.stage import Stage, build_house, until
from tests.properties import worlds
from turnout.engine.records import waiting_record
from turnout.engine.temporal_server import running_temporal
from turnout.model.deployment import Status, StrategyName
from turnout.model.journal import StepState

RESUMED_WITHIN = 15.0
"""Seconds. Promised are 5 on an idle machine; below what the watchdog takes for stuck."""


async def test_a_deployment_outlives_a_killed_temporal(stage: Stage) -> None:
    gate = Gate("ready")
    stage.home.operations.before = gate
    async with stage.engine() as engine:
        await engine.submit(worlds.deploy(StrategyName.BLUE_GREEN))
        await gate.wait()
        first = stage.kill_temporal()
        gate.opened.set()
        await stage.came_back(first)
        began = time.monotonic()
        record = await stage.home.ended("d-1")
        took = time.monotonic() - began
    assert record.status is Status.SUCCEEDED
    assert took < RESUMED_WITHIN
    assert stage.home.shares() == {"shop-v003": 1000}


async def test_deployments_outlive_one_kill_after_another(stage: Stage) -> None:
    async with stage.engine() as engine:
        for number in range(3, 7):
            await engine.submit(deploy(f"d-{number}", str(number)))
        for _ in range(3):
            killed = stage.kill_temporal()
            await stage.came_back(killed)
            await asyncio.sleep(0.5)  # let it get somewhere before the next one
        records = [await stage.home.ended(f"d-{number}") for number in range(3, 7)]
        await stage.home.idle(engine)
    assert {r.status for r in records} == {Status.SUCCEEDED}, [r.sentence for r in records]
    assert stage.home.shares() == {"shop-v006": 1000}
    assert stage.home.pins() == {}


async def test_an_engine_stops_while_temporal_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "temporal"
    async with running_temporal(folder) as address:
        stage = Stage(folder, address, build_house(worlds.running()))
        gate = Gate("ready")
        stage.home.operations.before = gate
        engine_runs = stage.engine()
        engine = await engine_runs.__aenter__()
        await engine.submit(worlds.deploy(StrategyName.BLUE_GREEN))
        await gate.wait()
    async with asyncio.timeout(60):
        await engine_runs.__aexit__(None, None, None)
    assert gate.interrupted == 1


async def test_a_step_of_a_stopped_engine_is_done_by_the_next_one(stage: Stage) -> None:
    gate = Gate("ready")
    stage.home.operations.before = gate
    async with stage.engine() as engine:
        await engine.submit(worlds.deploy(StrategyName.BLUE_GREEN))
        await gate.wait()
    assert gate.interrupted == 1
    (ready,) = [s for s in await stage.home.steps("d-1") if s.step == "ready"]
    assert ready.state is StepState.RUNNING
    stage.home.operations.before = None
    began = time.monotonic()
    async with stage.engine() as engine:
        record = await stage.home.ended("d-1")
        took = time.monotonic() - began
        await stage.home.idle(engine)
    assert record.status is Status.SUCCEEDED
    assert took < RESUMED_WITHIN
    (ready,) = [s for s in await stage.home.steps("d-1") if s.step == "ready"]
    assert (ready.state, ready.attempts) == (StepState.SUCCEEDED, 2)


async def test_a_step_of_a_killed_worker_is_done_within_seconds(
    stage: Stage, tmp_path: Path
) -> None:
    """Another process submits, hangs in the first step, and is killed there."""
    hangs = tmp_path / "hangs"
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.temporal.hung_worker"),
        *(stage.address, str(hangs)),
        cwd=Path(__file__).parents[3],
    )
    try:
        await until(hangs.exists, "the worker hangs in its step")
    finally:
        worker.kill()
        await worker.wait()
    # What that process had in its memory is written down, as its journal would be.
    record = waiting_record(worlds.deploy(StrategyName.BLUE_GREEN), None)
    record = record.model_copy(update={"status": Status.RUNNING})
    await stage.home.journal.record_deployment(record)
    began = time.monotonic()
    async with stage.engine() as engine:
        record = await stage.home.ended("d-1")
        took = time.monotonic() - began
        await stage.home.idle(engine)
    assert record.status is Status.SUCCEEDED
    assert took < RESUMED_WITHIN


async def test_with_the_database_lost_deployments_end_and_say_where_traffic_is(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "temporal"
    home = build_house(worlds.running())
    home.operations.before = fail_at("ready")
    async with running_temporal(folder) as address, Stage(folder, address, home).engine() as engine:
        await engine.submit(PAUSING)
        await home.status("d-1", Status.PAUSED)
    for file in folder.glob("temporal.db*"):
        file.unlink()
    async with running_temporal(folder) as address, Stage(folder, address, home).engine():
        record = await home.ended("d-1")
    assert record.status is Status.FAILED
    assert "traffic is on shop-v002 (100 %, 2 of 2 healthy)" in record.sentence
    assert home.pins() == {}
