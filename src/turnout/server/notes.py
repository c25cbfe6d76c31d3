"""Writes down what the adapters report, in order, without ever holding them up."""

from __future__ import annotations

import asyncio

import structlog

from turnout.model.errors import AdapterError
from turnout.model.journal import Event
from turnout.ports import Journal

log = structlog.get_logger(__name__)

ROOM = 10_000
"""Events that may wait for a journal that is away."""

_AGAIN = 0.5


class EventNotes:
    """`note` is called by the adapters in the event loop; `run` writes."""

    def __init__(self, room: int = ROOM) -> None:
        self._waiting: asyncio.Queue[Event] = asyncio.Queue(room)

    def note(self, event: Event) -> None:
        """Have the event written down soon. When too many wait, it is only in the log."""
        log.info(event.kind, cluster=event.cluster, sentence=event.sentence)
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            log.error("event.lost", kind=event.kind, sentence=event.sentence, waiting=ROOM)

    async def run(self, journal: Journal) -> None:
        """Until cancelled."""
        while True:
            event = await self._waiting.get()
            await self._record(journal, event)

    async def _record(self, journal: Journal, event: Event) -> None:
        while True:
            try:
                await journal.record_event(event)
                return
            except AdapterError as error:
                log.warning("event.not_recorded", kind=event.kind, error=error.message)
                await asyncio.sleep(_AGAIN)
