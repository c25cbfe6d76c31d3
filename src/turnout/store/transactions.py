"""Work on the database, done in threads: what is read side by side, what is written together.

Every commit waits for the disk. So while one is on its way, what is to be written next gathers, and
then goes into one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy import URL, Connection

from turnout.model.errors import Temporary
from turnout.store.database import CONNECTIONS, describe, for_writing, open_engine
from turnout.store.errors import translated

log = structlog.get_logger(__name__)

T = TypeVar("T")

Work = Callable[[Connection], T]
"""Runs in a thread, within a transaction; may be repeated when that was rolled back."""

TOGETHER = 100
"""At most so many pieces of work in one transaction."""


@dataclass(frozen=True, slots=True, eq=False)
class _Wish:
    """One piece of work, and who waits for it."""

    work: Work[Any]  # each has an outcome of its own type
    outcome: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Transactions:
    """The connections of one store. All methods raise `Temporary` and `Permanent`.

    Who waits may be cancelled; work that has begun is not.
    """

    def __init__(self, url: URL, patience: timedelta) -> None:
        self._where = describe(url)
        with translated("open the journal", self._where):
            self.engine = open_engine(url, patience)
        self._writing = for_writing(self.engine)
        # One of them writes, which leaves connections for those who read.
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="journal")
        self._wishes: list[_Wish] = []
        self._writer: asyncio.Task[None] | None = None

    async def read(self, doing: str, work: Work[T]) -> T:
        """Do it on what is there at one moment."""
        with translated(doing, self._where):
            return await self._in_thread(lambda: self._read(work))

    async def write(self, doing: str, work: Work[T]) -> T:
        """Do it and commit: whole or not at all. Work is done in the order in which it came."""
        wish = _Wish(work)
        wish.outcome.add_done_callback(_note)
        self._wishes.append(wish)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        with translated(doing, self._where):
            outcome: T = await asyncio.shield(wish.outcome)
        return outcome

    async def close(self) -> None:
        """Returns when everything that was begun is done."""
        if self._writer is not None:
            await asyncio.wait([self._writer])
        await asyncio.to_thread(self._threads.shutdown)
        self.engine.dispose()

    async def _write_all(self) -> None:
        await asyncio.sleep(0)  # for those who come in the same moment
        while self._wishes:
            batch, self._wishes = self._wishes[:TOGETHER], self._wishes[TOGETHER:]
            await self._write_batch(batch)

    async def _write_batch(self, batch: Sequence[_Wish]) -> None:
        """All in one transaction; when one of them is refused, each in its own."""
        try:
            outcomes = await self._in_thread(lambda: self._commit(batch))
        except Exception as error:  # whatever it is, it is for those who wait
            if len(batch) > 1 and not self._is_passing(error):
                for wish in batch:
                    await self._write_batch([wish])
                return
            for wish in batch:
                wish.outcome.set_exception(error)
        else:
            for wish, outcome in zip(batch, outcomes, strict=True):
                wish.outcome.set_result(outcome)

    def _commit(self, batch: Sequence[_Wish]) -> list[Any]:
        with self._writing.begin() as connection:
            return [wish.work(connection) for wish in batch]

    def _read(self, work: Work[T]) -> T:
        with self.engine.connect() as connection:
            return work(connection)

    def _is_passing(self, error: Exception) -> bool:
        """Whether each alone would meet with the same trouble: a lock, a full disk."""
        try:
            with translated("write", self._where):
                raise error
        except Temporary:
            return True
        except Exception:
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _note(outcome: asyncio.Future[Any]) -> None:
    """Somebody who was cancelled does not ask how it went; nothing is unheard of."""
    if not outcome.cancelled() and outcome.exception() is not None:
        log.debug("store.failed", error=str(outcome.exception()))
