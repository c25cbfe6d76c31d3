"""Waking those who wait for events: at once within this process, soon for events of other
processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

LOOK_EVERY = timedelta(seconds=1)
"""How late an event of another process may be noticed. However many wait, the database is asked
once."""


class News:
    """Knows the newest sequence number. `look` asks the database for it."""

    def __init__(self, look: Callable[[], Awaitable[int]], every: timedelta = LOOK_EVERY) -> None:
        self._look = look
        self._every = every.total_seconds()
        self._newest = 0
        self._looked_at = float("-inf")
        self._changed = asyncio.Condition()

    async def tell(self, sequence: int) -> None:
        """An event with this number exists now."""
        async with self._changed:
            if sequence > self._newest:
                self._newest = sequence
                self._changed.notify_all()

    async def await_beyond(self, after: int, timeout: timedelta) -> bool:
        """Wait until an event with a greater number exists; False when none came in time."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout.total_seconds()
        while self._newest <= after:
            if clock() - self._looked_at >= self._every:
                self._looked_at = clock()
                await self.tell(await self._look())
                continue
            left = deadline - clock()
            if left <= 0:
                return False
            await self._await_change(after, min(left, self._looked_at + self._every - clock()))
        return True

    async def _await_change(self, after: int, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self._newest > after)
        except TimeoutError:
            return
