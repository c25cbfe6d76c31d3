"""A journal of any earlier release becomes one of this release, with all that is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

import turnout.store.migrations
from tests.contract.records import an_event
from turnout.model.deployment import Kind, Status
from turnout.model.errors import Permanent
from turnout.store.database import for_writing, open_engine, parse_url
from turnout.store.migration import migrate, newest_revision, upgrade
from turnout.store.sql import SqlStore
from turnout.store.tables import metadata

# Rows exactly as the first release wrote them. Do not change these: they are what users have.
FIRST_ROWS = (
    """INSERT INTO deployments (id, cluster, kind, status, "by", requested_at, started_at, ended_at,
    body) VALUES ('d-1', 'shop', 'deploy', 'succeeded', 'ada', '2026-11-23 12:00:00.000000+00:00',
    '2026-11-23 12:00:01.000000+00:00', '2026-11-23 12:04:00.500000+00:00',
    '{"request":{"id":"d-1","kind":"deploy","cluster":"shop",
    "requested_at":"2026-11-23T12:00:00Z","by":"ada","options":{"ready_deadline":"PT10M"}},
    "status":"succeeded","sentence":"shop-v001 serves shop.","ended_at":"2026-11-23T12:04:00.5Z"}')
    """,
    """INSERT INTO steps (deployment, number, started_at, body) VALUES ('d-1', 1,
    '2026-11-23 12:00:01.000000+00:00',
    '{"deployment":"d-1","number":1,"step":"create","title":"Create shop-v001",
    "op":"create_group","state":"succeeded","started_at":"2026-11-23T12:00:01Z"}')""",
    """INSERT INTO splits (cluster, generation, deployment, confirmed_at, body) VALUES ('shop', 1,
    'd-1', '2026-11-23 12:01:00.000000+00:00',
    '{"cluster":"shop","generation":1,"shares":{"shop-v001":1000},"deployment":"d-1",
    "requested_at":"2026-11-23T12:00:59Z","confirmed_at":"2026-11-23T12:01:00Z"}')""",
    """INSERT INTO checks (deployment, step, at, name, body) VALUES ('d-1', 'watch',
    '2026-11-23 12:02:00.000000+00:00', 'smoke',
    '{"deployment":"d-1","step":"watch","at":"2026-11-23T12:02:00Z","answer":
    {"check":"smoke","verdict":"pass","sentence":"fine","figures":{"ms":3.5}}}')""",
    """INSERT INTO events (sequence, cluster, deployment, kind, at, body) VALUES (1, 'shop', 'd-1',
    'deployment.status', '2026-11-23 12:04:00.000000+00:00',
    '{"sequence":1,"at":"2026-11-23T12:04:00Z","cluster":"shop","deployment":"d-1",
    "kind":"deployment.status","sentence":"done","data":{}}')""",
    "UPDATE counters SET value = 1 WHERE name = 'events'",
    "INSERT INTO holds (cluster, reason) VALUES ('shop', 'ada rolled back')",
)
TABLES = ("deployments", "steps", "splits", "checks", "events", "holds")


def revisions() -> list[str]:
    """All revisions, the first one first."""
    config = Config()
    config.set_main_option("script_location", str(Path(turnout.store.migrations.__path__[0])))
    walked = ScriptDirectory.from_config(config).walk_revisions()
    return [revision.revision for revision in walked][::-1]


async def run(url: str, *statements: str) -> None:
    engine = open_engine(parse_url(url))
    with for_writing(engine).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


async def count_rows(url: str) -> dict[str, int]:
    engine = open_engine(parse_url(url))
    with engine.connect() as connection:
        counts = {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in TABLES
        }
    engine.dispose()
    return counts


async def test_every_revision_from_the_first_keeps_every_row(empty_url: str) -> None:
    first, *later = revisions()
    await migrate(empty_url, to=first)
    await run(empty_url, *FIRST_ROWS)
    for revision in later:
        assert await migrate(empty_url, to=revision) == revision
        assert await count_rows(empty_url) == dict.fromkeys(TABLES, 1)
    assert await migrate(empty_url) == revisions()[-1]
    assert await count_rows(empty_url) == dict.fromkeys(TABLES, 1)

    async with SqlStore(empty_url) as store:
        (record,) = await store.list_deployments(
            cluster="shop", statuses=frozenset({Status.SUCCEEDED})
        )
        assert (record.id, record.request.kind) == ("d-1", Kind.DEPLOY)
        assert record == await store.read_deployment("d-1")
        (step,), (split,), (check,) = await store.read_steps("d-1")
        assert step.title == "Create shop-v001"
        assert split.shares == {"shop-v001": 1000}
        assert check.answer.figures == {"ms": 3.5}
        assert [event.sentence for event in await store.read_events(after=0)] == ["done"]
        assert await store.observe_hold("shop") == "ada rolled back"
        assert (await store.record_event(an_event())).sequence == 2


async def test_revisions_are_one_line_numbered_in_order() -> None:
    assert revisions() == [f"{number:04}" for number in range(1, len(revisions()) + 1)]


async def test_migrations_lead_to_the_tables_that_the_store_uses(url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    engine = open_engine(parse_url(url))
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()


async def test_migrating_twice_changes_nothing(url: str) -> None:
    await run(url, *FIRST_ROWS)
    assert await migrate(url) == revisions()[-1]
    assert await count_rows(url) == dict.fromkeys(TABLES, 1)


async def test_a_database_of_a_newer_turnout_is_refused_and_left_alone(empty_url: str) -> None:
    await migrate(empty_url)
    await run(empty_url, "UPDATE alembic_version SET version_num = '9999'", *FIRST_ROWS)
    with pytest.raises(Permanent, match=rf"newer Turnout.*9999.*{revisions()[-1]}") as refused:
        await migrate(empty_url)
    assert "Upgrade Turnout" in refused.value.hint
    assert await count_rows(empty_url) == dict.fromkeys(TABLES, 1)


async def test_a_migration_that_is_cut_off_leaves_the_database_as_it_was(empty_url: str) -> None:
    engine = open_engine(parse_url(empty_url))
    pulled = pytest.raises(RuntimeError, match="the plug is pulled")
    with pulled, for_writing(engine).begin() as connection:
        assert upgrade(connection, "here") == revisions()[-1]
        raise RuntimeError("the plug is pulled")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()
    assert await migrate(empty_url) == revisions()[-1]


def test_the_newest_revision_is_known_without_loading_the_steps() -> None:
    assert newest_revision() == revisions()[-1]
