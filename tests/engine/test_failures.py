from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.engine.house import Gate, House, until
from tests.engine.wishes import REQUESTS, assert_untouched, fail_at
from tests.properties import worlds
from turnout.engine import options
from turnout.engine.operations import OperationContext
from turnout.model.deployment import Kind, Request, Status, StrategyName
from turnout.model.errors import Conflict, Permanent, Temporary
from turnout.model.journal import DeploymentRecord, StepState
from turnout.model.plan import Delay, DrainGroup, Operation, Plan
from turnout.model.traffic import GroupTraffic
from turnout.strategies import plan_deployment

BuildHouse = Callable[..., House]


async def planned(home: House, request: Request) -> Plan:
    return plan_deployment(request, await home.operations.observe("shop"))


@pytest.mark.parametrize("strategy", list(StrategyName))
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_failure_of_any_step_takes_everything_back(
    house: BuildHouse, strategy: StrategyName, moment: str
) -> None:
    plan = await planned(house(worlds.running()), REQUESTS[strategy])
    for step in plan.steps[: plan.commit]:
        if isinstance(step.operation, Delay | DrainGroup):
            continue  # neither ever fails
        home, before = house(worlds.running()), worlds.running()
        setattr(home.operations, moment, fail_at(step.id))
        async with home.working() as engine:
            record = await home.run(engine, REQUESTS[strategy])
            await home.idle(engine)
        assert record.status is Status.ROLLED_BACK, f"{step.id}: {record.sentence}"
        assert record.cause == "told to fail"
        assert record.detected_at and record.decided_at and record.ended_at
        assert_untouched(home, before, step.id)
        failed = [s for s in await home.steps(record.id) if s.step == step.id]
        assert [s.state for s in failed] == [StepState.FAILED]


@pytest.mark.parametrize("strategy", list(StrategyName))
async def test_a_cancel_at_any_step_takes_everything_back(
    house: BuildHouse, strategy: StrategyName
) -> None:
    plan = await planned(house(worlds.running()), REQUESTS[strategy])
    for step, following in itertools.pairwise(plan.steps[: plan.commit + 1]):
        interruptible = options.is_interruptible(step.operation)
        is_last = following is plan.steps[plan.commit]
        if isinstance(step.operation, Delay) or (is_last and not interruptible):
            continue  # has a test of its own; is done when it is waited for
        home, before = house(worlds.running()), worlds.running()
        gate = Gate(step.id)
        home.operations.before = gate
        async with home.working() as engine:
            await engine.submit(REQUESTS[strategy])
            await gate.wait()
            canceling = asyncio.create_task(engine.cancel("d-1", by="ana", reason="wrong version"))
            if not interruptible:
                await home.accepted(engine, options.CANCEL)
                gate.opened.set()
            record = await canceling
            assert record.status in (Status.ROLLING_BACK, Status.ROLLED_BACK), step.id
            record = await home.ended("d-1")
            await home.idle(engine)
        assert record.status is Status.ROLLED_BACK, f"{step.id}: {record.sentence}"
        assert record.cause == "ana: wrong version"
        assert_untouched(home, before, step.id)
        taken = [s.step for s in await home.steps("d-1")]
        if gate.interrupted:
            assert following.id not in taken, step.id
            canceled = [s for s in await home.steps("d-1") if s.step == step.id]
            assert [s.state for s in canceled] == [StepState.CANCELED], step.id


async def test_a_change_is_waited_for_before_a_cancel_takes_effect(house: BuildHouse) -> None:
    home = house(worlds.running())
    gate = Gate("create")
    home.operations.before = gate
    async with home.working() as engine:
        await engine.submit(REQUESTS[StrategyName.BLUE_GREEN])
        await gate.wait()
        canceling = asyncio.create_task(engine.cancel("d-1"))
        await home.accepted(engine, options.CANCEL)
        await asyncio.sleep(0.3)  # long enough for an interruption, were there one
        assert not canceling.done()
        assert not gate.interrupted
        gate.opened.set()
        assert (await canceling).status is Status.ROLLING_BACK
        record = await home.ended("d-1")
    assert record.status is Status.ROLLED_BACK
    (created,) = [s for s in await home.steps("d-1") if s.step == "create"]
    assert created.state is StepState.SUCCEEDED


async def test_a_cancel_in_a_delay_ends_the_delay(house: BuildHouse) -> None:
    home = house(worlds.running())
    request = worlds.deploy(StrategyName.BLUE_GREEN, delay_before_switch=timedelta(hours=1))
    async with home.working() as engine:
        await engine.submit(request)

        async def delaying() -> bool:
            return any(s.step == "delay" for s in await home.steps("d-1"))

        while not await delaying():
            await asyncio.sleep(0.01)
        record = await engine.cancel("d-1")
        assert record.status is Status.ROLLING_BACK
        record = await home.ended("d-1")
    assert record.status is Status.ROLLED_BACK
    (delay,) = [s for s in await home.steps("d-1") if s.step == "delay"]
    assert delay.state is StepState.CANCELED
    assert delay.deadline == delay.started_at + timedelta(hours=1)


async def test_a_delay_keeps_the_time_at_which_it_began(house: BuildHouse) -> None:
    home = house(worlds.running())
    wait = timedelta(milliseconds=300)
    async with home.working() as engine:
        await home.run(engine, worlds.deploy(StrategyName.BLUE_GREEN, delay_before_switch=wait))
    (delay,) = [s for s in await home.steps("d-1") if s.step == "delay"]
    assert delay.ended_at is not None
    assert delay.ended_at - delay.started_at >= wait


async def test_it_is_too_late_to_cancel_what_only_clears_up(house: BuildHouse) -> None:
    home = house(worlds.running())
    gate = Gate("release-shop-v002")
    home.operations.before = gate
    async with home.working() as engine:
        await engine.submit(worlds.deploy(StrategyName.BLUE_GREEN))
        await gate.wait()
        with pytest.raises(Conflict, match="turnout rollback"):
            await engine.cancel("d-1")
        gate.opened.set()
        assert (await home.ended("d-1")).status is Status.SUCCEEDED
        with pytest.raises(Conflict, match="it has ended"):
            await engine.cancel("d-1")


async def test_temporary_trouble_is_tried_again_and_counted(house: BuildHouse) -> None:
    home = house(worlds.running())
    troubles = 2

    async def fault(operation: Operation, context: OperationContext) -> None:
        nonlocal troubles
        if context.step == "switch" and troubles:
            troubles -= 1
            raise Temporary("the router is busy")

    home.operations.before = fault
    async with home.working() as engine:
        record = await home.run(engine, worlds.deploy(StrategyName.BLUE_GREEN))
    assert record.status is Status.SUCCEEDED
    (switch,) = [s for s in await home.steps("d-1") if s.step == "switch"]
    assert (switch.attempts, switch.state) == (3, StepState.SUCCEEDED)


@pytest.mark.parametrize("error", [Temporary("still busy"), ValueError("a bug")])
async def test_lasting_trouble_is_a_failure(
    house: BuildHouse, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "STUCK_AFTER", timedelta(seconds=0.5))
    home = house(worlds.running())

    async def fault(operation: Operation, context: OperationContext) -> None:
        if context.step == "switch":
            raise error

    home.operations.before = fault
    async with home.working() as engine:
        record = await home.run(engine, worlds.deploy(StrategyName.BLUE_GREEN))
    assert record.status is Status.ROLLED_BACK
    assert str(error) in record.cause
    (switch,) = [s for s in await home.steps("d-1") if s.step == "switch"]
    assert switch.state is StepState.FAILED
    assert switch.attempts > 1


async def test_permanent_trouble_is_not_tried_again(house: BuildHouse) -> None:
    home = house(worlds.running())

    async def fault(operation: Operation, context: OperationContext) -> None:
        if context.step == "create":
            raise Permanent("the disk is full")

    home.operations.before = fault
    async with home.working() as engine:
        record = await home.run(engine, worlds.deploy(StrategyName.BLUE_GREEN))
    assert (record.status, record.cause) == (Status.ROLLED_BACK, "the disk is full")
    (create,) = [s for s in await home.steps("d-1") if s.step == "create"]
    assert create.attempts == 1


async def test_what_the_new_group_failed_is_counted_until_traffic_is_back(
    house: BuildHouse,
) -> None:
    home = house(worlds.running())
    home.world.traffic["shop-v003"] = GroupTraffic(requests=100, failed=7)
    home.operations.after = fail_at("watch")
    async with home.working() as engine:
        record = await home.run(engine, REQUESTS[StrategyName.BLUE_GREEN])
    assert record.status is Status.ROLLED_BACK
    assert record.failed_requests == 7
    assert record.switched_at and record.returned_at
    assert record.switched_at <= record.returned_at
    assert record.sentence.startswith("rolled back, traffic is back on shop-v002")


async def test_a_rollback_names_what_it_reverses(house: BuildHouse) -> None:
    home = house(worlds.running())
    home.world.traffic["shop-v003"] = GroupTraffic(requests=100, failed=9)
    back = worlds.operation(Kind.ROLLBACK).model_copy(update={"id": "d-2"})
    async with home.working() as engine:
        first = await home.run(engine, worlds.deploy(StrategyName.BLUE_GREEN))
        record = await home.run(engine, back)
    assert first.status is Status.SUCCEEDED
    assert record.status is Status.SUCCEEDED, record.sentence
    assert home.shares() == {"shop-v002": 1000}
    assert record.reverses == "d-1"
    assert record.failed_requests == 9
    assert record.decided_at == back.requested_at
    assert record.returned_at == record.switched_at
    assert await home.journal.observe_hold("shop")


async def test_a_refused_deployment_ends_before_anything_is_touched(house: BuildHouse) -> None:
    home, before = house(worlds.running()), worlds.running()
    request = worlds.deploy(StrategyName.BLUE_GREEN).model_copy(update={"fingerprint": "old"})
    async with home.working() as engine:
        record = await home.run(engine, request)
    assert (record.status, record.plan and record.plan.refused_rule) == (
        Status.REFUSED,
        "stale_plan",
    )
    assert_untouched(home, before, "refused")
    assert await home.steps("d-1") == ()


async def test_a_deployment_with_nothing_to_do_succeeds_and_says_so(house: BuildHouse) -> None:
    home = house(worlds.running())
    request = worlds.operation(Kind.RESIZE, group="shop-v002", instances=2)
    async with home.working() as engine:
        record: DeploymentRecord = await home.run(engine, request)
    assert record.status is Status.SUCCEEDED
    assert "nothing to do" in record.sentence


async def test_a_cluster_that_cannot_be_observed_fails_its_deployment_untouched(
    house: BuildHouse, temporal: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = house(worlds.running())
    looks = 0

    async def blind(cluster: str) -> None:
        nonlocal looks
        looks += 1
        raise Temporary("the disk is asleep")

    monkeypatch.setattr(home.operations, "observe", blind)
    async with home.working() as engine:
        await engine.submit(worlds.deploy(StrategyName.BLUE_GREEN))
        await until(lambda: looks > 2, "it is tried again")
        await temporal.sleep(options.OBSERVING + timedelta(minutes=1))
        record = await home.ended("d-1")
    assert record.status is Status.FAILED
    assert "the disk is asleep" in record.sentence
    assert "Nothing was touched" in record.sentence
