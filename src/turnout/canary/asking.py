"""Questions to sources that are under way: one at a time for each metric, and no look waits for a
slow one, so that figures which are there are judged at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import structlog

from turnout.canary.evidence import Slice
from turnout.model.errors import TurnoutError

log = structlog.get_logger(__name__)

WAITS = timedelta(seconds=1)
"""How long a look waits for the answers to what it asks."""

Ask = Callable[[], Awaitable[list[Slice]]]


class Asking:
    """The questions of one analysis."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[list[Slice]]] = {}
        self._asked: dict[str, timedelta] = {}
        self.errors: dict[str, str] = {}
        """By metric, of the last answer to each."""

    def is_due(self, metric: str, elapsed: timedelta, pause: timedelta) -> bool:
        """Whether it is not being asked for, and was not within this time."""
        before = self._asked.get(metric)
        return metric not in self._tasks and (before is None or elapsed - before >= pause)

    async def ask(self, questions: Mapping[str, Ask], elapsed: timedelta) -> list[Slice]:
        """What has been answered by now, also to earlier questions. What fails is told in `errors`,
        and holds up nothing else.
        """
        begun = [asyncio.ensure_future(ask()) for ask in questions.values()]
        self._tasks.update(zip(questions, begun, strict=True))
        self._asked.update(dict.fromkeys(questions, elapsed))
        if begun:
            await asyncio.wait(begun, timeout=WAITS.total_seconds())
        done = [name for name, task in self._tasks.items() if task.done()]
        return [slice_ for name in done for slice_ in self._take(name, self._tasks.pop(name))]

    def close(self) -> None:
        """Nobody wants to know any more."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()

    def _take(self, metric: str, task: asyncio.Task[list[Slice]]) -> list[Slice]:
        error = task.exception()
        if error is None:
            self.errors.pop(metric, None)
            return task.result()
        if isinstance(error, TurnoutError):
            self.errors[metric] = error.message
        elif isinstance(error, Exception):  # the edge: a bug in one source is not the others'
            log.error("figures.failed", metric=metric, exc_info=error)
            self.errors[metric] = f"{type(error).__name__}: {error}"
        else:
            raise error
        return []
