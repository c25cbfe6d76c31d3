"""`SqlStore`: the ports `Journal`, `Archive` and `CanaryArchive` on SQLite or PostgreSQL. One
fact, one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from sqlalchemy import Connection, Executable, Select

from turnout.model.analysis import AnalysisRecord, ConfigVersion, Judgment
from turnout.model.deployment import Status, replaces
from turnout.model.errors import Conflict, NotFound
from turnout.model.journal import CheckRecord, DeploymentRecord, Event, SplitRecord, StepRecord
from turnout.model.value import Value
from turnout.store import configs, queries, retention, rows
from turnout.store.database import PATIENCE, parse_url
from turnout.store.news import News
from turnout.store.statements import Statements
from turnout.store.transactions import Transactions, Work

log = structlog.get_logger(__name__)

T = TypeVar("T")
V = TypeVar("V", bound=Value)


class SqlStore:
    """A journal and its archive, and what is kept of canaries. The database must have been
    prepared by `migrate`.

    All methods raise `Temporary` while the database is locked, unreachable or out of space, and
    `Permanent` when it refuses for good.
    """

    def __init__(self, url: str, *, patience: timedelta = PATIENCE) -> None:
        self._url = parse_url(url)
        self._patience = patience
        self._statements = Statements(self._url.get_backend_name())
        self._news = News(self._observe_newest_event)
        self._transactions: Transactions

    async def __aenter__(self) -> Self:
        self._transactions = Transactions(self._url, self._patience)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._transactions.close()

    # Journal

    async def record_deployment(self, record: DeploymentRecord) -> None:
        """Key: the request's id. A record that comes late changes nothing: an end is never
        overwritten by anything but the same end, nor is a later status by an earlier one
        (`model.deployment.replaces`). Raises `Conflict` for a status that cannot follow at all,
        such as one end after another."""
        row = rows.deployment_row(record)
        may_be = [now.value for now in Status if _gives_way(now, record.status)]
        now = await self._write(
            "record a deployment", partial(_put_deployment, self._statements, row, may_be)
        )
        if now is None:
            return
        try:
            replaces(now, record.status)
        except ValueError as error:
            raise Conflict(f"Deployment {record.id} was not recorded: {error}") from error
        log.info("journal.late_record", deployment=record.id, status=now, ignored=record.status)

    async def record_step(self, record: StepRecord) -> None:
        await self._record("record a step", self._statements.put_step, rows.step_row(record))

    async def record_split(self, record: SplitRecord) -> None:
        await self._record("record a split", self._statements.put_split, rows.split_row(record))

    async def record_check(self, record: CheckRecord) -> None:
        await self._record("record a check", self._statements.put_check, rows.check_row(record))

    async def record_event(self, event: Event) -> Event:
        numbered = await self._write(
            "record an event", partial(_add_event, self._statements, event)
        )
        await self._news.tell(numbered.sequence)
        return numbered

    async def record_hold(self, cluster: str, reason: str) -> None:
        row = {"cluster": cluster, "reason": reason}
        if reason:
            await self._record("hold a cluster", self._statements.put_hold, row)
        else:
            await self._record("release a cluster", self._statements.release, {"cluster": cluster})

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
        return await self._ask("read a deployment", partial(_read_notes, deployment))

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
        found = await self._ask("read a hold", partial(_first, queries.hold_reason(cluster)))
        return "" if found is None else str(found[0])

    async def await_event(self, after: int, timeout: timedelta) -> bool:
        """Events of this process wake at once, those of other processes within a second."""
        return await self._news.await_beyond(after, timeout)

    # CanaryArchive

    async def record_analysis(self, record: AnalysisRecord) -> None:
        row = rows.analysis_row(record)
        await self._record("record an analysis", self._statements.put_analysis, row)

    async def read_analysis(self, analysis: str) -> AnalysisRecord:
        found = await self._read(AnalysisRecord, queries.analysis_body(analysis))
        if not found:
            raise NotFound(f"There is no analysis {analysis!r}")
        return found[0]

    async def list_analyses(
        self,
        *,
        cluster: str = "",
        deployment: str = "",
        unfinished: bool = False,
        limit: int = 50,
    ) -> tuple[AnalysisRecord, ...]:
        page = queries.analysis_page(
            cluster=cluster, deployment=deployment, unfinished=unfinished, limit=limit
        )
        return await self._read(AnalysisRecord, page)

    async def append_evidence(self, analysis: str, number: int, evidence: str) -> bool:
        row = rows.evidence_row(analysis, number, evidence)
        keep = partial(_keep, self._statements.keep_evidence, row)
        return await self._write("keep evidence", keep)

    async def read_evidence(self, analysis: str, first: int = 0) -> tuple[str, ...]:
        return await self._ask("read evidence", partial(_read_evidence, analysis, first))

    async def record_judgment(self, judgment: Judgment) -> Judgment:
        work = partial(_keep_judgment, self._statements, judgment)
        return await self._write("record a judgment", work)

    async def read_judgment(self, analysis: str) -> Judgment | None:
        found = await self._read(Judgment, queries.judgment_body(analysis))
        return found[0] if found else None

    async def record_config(
        self,
        name: str,
        document: Mapping[str, Any],  # JSON of any form
        *,
        by: str,
        at: datetime,
    ) -> ConfigVersion:
        work = partial(
            configs.keep_version,
            statements=self._statements,
            name=name,
            document=document,
            by=by,
            at=at,
        )
        return await self._write("keep a canary configuration", work)

    async def read_config(self, name: str, version: int | None = None) -> ConfigVersion:
        work = partial(configs.read_version, name=name, version=version)
        return await self._ask("read a canary configuration", work)

    async def list_configs(self) -> tuple[ConfigVersion, ...]:
        return await self._read(ConfigVersion, queries.newest_config_bodies())

    async def list_config_versions(self, name: str) -> tuple[ConfigVersion, ...]:
        work = partial(configs.read_versions, name=name)
        return await self._ask("read a canary configuration", work)

    async def delete_config(self, name: str) -> None:
        await self._write("delete a canary configuration", partial(configs.remove, name=name))

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
        goes), with all that was written about them; analyses that belong to no deployment and
        ended more than `keep_days` ago; and events older than `event_days`. What has not ended
        stays. Goes in short transactions, so that the journal
        stays writable; may be repeated at any time. SQLite reuses the space, its file does not
        shrink."""
        ended_before = None if keep_days is None else now - timedelta(days=keep_days)
        old = await self._ask(
            "look for what is old",
            partial(retention.observe_old, keep_last=keep_last, ended_before=ended_before),
        )
        gone_events = gone_analyses = 0
        for batch in retention.plan_batches(old):
            gone_analyses += await self._prune_analyses(
                partial(retention.observe_analyses_of, batch=batch)
            )
            gone_events += await self._write(
                "remove old deployments", partial(retention.apply_removal, batch=batch)
            )
        if ended_before is not None:
            free = partial(retention.observe_free_analyses, ended_before=ended_before)
            gone_analyses += await self._prune_analyses(free)
        while event_days is not None:
            before = now - timedelta(days=event_days)
            gone = await self._write(
                "remove old events", partial(retention.apply_event_removal, before=before)
            )
            gone_events += gone
            if not gone:
                break
        return retention.Pruned(deployments=len(old), events=gone_events, analyses=gone_analyses)

    async def _prune_analyses(self, observe: Work[tuple[str, ...]]) -> int:
        """The evidence goes first, in portions: what is cut off is found again."""
        old = await self._ask("look for old analyses", observe)
        for analysis in old:
            remove = partial(retention.apply_evidence_removal, analysis=analysis)
            while await self._write("remove old evidence", remove):
                pass
            await self._write(
                "remove an old analysis",
                partial(retention.apply_analysis_removal, analysis=analysis),
            )
        return len(old)

    # How it is done

    async def _write(self, doing: str, work: Work[T]) -> T:
        return await self._transactions.write(doing, work)

    async def _ask(self, doing: str, work: Work[T]) -> T:
        return await self._transactions.read(doing, work)

    async def _record(self, doing: str, statement: Executable, row: rows.Row) -> None:
        await self._write(doing, partial(_execute, statement, row))

    async def _read(self, kind: type[V], query: Select[str]) -> tuple[V, ...]:
        return await self._ask("read the journal", partial(_values, kind, query))

    async def _observe_place(self, deployment: str) -> queries.Place:
        place = queries.deployment_place(deployment)
        found = await self._ask("read the journal", partial(_first, place))
        if found is None:
            raise NotFound(f"There is no deployment {deployment!r} to go on from")
        return found[0], found[1]

    async def _observe_newest_event(self) -> int:
        found = await self._ask("look for events", partial(_first, queries.newest_event()))
        return 0 if found is None else int(found[0])


def _execute(statement: Executable, row: rows.Row, connection: Connection) -> None:
    connection.execute(statement, row)


def _put_deployment(
    statements: Statements, row: rows.Row, may_be: list[str], connection: Connection
) -> Status | None:
    """None: it is written. Otherwise what is there, which does not give way."""
    written = connection.execute(statements.put_deployment, {**row, "may_be": may_be})
    if written.first() is not None:
        return None
    found = connection.execute(queries.deployment_status(row["id"]))
    return Status(found.scalar_one())


def _add_event(statements: Statements, event: Event, connection: Connection) -> Event:
    counted = connection.execute(statements.next_event)
    numbered = event.model_copy(update={"sequence": counted.scalar_one()})
    connection.execute(statements.add_event, rows.event_row(numbered))
    return numbered


def _read_notes(
    deployment: str, connection: Connection
) -> tuple[tuple[StepRecord, ...], tuple[SplitRecord, ...], tuple[CheckRecord, ...]]:
    return (
        _values(StepRecord, queries.step_bodies(deployment), connection),
        _values(SplitRecord, queries.split_bodies(deployment), connection),
        _values(CheckRecord, queries.check_bodies(deployment), connection),
    )


def _keep(statement: Executable, row: rows.Row, connection: Connection) -> bool:
    """Whether it was not there yet."""
    return connection.execute(statement, row).first() is not None


def _keep_judgment(statements: Statements, judgment: Judgment, connection: Connection) -> Judgment:
    if _keep(statements.keep_judgment, rows.judgment_row(judgment), connection):
        return judgment
    (first,) = _values(Judgment, queries.judgment_body(judgment.analysis), connection)
    return first


def _read_evidence(analysis: str, first: int, connection: Connection) -> tuple[str, ...]:
    bodies = connection.execute(queries.evidence_bodies(analysis, first)).scalars()
    return tuple(rows.parse_evidence(body) for body in bodies)


def _values(kind: type[V], query: Select[str], connection: Connection) -> tuple[V, ...]:
    bodies = (connection.execute(query)).scalars()
    return tuple(rows.parse_body(kind, body) for body in bodies)


def _first(query: Executable, connection: Connection) -> Sequence[Any] | None:
    return (connection.execute(query)).one_or_none()


def _gives_way(now: Status, then: Status) -> bool:
    try:
        return replaces(now, then)
    except ValueError:
        return False
