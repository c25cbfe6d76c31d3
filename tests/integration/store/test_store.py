"""What `SqlStore` promises beyond its ports: old and new bodies, retention, errors, privacy,
size."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

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
from turnout.model.deployment import Status
from turnout.model.errors import NotFound, Permanent, Temporary
from turnout.store.database import for_writing, open_engine, parse_url, sqlite_url
from turnout.store.errors import translated
from turnout.store.migration import migrate
from turnout.store.retention import Pruned
from turnout.store.sql import SqlStore
from turnout.store.tables import deployments, events, steps

DAY = timedelta(days=1)


async def _change_body(url: str, change: dict[str, object], *, drop: str) -> None:
    """Make the body of d-1 one of another release."""
    engine = open_engine(parse_url(url))
    with for_writing(engine).begin() as connection:
        body = json.loads(connection.execute(select(deployments.c.body)).scalar_one())
        body.pop(drop)
        body["request"]["options"]["later"] = {"a": [1]}
        body |= change
        connection.execute(update(deployments).values(body=json.dumps(body)))
    engine.dispose()


async def test_unknown_fields_are_skipped_and_missing_ones_have_their_defaults(url: str) -> None:
    async with SqlStore(url) as store:
        written = a_deployment(cause="nothing")
        await store.record_deployment(written)
        await _change_body(url, {"later": 1}, drop="cause")
        assert await store.read_deployment("d-1") == written.model_copy(update={"cause": ""})


async def _write_three_clusters(store: SqlStore) -> None:
    for cluster in ("shop", "cart"):
        for day in range(10):
            name, at = f"{cluster}-{day}", NOON - day * DAY
            record = a_deployment(name, cluster=cluster, at=at, status=Status.SUCCEEDED)
            await store.record_deployment(record.model_copy(update={"ended_at": at}))
            await store.record_step(a_step(name))
            await store.record_split(a_split(day, cluster=cluster, deployment=name))
            await store.record_check(a_check(name))
            await store.record_event(an_event(cluster, name, at))
    old = a_deployment("still-running", cluster="slow", at=NOON - 99 * DAY)
    await store.record_deployment(old)
    await store.record_step(a_step("still-running"))


async def _ids(store: SqlStore, cluster: str) -> list[str]:
    return [record.id for record in await store.list_deployments(cluster=cluster)]


async def test_old_deployments_are_forgotten_with_all_that_was_noted_about_them(url: str) -> None:
    async with SqlStore(url) as store:
        await _write_three_clusters(store)
        pruned = await store.prune(now=NOON + timedelta(minutes=1), keep_days=7)
        assert pruned == Pruned(deployments=6, events=6)
        assert await _ids(store, "shop") == [f"shop-{day}" for day in range(7)]
        with pytest.raises(NotFound):
            await store.read_deployment("shop-7")
        assert await store.read_steps("shop-7") == ((), (), ())
        assert await store.read_events(after=0, deployment="shop-7") == ()
        assert [len(notes) for notes in await store.read_steps("shop-6")] == [1, 1, 1]
        assert len(await store.read_events(after=0)) == 14


async def test_the_newest_of_each_cluster_are_kept_however_old(url: str) -> None:
    async with SqlStore(url) as store:
        await _write_three_clusters(store)
        assert (await store.prune(now=NOON + 99 * DAY, keep_days=7, keep_last=3)).deployments == 14
        assert await _ids(store, "shop") == ["shop-0", "shop-1", "shop-2"]
        assert await _ids(store, "cart") == ["cart-0", "cart-1", "cart-2"]


async def test_the_number_kept_alone_decides_too(url: str) -> None:
    async with SqlStore(url) as store:
        await _write_three_clusters(store)
        assert (await store.prune(now=NOON, keep_last=9)).deployments == 2
        assert "shop-9" not in await _ids(store, "shop")


async def test_a_deployment_that_has_not_ended_is_never_forgotten(url: str) -> None:
    async with SqlStore(url) as store:
        await _write_three_clusters(store)
        await store.prune(now=NOON + 999 * DAY, keep_days=0, keep_last=0)
        assert [record.id for record in await store.list_deployments()] == ["still-running"]
        assert len((await store.read_steps("still-running"))[0]) == 1


async def test_without_a_rule_nothing_is_forgotten(url: str) -> None:
    async with SqlStore(url) as store:
        await _write_three_clusters(store)
        assert await store.prune(now=NOON + 999 * DAY) == Pruned()
        assert len(await store.list_deployments()) == 21


async def test_old_events_are_forgotten_and_their_numbers_never_given_again(url: str) -> None:
    async with SqlStore(url) as store:
        for day in range(5):
            await store.record_event(an_event(at=NOON + day * DAY))
        pruned = await store.prune(now=NOON + 9 * DAY, event_days=0)
        assert pruned == Pruned(events=5)
        assert not await store.await_event(5, timedelta(0))
        assert (await store.record_event(an_event())).sequence == 6


async def test_a_locked_database_is_a_reason_to_try_again(url: str) -> None:
    engine = open_engine(parse_url(url))
    async with SqlStore(url, patience=timedelta(milliseconds=100)) as store:
        with for_writing(engine).begin() as other:
            other.execute(text("UPDATE counters SET value = value"))
            assert await store.read_events(after=0) == ()  # readers do not wait
            with pytest.raises(Temporary, match="Could not record an event in the database"):
                await store.record_event(an_event())
            other.rollback()
            assert (await store.record_event(an_event())).sequence == 1
    engine.dispose()


async def test_a_full_disk_is_a_reason_to_free_space_and_try_again(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "turnout.db")
    await migrate(url)
    engine = open_engine(parse_url(url))
    with (
        pytest.raises(Temporary, match="full") as full,
        translated("record", "here"),
        for_writing(engine).begin() as connection,
    ):
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        too_much = {"deployment": "d", "number": 1, "started_at": NOON, "body": "x" * 99999}
        connection.execute(steps.insert().values(too_much))
    engine.dispose()
    assert "Free space" in full.value.hint
    async with SqlStore(url) as store:
        await store.record_step(a_step())


async def test_what_a_database_refuses_for_good_is_permanent(url: str) -> None:
    engine = open_engine(parse_url(url))
    row = {"sequence": 1, "cluster": "", "deployment": "", "kind": "", "at": NOON, "body": ""}
    with (
        pytest.raises(Permanent, match="Could not count in here") as refused,
        for_writing(engine).begin() as connection,
        translated("count", "here"),
    ):
        connection.execute(events.insert().values([row, row]))
    engine.dispose()
    assert isinstance(refused.value.__cause__, IntegrityError)


async def test_a_database_that_is_not_there_is_a_reason_to_try_again(tmp_path: Path) -> None:
    url = f"postgresql://turnout:secret@/shop?host={tmp_path}"
    async with SqlStore(url) as store:
        with pytest.raises(Temporary, match="Could not record a step in the database") as refused:
            await store.record_step(a_step())
    assert "secret" not in refused.value.message + refused.value.hint
    assert refused.value.hint == "Look whether the database runs and can be reached."


async def test_a_connection_that_the_database_cut_is_replaced_unnoticed(
    prepared_postgresql: str,
) -> None:
    async with SqlStore(prepared_postgresql) as store:
        await store.record_step(a_step())
        with psycopg.connect(prepared_postgresql, autocommit=True) as other:
            cut = other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'turnout' AND datname = current_database()"
            ).fetchall()
        assert cut == [(True,)]
        await store.record_step(a_step())


async def test_a_database_that_was_not_prepared_says_so(empty_url: str) -> None:
    async with SqlStore(empty_url) as store:
        with pytest.raises(Permanent, match="steps"):
            await store.record_step(a_step())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://user:secret@host/shop", "mysql"),
        ("sqlite://", "memory"),
        ("sqlite:///:memory:", "memory"),
        ("not a url", "cannot be read"),
    ],
)
async def test_a_database_that_turnout_does_not_know_is_refused(url: str, says: str) -> None:
    with pytest.raises(Permanent, match=says) as refused:
        SqlStore(url)
    assert "secret" not in refused.value.message + refused.value.hint


async def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Permanent, match="prepare the journal"):
        await migrate(sqlite_url(tmp_path / "file" / "turnout.db"))


async def test_a_new_database_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "turnout.db"
    await migrate(sqlite_url(path))
    async with SqlStore(sqlite_url(path)) as store:
        await store.record_step(a_step())
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(["turnout.db", "turnout.db-shm", "turnout.db-wal"], 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_sqlite_is_set_up_to_survive_a_power_cut(tmp_path: Path) -> None:
    engine = open_engine(parse_url(sqlite_url(tmp_path / "turnout.db")))
    with engine.connect() as connection:

        def setting(name: str) -> object:
            return connection.execute(text(f"PRAGMA {name}")).scalar_one()

        assert setting("journal_mode") == "wal"
        assert setting("synchronous") == 2
        assert setting("foreign_keys") == 1
        assert setting("busy_timeout") == 5000
    engine.dispose()


async def test_waiting_for_events_asks_the_database_once_however_many_wait(url: str) -> None:
    async with SqlStore(url) as store:
        waiting = [
            asyncio.create_task(store.await_event(0, timedelta(seconds=20))) for _ in range(200)
        ]
        await store.record_event(an_event())
        started = asyncio.get_running_loop().time()
        assert await asyncio.gather(*waiting) == [True] * 200
        assert asyncio.get_running_loop().time() - started < 0.9  # not at the next look


async def test_a_rolling_deployment_takes_less_than_64_kilobytes(tmp_path: Path) -> None:
    """Eighteen steps, four splits, twenty answers of checks and 43 events, indexes included."""
    path = tmp_path / "turnout.db"
    await migrate(sqlite_url(path))
    empty = path.stat().st_size
    async with SqlStore(sqlite_url(path)) as store:
        for number in range(4):
            records, noted, splits, answers, told = a_whole_deployment(
                f"d-{number}", minutes(10 * number)
            )
            for record in records:
                await store.record_deployment(record)
            for step in noted:
                await store.record_step(step)
            for split in splits:
                await store.record_split(split)
            for answer in answers:
                await store.record_check(answer)
            for event in told:
                await store.record_event(event)
    each = (path.stat().st_size - empty) / 4
    assert each < 64 * 1024, f"{each:.0f} bytes"


async def test_a_canceled_call_leaves_the_journal_usable(url: str) -> None:
    """At every point of a transaction, more often than there are connections."""
    async with SqlStore(url, patience=timedelta(seconds=2)) as store:
        await store.record_event(an_event())
        for turns in range(40):
            calls = [
                asyncio.create_task(store.record_event(an_event(number=turns))),
                asyncio.create_task(store.list_deployments()),
                asyncio.create_task(store.record_deployment(a_deployment(f"d-{turns}"))),
            ]
            await asyncio.sleep(turns / 5000)  # not to wait for anything: to cut at another point
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
        last = await store.record_event(an_event())
        found = await store.read_events(after=0)
        assert [event.sequence for event in found] == list(range(1, last.sequence + 1))
