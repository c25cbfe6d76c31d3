"""How a server is told to end."""

from __future__ import annotations

import asyncio


class Stop:
    """The wish that the server ends, and whether somebody waits for it."""

    def __init__(self) -> None:
        self._told = asyncio.Event()
        self.is_awaited = False
        """Not before the server is ready: until then its start is broken off instead."""

    @property
    def is_told(self) -> bool:
        """Whether it is to end."""
        return self._told.is_set()

    def tell(self) -> None:
        """Have it end."""
        self._told.set()

    async def wait(self) -> None:
        """Returns when it is to end."""
        self.is_awaited = True
        await self._told.wait()
