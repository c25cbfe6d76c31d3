"""A page costs what it shows, not what is in the journal: counted in work, not in time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import ClauseElement
from sqlalchemy.engine import make_url

from tests.contract.postgresql import PostgreSql
from tests.contract.records import NOON
from tests.contract.stores import prepare
from turnout.model.deployment import Status
from turnout.store import queries

MANY = 100_000
ENDS = frozenset(status for status in Status if status.is_end)

PAGES: dict[str, ClauseElement] = {
    "all": queries.deployment_page(cluster=None, statuses=None, before=None, limit=50),
    "one cluster": queries.deployment_page(cluster="shop-7", statuses=None, before=None, limit=50),
    "a cluster that does not exist": queries.deployment_page(
        cluster="none", statuses=None, before=None, limit=50
    ),
    "what runs, which is rare": queries.deployment_page(
        cluster=None, statuses=frozenset({Status.RUNNING, Status.PAUSED}), before=None, limit=50
    ),
    "what ended, which is nearly all": queries.deployment_page(
        cluster=None, statuses=ENDS, before=None, limit=50
    ),
    "what failed in one cluster": queries.deployment_page(
        cluster="shop-7", statuses=frozenset({Status.FAILED}), before=None, limit=50
    ),
    "a page in the middle": queries.deployment_page(
        cluster=None, statuses=ENDS, before=(NOON + timedelta(seconds=50_000), "d"), limit=50
    ),
    "one deployment": queries.deployment_body("d-77"),
    "its place": queries.deployment_place("d-77"),
    "its steps": queries.step_bodies("d-77"),
    "its splits": queries.split_bodies("d-77"),
    "its checks": queries.check_bodies("d-77"),
    "the last events": queries.event_bodies(
        after=MANY - 50, cluster=None, deployment=None, limit=500
    ),
    "events of a quiet cluster": queries.event_bodies(
        after=0, cluster="quiet", deployment=None, limit=500
    ),
    "events of one deployment": queries.event_bodies(
        after=0, cluster=None, deployment="d-77", limit=500
    ),
    "the number of the last event": queries.newest_event(),
    "a hold": queries.hold_reason("shop-7"),
    "all analyses": queries.analysis_page(cluster="", deployment="", limit=50),
    "analyses of one cluster": queries.analysis_page(cluster="shop-7", deployment="", limit=50),
    "analyses of one deployment": queries.analysis_page(cluster="", deployment="d-77", limit=50),
    "analyses of a deployment in its cluster": queries.analysis_page(
        cluster="shop-27", deployment="d-77", limit=50
    ),
    "one analysis": queries.analysis_body("a-77"),
    "its evidence": queries.evidence_bodies("a-77", 0),
    "its judgment": queries.judgment_body("a-77"),
}

# {n} counts from 1; time and status are spelled in each dialect's way.
ROWS = {
    "deployments": "'d-' || {n}, 'shop-' || ({n} % 50), 'deploy', {status}, 'ada', {time},"
    " NULL, NULL, '{{}}'",
    "steps": "'d-' || ({n} / 10), {n} % 10, {time}, '{{}}'",
    "splits": "'shop-' || ({n} % 50), {n}, 'd-' || ({n} / 4), {time}, '{{}}'",
    "checks": "'d-' || ({n} / 10), 'watch', {time}, 'smoke', '{{}}'",
    "analyses": "'a-' || {n}, 'shop-' || ({n} % 50), 'd-' || {n}, {time}, NULL, '{{}}'",
    "evidence": "'a-' || ({n} / 100), {n} % 100, {zeros}",
    "judgments": "'a-' || {n}, '{{}}'",
    "events": "{n}, 'shop-' || ({n} % 50), 'd-' || ({n} / 20), 'kind', {time}, '{{}}'",
}
STATUS = (
    "CASE WHEN {n} % 10000 = 0 THEN 'running' WHEN {n} % 3 = 0 THEN 'failed' ELSE 'succeeded' END"
)


def _fill(numbers: str, time: str, zeros: str) -> Iterator[str]:
    for table, columns in ROWS.items():
        values = columns.format(n="n", status=STATUS.format(n="n"), time=time, zeros=zeros)
        yield f"INSERT INTO {table} SELECT {values} FROM {numbers}"


@pytest.fixture(scope="module")
def full_sqlite(
    prepared_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("full") / "turnout.db"
    path.write_bytes(prepared_sqlite.read_bytes())
    connection = sqlite3.connect(path)
    numbers = (
        f"(WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < {MANY})"
        " SELECT n FROM up)"
    )
    time = "strftime('%Y-%m-%d %H:%M:%f000', '2026-11-23 12:00:00', '+' || n || ' seconds')"
    for statement in _fill(numbers, time, "zeroblob(500)"):
        connection.execute(statement)
    connection.commit()
    yield connection
    connection.close()


@pytest.mark.parametrize("name", PAGES)
def test_sqlite_reads_a_page_without_reading_the_journal(
    full_sqlite: sqlite3.Connection, name: str
) -> None:
    compiled = PAGES[name].compile(
        dialect=make_url("sqlite://").get_dialect()(), compile_kwargs={"literal_binds": True}
    )
    hundreds = 0

    def count() -> int:
        nonlocal hundreds
        hundreds += 1
        return 0

    full_sqlite.set_progress_handler(count, 100)
    rows = full_sqlite.execute(str(compiled)).fetchall()
    full_sqlite.set_progress_handler(None, 0)
    # A look at each of 100,000 rows takes far more than 300,000 instructions.
    assert hundreds * 100 < 20_000
    assert bool(rows) == (
        name not in ("a cluster that does not exist", "a hold") and "quiet" not in name
    )


@pytest.fixture(scope="module")
def full_postgresql(postgresql: PostgreSql) -> Iterator[psycopg.Connection[Any]]:
    url = postgresql.make_database()
    prepare(url)
    with psycopg.connect(url, autocommit=True) as connection:
        time = "timestamptz '2026-11-23 12:00:00Z' + n * interval '1 second'"
        numbers = f"generate_series(1, {MANY}) AS n"
        for statement in _fill(numbers, time, "decode(repeat('00', 500), 'hex')"):
            connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE")
        yield connection


@pytest.mark.parametrize("name", PAGES)
def test_postgresql_reads_a_page_without_reading_the_journal(
    full_postgresql: psycopg.Connection[Any], name: str
) -> None:
    compiled = PAGES[name].compile(
        dialect=make_url("postgresql+psycopg://").get_dialect()(),
        compile_kwargs={"literal_binds": True},
    )
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {compiled}"
    ((answer,),) = full_postgresql.execute(explain.encode()).fetchall()
    plan = answer[0]["Plan"]
    blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    # The table of deployments alone has more than 1,000 blocks.
    assert blocks < 600, answer
