"""What is written down about deployments between their steps."""

from __future__ import annotations

from datetime import datetime

import structlog
from temporalio import activity

from turnout.engine import options
from turnout.engine.activities.failures import failure_of
from turnout.engine.activities.writing import Writer
from turnout.engine.messages import Acceptance, Ending, News, Receipt
from turnout.engine.operations import Operations
from turnout.engine.records import receipt_of
from turnout.model.deployment import Kind, Status
from turnout.model.errors import AdapterError, NotFound, TurnoutError
from turnout.model.journal import DeploymentRecord
from turnout.ports import Archive, Clock

log = structlog.get_logger(__name__)


class JournalActivities:
    """Writes to the journal. Everything may be repeated, and is: there is no other way to go on."""

    def __init__(
        self, operations: Operations, writer: Writer, archive: Archive, clock: Clock
    ) -> None:
        self._operations = operations
        self._writer = writer
        self._archive = archive
        self._clock = clock

    @activity.defn(name=options.ACCEPT)
    async def accept(self, acceptance: Acceptance) -> Receipt:
        """Write a request down as waiting, unless the journal knows what became of it."""
        try:
            record = acceptance.notice.record
            known = await self._known(record.id)
            if known is not None and known.status is not Status.QUEUED:
                return receipt_of(known)
            notice = acceptance.notice.model_copy(update={"announce": known is None})
            await self._writer.write_notice(notice)
            return receipt_of(record)
        except TurnoutError as error:
            raise failure_of(error, always_retried=True) from error

    @activity.defn(name=options.RECORD)
    async def record(self, news: News) -> None:
        """Write things down, in order."""
        try:
            for notice in news.notices:
                await self._writer.write_notice(notice)
            for step in news.steps:
                await self._writer.write_step(step, "", tell=False)
            for event in news.events:
                await self._writer.write_event(event)
        except TurnoutError as error:
            raise failure_of(error, always_retried=True) from error

    @activity.defn(name=options.FINISH)
    async def finish(self, ending: Ending) -> Receipt:
        """Write down how a deployment ended, with the figures that only the world knows.

        An end that the journal has already is kept.
        """
        try:
            known = await self._known(ending.notice.record.id)
            if known is not None and known.status.is_end:
                # Whoever wrote it may have died before it was told.
                await self._writer.write_notice(ending.notice.model_copy(update={"record": known}))
                return receipt_of(known)
            if ending.before is not None:
                await self._writer.write_notice(ending.before)
            record = await self._complete(ending.notice.record)
            await self._writer.write_notice(ending.notice.model_copy(update={"record": record}))
            return receipt_of(record)
        except TurnoutError as error:
            raise failure_of(error, always_retried=True) from error

    async def _known(self, deployment: str) -> DeploymentRecord | None:
        try:
            return await self._archive.read_deployment(deployment)
        except NotFound:
            return None

    async def _complete(self, record: DeploymentRecord) -> DeploymentRecord:
        if record.request.kind is Kind.ROLLBACK:
            return await self._complete_rollback(record)
        if record.status is Status.SUCCEEDED or record.switched_at is None:
            return record
        until = record.returned_at or self._clock.now()
        group = record.plan.new_group if record.plan else ""
        counted = await self._count(record, group, record.switched_at, until)
        figures = [n for n in (counted, record.failed_requests) if n is not None]
        return record.model_copy(update={"failed_requests": max(figures, default=None)})

    async def _complete_rollback(self, record: DeploymentRecord) -> DeploymentRecord:
        """A person's rollback: what it takes back, how fast, and what users felt until then."""
        source = record.plan.source if record.plan else ""
        reversed_one = await self._find_enabler(record.request.cluster, source) if source else None
        asked = record.request.requested_at
        found: dict[str, object] = {"reverses": reversed_one.id if reversed_one else ""}
        if record.switched_at is not None:
            found |= {"detected_at": asked, "decided_at": asked, "returned_at": record.switched_at}
            if reversed_one and reversed_one.switched_at:
                since = reversed_one.switched_at
                found["failed_requests"] = await self._count(
                    record, source, since, record.switched_at
                )
        return record.model_copy(update=found)

    async def _find_enabler(self, cluster: str, group: str) -> DeploymentRecord | None:
        """The last deployment that gave this group traffic for good."""
        before: str | None = None
        while True:
            page = await self._archive.list_deployments(
                cluster=cluster, statuses=frozenset({Status.SUCCEEDED}), before=before
            )
            for record in page:
                if record.switched_at and record.plan and record.plan.new_group == group:
                    return record
            if not page:
                return None
            before = page[-1].id

    async def _count(
        self, record: DeploymentRecord, group: str, since: datetime, until: datetime
    ) -> int | None:
        try:
            return await self._operations.count_failed(record.request.cluster, group, since, until)
        except AdapterError as error:
            log.warning("requests.uncounted", deployment=record.id, reason=error.message)
            return None
