"""Work that goes on for as long as the server does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

log = structlog.get_logger(__name__)

AGAIN_AFTER = 1.0
"""Seconds: a mistake of ours in one kind of work must neither end the others nor spin."""


class Tasks:
    """Owns the tasks of a group; made by `running_tasks`."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._started: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do it until the end; when it fails, tell the log and do it again."""
        self._started.append(self._group.create_task(_keep_doing(name, work), name=name))

    def cancel(self) -> None:
        """The end."""
        for task in self._started:
            task.cancel()


@asynccontextmanager
async def running_tasks() -> AsyncIterator[Tasks]:
    """All tasks have ended when the block is left."""
    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group)
        try:
            yield tasks
        finally:
            tasks.cancel()


async def _keep_doing(name: str, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Exception:  # the edge of a task: the server outlives a mistake in a part of it
            log.exception("work.failed", work=name)
        await asyncio.sleep(AGAIN_AFTER)
