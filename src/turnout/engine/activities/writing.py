"""The journal's pen: records, each with the event that tells of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import structlog

from turnout.engine.messages import Notice
from turnout.engine.records import status_event, step_event
from turnout.model.errors import Conflict
from turnout.model.journal import Event, StepRecord
from turnout.ports import Clock, Journal

log = structlog.get_logger(__name__)


class Writer:
    """Writes records and tells those who follow. Writing the same twice is fine."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    async def write_notice(self, notice: Notice) -> None:
        """Write a deployment's record. Raises `AdapterError`.

        A journal that knows of an end keeps it, and is right to: nobody else writes ends.
        """
        record = notice.record
        try:
            await self._journal.record_deployment(record)
        except Conflict as error:
            log.error("journal.contradicted", deployment=record.id, reason=error.message)
            return
        if notice.announce:
            await self.write_event(status_event(record, self._clock.now()))
            log.info(
                "deployment.status",
                cluster=record.request.cluster,
                deployment=record.id,
                status=str(record.status),
                sentence=record.sentence,
            )

    async def write_step(self, record: StepRecord, cluster: str, *, tell: bool) -> None:
        """Write a step's record, and at the same time tell of it: the journal commits together what
        comes together. Raises `AdapterError`.
        """
        writes: list[Coroutine[object, object, object]] = [self._journal.record_step(record)]
        if tell:
            writes.append(self.write_event(step_event(record, cluster, self._clock.now())))
        await asyncio.gather(*writes)

    async def write_event(self, event: Event) -> None:
        """Tell those who follow. Raises `AdapterError`."""
        await self._journal.record_event(event)
