"""What `Journal` and `Archive` promise together: in memory, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from tests.contract.records import (
    NOON,
    a_check,
    a_deployment,
    a_split,
    a_step,
    a_whole_deployment,
    an_event,
    minutes,
)
from tests.contract.stores import Store, prepared_url
from turnout.model.checks import Verdict
from turnout.model.deployment import FOLLOWS, Status
from turnout.model.errors import Conflict, NotFound
from turnout.model.journal import StepState
from turnout.store.sql import SqlStore
from turnout.testing import MemoryJournal

ENDS = sorted(status for status in Status if status.is_end)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryJournal()
        return
    async with SqlStore(prepared_url(request.param, tmp_path, request)) as made:
        yield made


async def _reach(store: Store, status: Status) -> None:
    """Record d-1 on a legal way to a status."""
    if status in (Status.REJECTED, Status.CANCELED):
        await store.record_deployment(a_deployment(status=Status.QUEUED))
    elif status is not Status.QUEUED:
        await store.record_deployment(a_deployment(status=Status.RUNNING))
    await store.record_deployment(a_deployment(status=status, cause="first"))


async def test_all_that_a_deployment_did_is_read_back_as_it_was_written(store: Store) -> None:
    records, steps, splits, checks, events = a_whole_deployment("d-1", NOON)
    for record in records:
        await store.record_deployment(record)
    for step in steps:
        await store.record_step(step)
    for split in splits:
        await store.record_split(split)
    for check in checks:
        await store.record_check(check)
    numbered = [await store.record_event(event) for event in events]

    assert await store.read_deployment("d-1") == records[-1]
    assert await store.read_steps("d-1") == (tuple(steps), tuple(splits), tuple(checks))
    assert await store.read_events(after=0, deployment="d-1") == tuple(numbered)


async def test_an_unknown_deployment_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="d-9"):
        await store.read_deployment("d-9")
    assert await store.read_steps("d-9") == ((), (), ())


async def test_a_record_of_the_same_deployment_takes_the_place_of_the_one_before(
    store: Store,
) -> None:
    await store.record_deployment(a_deployment(status=Status.QUEUED))
    await store.record_deployment(a_deployment(status=Status.RUNNING))
    last = a_deployment(status=Status.RUNNING, started_at=minutes(1))
    await store.record_deployment(last)
    assert await store.list_deployments() == (last,)


async def test_a_way_that_the_table_of_statuses_allows_is_recorded(store: Store) -> None:
    way = [
        Status.QUEUED,
        Status.RUNNING,
        Status.PAUSED,
        Status.RUNNING,
        Status.ROLLING_BACK,
        Status.PAUSED,
        Status.ROLLING_BACK,
        Status.ROLLED_BACK,
    ]
    for status in way:
        await store.record_deployment(a_deployment(status=status))
        assert (await store.read_deployment("d-1")).status is status


@pytest.mark.parametrize("end", ENDS)
async def test_an_end_is_never_overwritten_by_a_late_record(store: Store, end: Status) -> None:
    await _reach(store, end)
    for late in Status:
        if not late.is_end:
            await store.record_deployment(a_deployment(status=late, cause="late"))
    found = await store.read_deployment("d-1")
    assert (found.status, found.cause) == (end, "first")


@pytest.mark.parametrize("end", ENDS)
async def test_an_end_is_never_followed_by_another_end(store: Store, end: Status) -> None:
    await _reach(store, end)
    for other in ENDS:
        if other is not end:
            with pytest.raises(Conflict, match=f"{end} cannot become {other}"):
                await store.record_deployment(a_deployment(status=other))
    assert (await store.read_deployment("d-1")).status is end


async def test_an_end_may_be_told_again_with_more_to_say(store: Store) -> None:
    await _reach(store, Status.ROLLED_BACK)
    told_again = a_deployment(status=Status.ROLLED_BACK, failed_requests=3)
    await store.record_deployment(told_again)
    assert await store.read_deployment("d-1") == told_again


@pytest.mark.parametrize(
    ("now", "late"),
    [
        (Status.RUNNING, Status.QUEUED),
        (Status.PAUSED, Status.QUEUED),
        (Status.ROLLING_BACK, Status.RUNNING),
    ],
)
async def test_an_earlier_status_that_comes_late_changes_nothing(
    store: Store, now: Status, late: Status
) -> None:
    await _reach(store, now)
    await store.record_deployment(a_deployment(status=late))
    assert (await store.read_deployment("d-1")).status is now


async def test_a_status_that_could_never_follow_is_refused(store: Store) -> None:
    await _reach(store, Status.RUNNING)
    assert Status.CANCELED not in FOLLOWS[Status.RUNNING]
    with pytest.raises(Conflict, match="d-1"):
        await store.record_deployment(a_deployment(status=Status.CANCELED))
    assert (await store.read_deployment("d-1")).status is Status.RUNNING


async def test_steps_are_replaced_by_number_and_come_in_order(store: Store) -> None:
    await store.record_step(a_step(number=10))
    await store.record_step(a_step(number=2))
    done = a_step(number=2, state=StepState.SUCCEEDED, ended_at=minutes(3), attempts=4)
    await store.record_step(done)
    await store.record_step(a_step("d-2", number=1))
    steps, _, _ = await store.read_steps("d-1")
    assert steps == (done, a_step(number=10))


async def test_splits_are_replaced_by_generation_within_their_cluster(store: Store) -> None:
    await store.record_split(a_split(2))
    await store.record_split(a_split(1))
    changed = a_split(2).model_copy(update={"confirmed_at": minutes(9)})
    await store.record_split(changed)
    await store.record_split(a_split(2, cluster="shop-web", deployment="d-2"))
    _, splits, _ = await store.read_steps("d-1")
    assert splits == (a_split(1), changed)
    assert (await store.read_steps("d-2"))[1] == (a_split(2, cluster="shop-web", deployment="d-2"),)


async def test_answers_of_checks_are_kept_apart_by_step_time_and_name(store: Store) -> None:
    answers = [
        a_check(at=NOON, name="a"),
        a_check(at=NOON, name="b"),
        a_check(at=NOON, step="watch", name="a"),
        a_check(at=minutes(1), name="a"),
        a_check(at=NOON + timedelta(microseconds=1), name="a"),
    ]
    for answer in answers:
        await store.record_check(answer)
    await store.record_check(a_check(at=NOON, name="a", verdict=Verdict.FAIL))
    _, _, found = await store.read_steps("d-1")
    assert found == (
        a_check(at=NOON, name="a", verdict=Verdict.FAIL),
        answers[1],
        answers[2],
        answers[4],
        answers[3],
    )


async def test_a_note_does_not_wait_for_its_deployment(store: Store) -> None:
    """The journal must never stop a deployment, whatever the order of its notes."""
    await store.record_step(a_step())
    await store.record_check(a_check())
    await store.record_split(a_split())
    await store.record_deployment(a_deployment())
    assert await store.read_steps("d-1") == ((a_step(),), (a_split(),), (a_check(),))


async def test_figures_that_are_no_numbers_can_be_read_again(store: Store) -> None:
    step = a_step(figures={"share": math.nan, "most": math.inf, "least": -math.inf})
    await store.record_step(step)
    ((found,), _, _) = await store.read_steps("d-1")
    assert math.isnan(found.figures["share"])
    assert (found.figures["most"], found.figures["least"]) == (math.inf, -math.inf)


async def test_what_a_broken_program_printed_can_be_recorded(store: Store) -> None:
    said = "half a character \ud83d, a null \x00, a quote ' and ü"
    await store.record_step(a_step(said=said))
    ((found,), _, _) = await store.read_steps("d-1")
    assert found.said.endswith("a quote ' and ü")


async def test_the_same_moment_in_another_zone_is_the_same(store: Store) -> None:
    here = timezone(timedelta(hours=5, minutes=30))
    for number, at in enumerate([minutes(0), minutes(1).astimezone(here), minutes(2)]):
        await store.record_deployment(a_deployment(f"d-{number}", at=at))
    found = await store.list_deployments()
    assert [record.id for record in found] == ["d-2", "d-1", "d-0"]
    assert found[1].request.requested_at == minutes(1)


async def test_deployments_are_listed_newest_first_and_filtered(store: Store) -> None:
    for number in range(12):
        await store.record_deployment(
            a_deployment(
                f"d-{number:02}",
                cluster="shop" if number % 2 else "shop-web",
                status=(Status.QUEUED, Status.RUNNING, Status.FAILED)[number % 3],
                at=minutes(number),
            )
        )

    async def listed(
        cluster: str | None = None, statuses: set[Status] | None = None, limit: int = 50
    ) -> list[int]:
        chosen = None if statuses is None else frozenset(statuses)
        page = await store.list_deployments(cluster=cluster, statuses=chosen, limit=limit)
        return [int(record.id[2:]) for record in page]

    assert await listed() == [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert await listed(limit=2) == [11, 10]
    assert await listed(cluster="shop") == [11, 9, 7, 5, 3, 1]
    assert await listed(cluster="shop-none") == []
    assert await listed(statuses={Status.RUNNING}) == [10, 7, 4, 1]
    assert await listed(statuses={Status.RUNNING, Status.QUEUED}, limit=3) == [10, 9, 7]
    assert await listed(cluster="shop", statuses={Status.RUNNING, Status.FAILED}) == [11, 7, 5, 1]
    assert await listed(statuses=set()) == []
    assert await listed(statuses=set(Status)) == [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("statuses", [None, frozenset({Status.RUNNING, Status.QUEUED})])
async def test_pages_show_every_deployment_once_even_of_one_moment(
    store: Store, statuses: frozenset[Status] | None
) -> None:
    names = [f"d-{number:02}" for number in range(7)] + ["D-x", "d_y"]
    for name in names:
        status = Status.QUEUED if name == "d-03" else Status.RUNNING
        await store.record_deployment(a_deployment(name, status=status, at=NOON))
    seen: list[str] = []
    while page := await store.list_deployments(
        statuses=statuses, before=seen[-1] if seen else None, limit=2
    ):
        assert len(page) <= 2
        seen += [record.id for record in page]
    assert seen == sorted(names, reverse=True)


async def test_a_page_after_an_unknown_deployment_is_refused(store: Store) -> None:
    with pytest.raises(NotFound, match="d-9"):
        await store.list_deployments(before="d-9")


async def test_events_are_numbered_from_one_and_read_in_order(store: Store) -> None:
    assert await store.read_events(after=0) == ()
    told = [an_event("shop", "d-1"), an_event("shop"), an_event("shop-web", "d-2")]
    first, second, third = [await store.record_event(event) for event in told]
    assert (first.sequence, second.sequence, third.sequence) == (1, 2, 3)
    assert first.model_copy(update={"sequence": 0}) == told[0]
    assert await store.read_events(after=0) == (first, second, third)
    assert await store.read_events(after=-5) == (first, second, third)
    assert await store.read_events(after=1, limit=1) == (second,)
    assert await store.read_events(after=0, cluster="shop") == (first, second)
    assert await store.read_events(after=0, deployment="d-2") == (third,)
    assert await store.read_events(after=0, cluster="shop", deployment="d-2") == ()
    assert await store.read_events(after=3) == ()


async def test_who_follows_events_while_many_are_told_misses_none(store: Store) -> None:
    async def tell(teller: int) -> None:
        for number in range(20):
            await store.record_event(an_event(f"shop-{teller}", number=number))

    async def follow() -> list[int]:
        seen: list[int] = []
        while len(seen) < 100:
            assert await store.await_event(seen[-1] if seen else 0, timedelta(seconds=20))
            found = await store.read_events(after=seen[-1] if seen else 0, limit=7)
            seen += [event.sequence for event in found]
        return seen

    followers = [asyncio.create_task(follow()) for _ in range(3)]
    async with asyncio.TaskGroup() as tellers:
        for teller in range(5):
            tellers.create_task(tell(teller))
    assert await asyncio.gather(*followers) == [list(range(1, 101))] * 3


async def test_an_event_that_exists_is_not_waited_for(store: Store) -> None:
    await store.record_event(an_event())
    assert await store.await_event(0, timedelta(0))


async def test_waiting_for_an_event_that_does_not_come_ends_in_time(store: Store) -> None:
    await store.record_event(an_event())
    started = asyncio.get_running_loop().time()
    assert not await store.await_event(1, timedelta(milliseconds=50))
    assert asyncio.get_running_loop().time() - started >= 0.05


async def test_a_held_cluster_stays_held_until_it_is_released(store: Store) -> None:
    assert await store.observe_hold("shop") == ""
    await store.record_hold("shop", "ada rolled back by hand")
    await store.record_hold("shop", "ada looks into it")
    assert await store.observe_hold("shop") == "ada looks into it"
    assert await store.observe_hold("shop-web") == ""
    await store.record_hold("shop", "")
    await store.record_hold("shop", "")
    assert await store.observe_hold("shop") == ""
