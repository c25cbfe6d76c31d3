from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.engine.house import Gate, House
from tests.engine.wishes import deploy, roll_back
from tests.properties import worlds
from turnout.engine import options
from turnout.model.deployment import Kind, OnBusy, Status, StrategyName
from turnout.model.errors import Conflict, NotFound
from turnout.model.journal import StepState

BuildHouse = Callable[..., House]


async def test_one_at_a_time_in_the_order_of_their_arrival(house: BuildHouse) -> None:
    home = house(worlds.running())
    gate = Gate("ready")
    home.operations.before = gate
    async with home.working() as engine:
        await engine.submit(deploy("d-1", "3", by="ana"))
        await gate.wait()
        second = await engine.submit(deploy("d-2", "4"))
        third = await engine.submit(deploy("d-3", "5"))
        assert (second.status, second.sentence) == (
            Status.QUEUED,
            "waits for d-1 (deploy of version 3 by ana)",
        )
        assert third.sentence == "waits for d-2 (deploy of version 4)"
        gate.opened.set()
        records = [await home.ended(d) for d in ("d-1", "d-2", "d-3")]
        await home.idle(engine)
    assert [r.status for r in records] == [Status.SUCCEEDED] * 3
    for before, after in itertools.pairwise(records):
        assert before.ended_at and after.started_at
        assert before.ended_at <= after.started_at
    assert home.shares() == {"shop-v005": 1000}


async def test_two_at_the_same_moment_run_one_after_the_other(house: BuildHouse) -> None:
    home = house(worlds.running())
    working = 0

    async def alone(operation: object, context: object) -> None:
        nonlocal working
        working += 1
        assert working == 1
        await asyncio.sleep(0.01)
        working -= 1

    home.operations.before = alone
    async with home.working() as engine:
        await asyncio.gather(*(engine.submit(deploy(f"d-{n}", f"{n}")) for n in range(3, 7)))
        records = [await home.ended(f"d-{n}") for n in range(3, 7)]
    assert {r.status for r in records} == {Status.SUCCEEDED}
    new = [r.plan.new_group for r in records if r.plan]
    assert len(set(new)) == 4


async def test_of_two_that_do_not_want_to_wait_one_is_rejected(house: BuildHouse) -> None:
    home = house(worlds.running())
    async with home.working() as engine:
        await asyncio.gather(
            *(engine.submit(deploy(f"d-{n}", "3", on_busy=OnBusy.REJECTED)) for n in (1, 2))
        )
        records = [await home.ended(f"d-{n}") for n in (1, 2)]
    assert sorted(r.status for r in records) == [Status.REJECTED, Status.SUCCEEDED]
    (rejected,) = [r for r in records if r.status is Status.REJECTED]
    assert rejected.sentence.startswith("not begun: shop is busy with d-")


async def test_the_same_request_again_changes_nothing(house: BuildHouse) -> None:
    home = house(worlds.running())
    gate = Gate("ready")
    home.operations.before = gate
    async with home.working() as engine:
        await asyncio.gather(*(engine.submit(deploy("d-1")) for _ in range(3)))
        await gate.wait()
        assert (await engine.submit(deploy("d-1"))).status is Status.RUNNING
        await engine.submit(deploy("d-2", "4"))
        again = await engine.submit(deploy("d-2", "4"))
        assert again.sentence.startswith("waits for d-1")
        gate.opened.set()
        assert (await home.ended("d-1")).status is Status.SUCCEEDED
        assert (await home.ended("d-2")).status is Status.SUCCEEDED
        await home.idle(engine)
        assert (await engine.submit(deploy("d-1"))).status is Status.SUCCEEDED
    assert sorted(home.world.groups) == ["cart-v000", "shop-v003", "shop-v004"]


async def test_a_superseding_one_takes_the_running_one_back_and_goes_first(
    house: BuildHouse,
) -> None:
    home = house(worlds.running())
    gate = Gate("ready")
    home.operations.before = gate
    async with home.working() as engine:
        await engine.submit(deploy("d-1", "3"))
        await gate.wait()
        await engine.submit(deploy("d-2", "4"))
        third = await engine.submit(deploy("d-3", "5", on_busy=OnBusy.SUPERSEDING, by="bob"))
        assert third.status in (Status.QUEUED, Status.RUNNING)
        first = await home.ended("d-1")
        waiting = await home.journal.read_deployment("d-2")
        assert waiting.sentence == "waits for d-3 (deploy of version 5 by bob)"
        gate.opened.set()
        second, third = await home.ended("d-2"), await home.ended("d-3")
    assert first.status is Status.ROLLED_BACK
    assert first.cause == "superseded by d-3 (deploy of version 5 by bob)"
    assert (second.status, third.status) == (Status.SUCCEEDED, Status.SUCCEEDED)
    assert third.ended_at and second.started_at
    assert third.ended_at <= second.started_at


async def test_superseding_comes_too_late_for_what_only_clears_up(house: BuildHouse) -> None:
    home = house(worlds.running())
    gate = Gate("release-shop-v002")
    home.operations.before = gate
    async with home.working() as engine:
        await engine.submit(deploy("d-1", "3"))
        await gate.wait()
        await engine.submit(deploy("d-2", "4", on_busy=OnBusy.SUPERSEDING))
        gate.opened.set()
        assert (await home.ended("d-1")).status is Status.SUCCEEDED
        assert (await home.ended("d-2")).status is Status.SUCCEEDED


@pytest.mark.parametrize("step", ["ready", "watch"])
async def test_a_rollback_that_waited_for_what_was_taken_back_goes_no_further(
    house: BuildHouse, step: str
) -> None:
    home = house(worlds.running())
    gate = Gate(step)
    home.operations.before = gate
    async with home.working() as engine:
        await engine.submit(deploy("d-1", "3", watch=timedelta(minutes=1)))
        await gate.wait()
        for number, on_busy in ((2, OnBusy.SUPERSEDING), (3, OnBusy.QUEUED)):
            await engine.submit(roll_back(f"d-{number}", on_busy=on_busy))
        gate.opened.set()
        records = [await home.ended(f"d-{number}") for number in (1, 2, 3)]
        await home.idle(engine)
    assert [r.status for r in records] == [
        Status.ROLLED_BACK,
        Status.SUCCEEDED,
        Status.SUCCEEDED,
    ]
    assert home.shares() == {"shop-v002": 1000}
    assert records[1].plan is not None
    assert "d-1 left nothing to roll back" in " ".join(records[1].plan.notes)


async def test_a_rollback_that_waited_for_what_succeeded_goes_back_from_it(
    house: BuildHouse,
) -> None:
    home = house(worlds.running())
    gate = Gate("ready")
    home.operations.before = gate
    async with home.working() as engine:
        await engine.submit(deploy("d-1", "3"))
        await gate.wait()
        await engine.submit(roll_back("d-2"))
        gate.opened.set()
        records = [await home.ended(f"d-{number}") for number in (1, 2)]
    assert [r.status for r in records] == [Status.SUCCEEDED] * 2
    assert home.shares() == {"shop-v002": 1000}


async def test_a_waiting_one_is_cancelled_at_once_and_the_next_waits_for_another(
    house: BuildHouse,
) -> None:
    home = house(worlds.running())
    gate = Gate("ready")
    home.operations.before = gate
    async with home.working() as engine:
        await engine.submit(deploy("d-1", "3"))
        await gate.wait()
        await engine.submit(deploy("d-2", "4"))
        await engine.submit(deploy("d-3", "5"))
        canceled = await engine.cancel("d-2", by="ana", reason="changed my mind")
        assert (canceled.status, canceled.sentence) == (
            Status.CANCELED,
            "cancelled while it waited: ana: changed my mind",
        )
        third = await home.become("d-3", lambda record: "d-1" in record.sentence)
        assert third.status is Status.QUEUED
        gate.opened.set()
        assert (await home.ended("d-1")).status is Status.SUCCEEDED
        assert (await home.ended("d-3")).status is Status.SUCCEEDED
    assert await home.steps("d-2") == ()


async def test_what_nobody_knows_cannot_be_cancelled_or_answered(house: BuildHouse) -> None:
    home = house(worlds.running())
    async with home.working() as engine:
        with pytest.raises(NotFound, match="d-9"):
            await engine.cancel("d-9")


async def test_a_queue_has_an_end(house: BuildHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "QUEUE_LIMIT", 2)
    home = house(worlds.running())
    gate = Gate("ready")
    home.operations.before = gate
    async with home.working() as engine:
        for number in range(3):
            await engine.submit(deploy(f"d-{number}"))
            await gate.wait()
        with pytest.raises(Conflict, match="2 deployments of shop wait already"):
            await engine.submit(deploy("d-9"))
        gate.opened.set()
        await home.ended("d-2")


async def test_a_cluster_that_is_not_busy_has_no_workflow(house: BuildHouse) -> None:
    home = house(worlds.running())
    async with home.working() as engine:
        for number in range(3, 6):
            await home.run(engine, deploy(f"d-{number}", str(number)))
            await home.idle(engine)


async def test_no_request_is_lost_while_a_workflow_ends(house: BuildHouse) -> None:
    """Requests come just when the one before ends, again and again."""
    home = house(worlds.running())
    nothing = worlds.operation(Kind.RESIZE, group="shop-v002", instances=2)
    async with home.working() as engine:

        async def keep_asking(who: int) -> list[Status]:
            found = []
            for number in range(12):
                request = nothing.model_copy(update={"id": f"r-{who}-{number}"})
                found.append((await home.run(engine, request)).status)
            return found

        answers = await asyncio.gather(*(keep_asking(who) for who in range(3)))
    assert {status for found in answers for status in found} == {Status.SUCCEEDED}


async def test_clusters_do_not_wait_for_each_other(house: BuildHouse) -> None:
    home = house(worlds.running())
    gate = Gate("ready")
    home.operations.before = gate
    cart = worlds.operation(Kind.RESIZE, group="cart-v000", instances=2)
    async with home.working() as engine:
        await engine.submit(deploy("d-1"))
        await gate.wait()
        gate.step = "nothing else"
        record = await home.run(engine, cart.model_copy(update={"id": "d-2", "cluster": "cart"}))
        assert record.status is Status.SUCCEEDED
        gate.opened.set()
        await home.ended("d-1")


async def test_a_cancel_before_the_first_look_touches_nothing(
    house: BuildHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = house(worlds.running())
    looking = asyncio.Event()

    async def stare(cluster: str) -> None:
        looking.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(home.operations, "observe", stare)
    async with home.working() as engine:
        await engine.submit(deploy("d-1"))
        await looking.wait()
        record = await engine.cancel("d-1", by="ana")
    assert (record.status, record.sentence) == (
        Status.CANCELED,
        "cancelled before it began: ana",
    )
    assert await home.steps("d-1") == ()


async def test_every_status_and_step_is_told_to_those_who_follow(house: BuildHouse) -> None:
    home = house(worlds.running())
    async with home.working() as engine:
        await home.run(engine, deploy("d-1"))
    events = await home.journal.read_events(after=0, deployment="d-1")
    told = [e.data["status"] for e in events if e.kind == "deployment.status"]
    assert told == [Status.QUEUED, Status.RUNNING, Status.SUCCEEDED]
    started = [e.data["step"] for e in events if e.kind == "step.started"]
    ended = [e.data["step"] for e in events if e.kind == "step.ended"]
    steps = await home.steps("d-1")
    assert started == ended == [s.step for s in steps]


async def test_what_a_step_waits_for_can_be_read_while_it_waits(house: BuildHouse) -> None:
    made = worlds.running()
    made.broken = frozenset({"shop-v003"})
    home = house(made)
    request = worlds.deploy(StrategyName.BLUE_GREEN, ready_deadline=timedelta(minutes=5))
    async with home.working() as engine:
        await engine.submit(request)
        async with asyncio.timeout(60):
            while True:
                waiting = [s.waiting_for for s in await home.steps("d-1") if s.step == "ready"]
                if waiting and "0 of 2 healthy" in waiting[0]:
                    break
                await asyncio.sleep(0.02)
        (ready,) = [s for s in await home.steps("d-1") if s.step == "ready"]
        assert ready.state is StepState.RUNNING
        assert ready.deadline == ready.started_at + timedelta(minutes=5)
        await engine.cancel("d-1")
        assert (await home.ended("d-1")).status is Status.ROLLED_BACK
