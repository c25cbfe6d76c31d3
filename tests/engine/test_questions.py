from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.engine.house import House, until
from tests.engine.wishes import PAUSING, fail_at
from tests.properties import worlds
from turnout.engine.operations import OperationContext
from turnout.model.deployment import Choice, Status, StrategyName
from turnout.model.errors import Conflict
from turnout.model.plan import Operation, StepAnswer
from turnout.strategies.progress import ASK_FOR, TRIES

BuildHouse = Callable[..., House]


@pytest.mark.parametrize(
    ("choice", "status"),
    [
        (Choice.RETRY, Status.SUCCEEDED),
        (Choice.ROLLBACK, Status.ROLLED_BACK),
        (Choice.STOP, Status.FAILED),
    ],
)
async def test_a_paused_deployment_does_what_a_person_answers(
    house: BuildHouse, choice: Choice, status: Status
) -> None:
    home = house(worlds.running())
    home.operations.before = fail_at("ready")
    async with home.working() as engine:
        await engine.submit(PAUSING)
        paused = await home.status("d-1", Status.PAUSED)
        assert paused.question is not None
        assert "told to fail" in paused.question.sentence
        home.operations.before = None
        answered = await engine.answer("d-1", choice, by="ana", comment="seen worse")
        assert answered.status is not Status.PAUSED
        assert (await home.ended("d-1")).status is status
    assert home.pins() == {}
    events = await home.journal.read_events(after=0, deployment="d-1")
    (told,) = [e.sentence for e in events if e.kind == "deployment.answered"]
    assert told == f"ana answered {choice}: seen worse"


async def test_an_answer_that_was_not_offered_is_refused(house: BuildHouse) -> None:
    home = house(worlds.running())
    home.operations.before = fail_at("ready")
    async with home.working() as engine:
        await engine.submit(PAUSING)
        await home.status("d-1", Status.PAUSED)
        with pytest.raises(Conflict, match="the answers are: retry, rollback, stop"):
            await engine.answer("d-1", Choice.CONTINUE)
        await engine.answer("d-1", Choice.STOP)
        await home.ended("d-1")
        with pytest.raises(Conflict, match="it has ended"):
            await engine.answer("d-1", Choice.RETRY)


async def test_a_running_deployment_has_no_question_to_answer(house: BuildHouse) -> None:
    made = worlds.running()
    made.broken = frozenset({"shop-v003"})
    home = house(made)
    request = worlds.deploy(StrategyName.BLUE_GREEN, ready_deadline=timedelta(minutes=5))
    async with home.working() as engine:
        await engine.submit(request)
        await home.status("d-1", Status.RUNNING)
        with pytest.raises(Conflict, match="not paused"):
            await engine.answer("d-1", Choice.RETRY)
        await engine.cancel("d-1")
        await home.ended("d-1")


async def test_a_paused_deployment_can_be_cancelled(house: BuildHouse) -> None:
    home = house(worlds.running())
    home.operations.before = fail_at("ready")
    async with home.working() as engine:
        await engine.submit(PAUSING)
        await home.status("d-1", Status.PAUSED)
        record = await engine.cancel("d-1")
        assert record.status in (Status.ROLLING_BACK, Status.ROLLED_BACK)
        assert (await home.ended("d-1")).status is Status.ROLLED_BACK


async def test_a_question_that_nobody_answers_is_answered_by_its_default(
    house: BuildHouse, temporal: WorkflowEnvironment
) -> None:
    home = house(worlds.running())
    home.operations.before = fail_at("ready")
    async with home.working() as engine:
        await engine.submit(PAUSING)
        await home.status("d-1", Status.PAUSED)
        await temporal.sleep(ASK_FOR - timedelta(minutes=1))
        assert (await home.journal.read_deployment("d-1")).status is Status.PAUSED
        await temporal.sleep(timedelta(minutes=2))
        assert (await home.ended("d-1")).status is Status.ROLLED_BACK


async def test_a_way_back_in_trouble_goes_on_for_days_with_a_bounded_history(
    house: BuildHouse, temporal: WorkflowEnvironment
) -> None:
    """It pauses, asks, and tries again; its workflow begins new runs meanwhile."""
    home = house(worlds.running(), history_limit=150)
    tries = 0
    is_broken = True

    async def fault(operation: Operation, context: OperationContext) -> StepAnswer | None:
        nonlocal tries
        if context.step == "ready":
            return StepAnswer(ok=False, sentence="told to fail")
        if context.step == "back-destroy-shop-v003" and is_broken:
            tries += 1
            return StepAnswer(ok=False, sentence="it does not go away")
        return None

    home.operations.before = fault
    async with home.working() as engine:
        await engine.submit(worlds.deploy(StrategyName.BLUE_GREEN))
        await home.become("d-1", lambda record: "attempt 1 failed" in record.sentence)
        runs = set()
        while tries < 10 * TRIES:
            await temporal.sleep(timedelta(minutes=2))
            description = await engine.handle("shop").describe()
            runs.add(description.run_id)
            assert description.history_length < 250
        paused = await home.journal.read_deployment("d-1")
        assert paused.status in (Status.PAUSED, Status.ROLLING_BACK)
        is_broken = False
        await temporal.sleep(timedelta(minutes=2))
        record = await home.ended("d-1")
        await until(lambda: "shop-v003" not in home.world.groups, "the failed group is gone")
    assert record.status is Status.ROLLED_BACK
    assert len(runs) > 1
    numbers = [s.number for s in await home.steps("d-1")]
    assert numbers == list(range(1, len(numbers) + 1))
