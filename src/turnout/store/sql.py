"""`SqlStore`: the ports `Journal` and `Archive` on SQLite or PostgreSQL. One fact, one
transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar

import structlog
from sqlalchemy import ColumnElement, Select, Table, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from turnout.model.deployment import Status, replaces
from turnout.model.errors import Conflict, NotFound
from turnout.model.journal import CheckRecord, DeploymentRecord, Event, SplitRecord, StepRecord
from turnout.model.value import Value
from turnout.store import queries, retention, rows
from turnout.store.database import (
    CONNECTIONS,
    PATIENCE,
    describe,
    for_writing,
    open_engine,
    parse_url,
    upsert,
)
from turnout.store.errors import translated
from turnout.store.news import News
from turnout.store.tables import checks, counters, deployments, events, holds, splits, steps

log = structlog.get_logger(__name__)

V = TypeVar("V", bound=Value)


class SqlStore:
    """A journal and its archive. The database must have been prepared by `migrate`.

    All methods raise `Temporary` while the database is locked, unreachable or out of space, and
    `Permanent` when it refuses for good.
    """

    def __init__(self, url: str, *, patience: timedelta = PATIENCE) -> None:
        self._url = parse_url(url)
        self._patience = patience
        self._where = describe(self._url)
        is_sqlite = self._url.get_backend_name() == "sqlite"
        # SQLite has one writer at a time. Waiting here is fair; waiting in SQLite is a lottery of
        # naps.
        self._turn = asyncio.Semaphore(1 if is_sqlite else CONNECTIONS)
        self._news = News(self._observe_newest_event)

    async def __aenter__(self) -> Self:
        with translated("open the journal", self._where):
            self._reading = open_engine(self._url, self._patience)
        self._writing = for_writing(self._reading)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._reading.dispose()

    # Journal

    async def record_deployment(self, record: DeploymentRecord) -> None:
        """Key: the request's id. A record that comes late changes nothing: an end is never
        overwritten by anything but the same end, nor is a later status by an earlier one
        (`model.deployment.replaces`). Raises `Conflict` for a status that cannot follow at all,
        such as one end after another."""
        row = rows.deployment_row(record)
        may_be = [now.value for now in Status if _gives_way(now, record.status)]
        async with self._transaction("record a deployment") as connection:
            if await self._put(
                connection, deployments, row, only_if=deployments.c.status.in_(may_be)
            ):
                return
            found = await connection.execute(
                select(deployments.c.status).where(deployments.c.id == record.id)
            )
            now = Status(found.scalar_one())
        try:
            replaces(now, record.status)
        except ValueError as error:
            raise Conflict(f"Deployment {record.id} was not recorded: {error}") from error
        log.info("journal.late_record", deployment=record.id, status=now, ignored=record.status)

    async def record_step(self, record: StepRecord) -> None:
        await self._record("record a step", steps, rows.step_row(record))

    async def record_split(self, record: SplitRecord) -> None:
        await self._record("record a split", splits, rows.split_row(record))

    async def record_check(self, record: CheckRecord) -> None:
        await self._record("record a check", checks, rows.check_row(record))

    async def record_event(self, event: Event) -> Event:
        async with self._transaction("record an event") as connection:
            counted = await connection.execute(
                update(counters)
                .where(counters.c.name == queries.EVENTS)
                .values(value=counters.c.value + 1)
                .returning(counters.c.value)
            )
            numbered = event.model_copy(update={"sequence": counted.scalar_one()})
            await connection.execute(events.insert().values(rows.event_row(numbered)))
        await self._news.tell(numbered.sequence)
        return numbered

    async def record_hold(self, cluster: str, reason: str) -> None:
        if reason:
            await self._record("hold a cluster", holds, {"cluster": cluster, "reason": reason})
            return
        async with self._transaction("release a cluster") as connection:
            await connection.execute(delete(holds).where(holds.c.cluster == cluster))

    # Archive

    async def read_deployment(self, deployment: str) -> DeploymentRecord:
        found = await self._read(DeploymentRecord, queries.deployment_body(deployment))
        if not found:
            raise NotFound(
                f"There is no deployment {deployment!r} in the journal",
                hint="Old ones may have been removed; `turnout history` lists what there is.",
            )
        return found[0]

    async def read_steps(
        self, deployment: str
    ) -> tuple[tuple[StepRecord, ...], tuple[SplitRecord, ...], tuple[CheckRecord, ...]]:
        async with self._snapshot("read a deployment") as connection:
            return (
                await _values(StepRecord, connection, queries.step_bodies(deployment)),
                await _values(SplitRecord, connection, queries.split_bodies(deployment)),
                await _values(CheckRecord, connection, queries.check_bodies(deployment)),
            )

    async def list_deployments(
        self,
        *,
        cluster: str | None = None,
        statuses: frozenset[Status] | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> tuple[DeploymentRecord, ...]:
        if statuses is not None and not statuses:
            return ()
        place = None if before is None else await self._observe_place(before)
        page = queries.deployment_page(
            cluster=cluster, statuses=statuses, before=place, limit=limit
        )
        return await self._read(DeploymentRecord, page)

    async def read_events(
        self,
        *,
        after: int,
        cluster: str | None = None,
        deployment: str | None = None,
        limit: int = 500,
    ) -> tuple[Event, ...]:
        page = queries.event_bodies(
            after=after, cluster=cluster, deployment=deployment, limit=limit
        )
        return await self._read(Event, page)

    async def observe_hold(self, cluster: str) -> str:
        async with self._snapshot("read a hold") as connection:
            found = await connection.execute(queries.hold_reason(cluster))
            return found.scalar_one_or_none() or ""

    async def await_event(self, after: int, timeout: timedelta) -> bool:
        """Events of this process wake at once, those of other processes within a second."""
        return await self._news.await_beyond(after, timeout)

    # Retention

    async def prune(
        self,
        *,
        now: datetime,
        keep_days: int | None = None,
        keep_last: int | None = None,
        event_days: int | None = None,
    ) -> retention.Pruned:
        """Forget deployments that ended more than `keep_days` ago and are not among the
        `keep_last` newest of their cluster (given alone, each decides alone; without both none
        goes), with all that was written about them; and events older than `event_days`. A
        deployment that has not ended stays. Goes in short transactions, so that the journal
        stays writable; may be repeated at any time. SQLite reuses the space, its file does not
        shrink."""
        cutoff = {} if keep_days is None else {"ended_before": now - timedelta(days=keep_days)}
        async with self._snapshot("look for what is old") as connection:
            old = await retention.observe_old(connection, keep_last=keep_last, **cutoff)
        gone_events = 0
        for batch in retention.plan_batches(old):
            async with self._transaction("remove old deployments") as connection:
                gone_events += await retention.apply_removal(connection, batch)
        while event_days is not None:
            async with self._transaction("remove old events") as connection:
                gone = await retention.apply_event_removal(
                    connection, now - timedelta(days=event_days)
                )
            gone_events += gone
            if not gone:
                break
        return retention.Pruned(deployments=len(old), events=gone_events)

    # How it is done

    @asynccontextmanager
    async def _transaction(self, doing: str) -> AsyncIterator[AsyncConnection]:
        with translated(doing, self._where):
            async with self._turn, self._writing.begin() as connection:
                yield connection

    @asynccontextmanager
    async def _snapshot(self, doing: str) -> AsyncIterator[AsyncConnection]:
        with translated(doing, self._where):
            async with self._reading.connect() as connection:
                yield connection

    async def _record(self, doing: str, table: Table, row: rows.Row) -> None:
        async with self._transaction(doing) as connection:
            await self._put(connection, table, row)

    async def _put(
        self,
        connection: AsyncConnection,
        table: Table,
        row: rows.Row,
        *,
        only_if: ColumnElement[bool] | None = None,
    ) -> bool:
        """Insert, or replace what has the same key if that is as `only_if` says. Whether it was
        written."""
        keys = [column.name for column in table.primary_key]
        insert = upsert(self._url.get_backend_name(), table).values(row)
        statement = insert.on_conflict_do_update(
            index_elements=keys,
            set_={name: insert.excluded[name] for name in row if name not in keys},
            where=only_if,
        ).returning(table.c[keys[0]])
        return (await connection.execute(statement)).first() is not None

    async def _read(self, kind: type[V], query: Select[str]) -> tuple[V, ...]:
        async with self._snapshot("read the journal") as connection:
            return await _values(kind, connection, query)

    async def _observe_place(self, deployment: str) -> queries.Place:
        async with self._snapshot("read the journal") as connection:
            found = (await connection.execute(queries.deployment_place(deployment))).one_or_none()
        if found is None:
            raise NotFound(f"There is no deployment {deployment!r} to go on from")
        return found[0], found[1]

    async def _observe_newest_event(self) -> int:
        async with self._snapshot("look for events") as connection:
            return (await connection.execute(queries.newest_event())).scalar_one()


async def _values(kind: type[V], connection: AsyncConnection, query: Select[str]) -> tuple[V, ...]:
    bodies = (await connection.execute(query)).scalars()
    return tuple(rows.parse_body(kind, body) for body in bodies)


def _gives_way(now: Status, then: Status) -> bool:
    try:
        return replaces(now, then)
    except ValueError:
        return False
