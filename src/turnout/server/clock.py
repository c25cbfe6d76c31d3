"""Real time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The clock of this host."""

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> timedelta:
        """Time since the host was started; never jumps."""
        return timedelta(seconds=time.monotonic())

    async def sleep(self, duration: timedelta) -> None:
        """Wait."""
        await asyncio.sleep(duration.total_seconds())
