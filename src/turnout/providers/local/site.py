"""What all parts of the local target share: whom to tell, whom to ask, who owns the tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from turnout.model.journal import Event
from turnout.ports import Clock, Drainer
from turnout.providers.local.port_range import PortRange

Data = dict[str, str | int | float | bool | None]


class Tasks:
    """Owns tasks: none is lost, all end together."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start a task. What it raises is for its awaiter."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def end(self) -> None:
        """Cancel all tasks and wait for their end."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Site:
    """The surroundings of groups and their instances."""

    clock: Clock
    drainer: Drainer
    ports: PortRange
    environment: Mapping[str, str]
    """Of the server; instances get the harmless part of it."""
    on_change: Callable[[str], None]
    on_event: Callable[[Event], None]
    max_log_bytes: int
    tasks: Tasks = field(default_factory=Tasks)

    def tell(self, cluster: str, kind: str, sentence: str, data: Data) -> None:
        """Emit an event."""
        event = Event(at=self.clock.now(), cluster=cluster, kind=kind, sentence=sentence, data=data)
        self.on_event(event)
