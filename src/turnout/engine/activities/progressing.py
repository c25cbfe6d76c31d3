"""What a step under way is waiting for: told to Temporal, which must hear of it, and written down
for people.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

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


def read_worked() -> timedelta:
    """How long the attempts before this one have worked, as far as Temporal heard of it."""
    details = activity.info().heartbeat_details
    return timedelta(seconds=float(details[0])) if details else timedelta(0)


@contextlib.asynccontextmanager
async def keeping_alive(
    line: ProgressLine, writer: Writer, cluster: str, worked: Callable[[], timedelta]
) -> AsyncIterator[None]:
    """Meanwhile, send heartbeats, with the time worked so far, for whoever goes on after a crash;
    and write down what is waited for, when that has changed.
    """
    task = asyncio.create_task(_keep_alive(line, writer, cluster, worked))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _keep_alive(
    line: ProgressLine, writer: Writer, cluster: str, worked: Callable[[], timedelta]
) -> None:
    written = line.record
    pause = FIRST_NOTE
    while True:
        await asyncio.sleep(pause)
        activity.heartbeat(worked().total_seconds())  # Temporal's client thins them out
        if line.record != written:
            written = line.record
            try:
                await writer.write_step(written, cluster, tell=False)
            except AdapterError as error:
                log.warning("journal.unwritten", step=written.step, reason=error.message)
        pause = min(max(NOTE_EVERY, pause * 1.05), SLOWEST_NOTE)
