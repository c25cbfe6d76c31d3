"""What a step under way is waiting for: told to Temporal, which must hear of it, and written down
for people.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from temporalio import activity

from turnout.engine.activities.writing import Writer
from turnout.model.errors import AdapterError
from turnout.model.journal import StepRecord

log = structlog.get_logger(__name__)

FIRST_NOTE = 0.25
"""Seconds before a step is worth a word; most have ended by then."""

NOTE_EVERY = 1.0
SLOWEST_NOTE = 5.0


class ProgressLine:
    """A step's record while it runs."""

    def __init__(self, record: StepRecord) -> None:
        self.record = record

    def report(self, reason: str) -> None:
        """Note what it waits for."""
        self.record = self.record.model_copy(update={"waiting_for": reason})


@contextlib.asynccontextmanager
async def keeping_alive(line: ProgressLine, writer: Writer, cluster: str) -> AsyncIterator[None]:
    """Meanwhile, send heartbeats and write down what is waited for, when that has changed."""
    task = asyncio.create_task(_keep_alive(line, writer, cluster))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _keep_alive(line: ProgressLine, writer: Writer, cluster: str) -> None:
    written = line.record
    pause = FIRST_NOTE
    while True:
        await asyncio.sleep(pause)
        activity.heartbeat()  # Temporal's client thins them out
        if line.record != written:
            written = line.record
            try:
                await writer.write_step(written, cluster, tell=False)
            except AdapterError as error:
                log.warning("journal.unwritten", step=written.step, reason=error.message)
        pause = min(max(NOTE_EVERY, pause * 1.05), SLOWEST_NOTE)
