from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from turnout.model.errors import Temporary
from turnout.model.journal import Event
from turnout.server import notes
from turnout.server.notes import EventNotes
from turnout.testing import MemoryJournal


class TroubledJournal(MemoryJournal):
    away = 0

    async def record_event(self, event: Event) -> Event:
        if self.away:
            self.away -= 1
            raise Temporary("the database is away")
        return await super().record_event(event)


def event(number: int) -> Event:
    return Event(
        at=datetime(2026, 1, 1, tzinfo=UTC), cluster="a", kind="x", sentence=f"event {number}"
    )


async def recorded(journal: MemoryJournal, count: int) -> list[str]:
    async with asyncio.timeout(60):
        while len(await journal.read_events(after=0)) < count:
            await asyncio.sleep(0.001)
    return [e.sentence for e in await journal.read_events(after=0)]


async def test_events_are_written_down_in_order_also_when_the_journal_was_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notes, "_AGAIN", 0.001)
    journal, noted = TroubledJournal(), EventNotes()
    journal.away = 3
    task = asyncio.create_task(noted.run(journal))
    for number in range(5):
        noted.note(event(number))
    assert await recorded(journal, 5) == [f"event {n}" for n in range(5)]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_who_reports_is_never_held_up_by_a_journal_that_stays_away() -> None:
    noted = EventNotes(room=3)
    for number in range(10):
        noted.note(event(number))
    journal = MemoryJournal()
    task = asyncio.create_task(noted.run(journal))
    assert await recorded(journal, 3) == ["event 0", "event 1", "event 2"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
