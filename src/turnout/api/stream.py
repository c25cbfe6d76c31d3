"""Live events for any number of watchers: the archive is read once for all of them.

A watcher that is behind what is kept here catches up from the archive by itself, so nothing is lost
and nobody slow holds up the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from datetime import timedelta

import structlog
from sse_starlette import EventSourceResponse, ServerSentEvent

from turnout.model.errors import AdapterError
from turnout.model.journal import Event
from turnout.ports import Archive

log = structlog.get_logger(__name__)

KEEP = 2000
"""Events that are kept for those who are nearly up to date."""

PAGE = 500

HEARTBEAT = 10.0
"""Seconds between signs of life."""

_LOOK = timedelta(seconds=5)
_AGAIN = 0.5
_SEND_WITHIN = 30.0
"""Seconds after which a watcher that takes nothing is dropped."""


class Feed:
    """Hands on the events of an archive as they come, while `run` runs."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._kept: deque[Event] = deque(maxlen=KEEP)
        self._newest = 0
        self._is_started = False
        self._changed = asyncio.Event()
        self.closed = asyncio.Event()
        """Set when everything that has no end of its own is to end."""

    @property
    def newest(self) -> int:
        """The sequence number of the last event that was handed on."""
        return self._newest

    async def run(self) -> None:
        """Follow the archive until cancelled."""
        while True:
            try:
                if not self._is_started:
                    self._newest = await _find_newest(self._archive)
                    self._is_started = True
                    self._wake()
                if await self._archive.await_event(self._newest, _LOOK):
                    await self._read_on()
            except AdapterError as error:
                log.warning("events.not_read", error=error.message)
                await asyncio.sleep(_AGAIN)

    def close(self) -> None:
        """Everybody who follows comes to an end."""
        self.closed.set()
        self._changed.set()

    async def follow(
        self, after: int | None, *, cluster: str | None = None, deployment: str | None = None
    ) -> AsyncIterator[Event]:
        """Events with a greater sequence number, then new ones as they come. None = only new ones.

        What concerns every cluster, as a restart of the router, is for every watcher; for that of a
        deployment from its first event on. Ends when the feed is closed. Raises what the archive
        raises.
        """
        while not self._is_started and not self.closed.is_set():
            await self._changed.wait()
        place = self._newest if after is None else min(after, self._newest)
        has_begun = deployment is None or place > 0
        while not self.closed.is_set():
            changed = self._changed
            newest = self._newest
            if place >= newest:
                await changed.wait()
                continue
            page, place = await self._page(place, newest, cluster, deployment)
            for event in page:
                has_begun = has_begun or event.deployment == deployment
                if has_begun:
                    yield event

    async def _page(
        self, place: int, newest: int, cluster: str | None, deployment: str | None
    ) -> tuple[list[Event], int]:
        """What comes after a place, and the place after it."""
        if self._kept and self._kept[0].sequence <= place + 1:
            events = [
                event
                for event in self._kept
                if event.sequence > place
                and (
                    not event.cluster
                    or (cluster in (None, event.cluster) and deployment in (None, event.deployment))
                )
            ]
            return events, newest
        read = await self._read(place, cluster, deployment)
        if len(read) == PAGE:
            return read, read[-1].sequence
        return read, max(newest, read[-1].sequence if read else 0)

    async def _read(self, place: int, cluster: str | None, deployment: str | None) -> list[Event]:
        """A page of the archive. Both parts begin at the same place, so what the page has no room
        for comes after it."""
        own = await self._archive.read_events(
            after=place, cluster=cluster, deployment=deployment, limit=PAGE
        )
        if cluster is None and deployment is None:
            return list(own)
        general = await self._archive.read_events(after=place, cluster="", limit=PAGE)
        return sorted((*own, *general), key=lambda event: event.sequence)[:PAGE]

    async def _read_on(self) -> None:
        read = await self._archive.read_events(after=self._newest, limit=PAGE)
        if read:
            self._kept.extend(read)
            self._newest = read[-1].sequence
            self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def stream_events(events: AsyncIterator[Event]) -> EventSourceResponse:
    """Server-sent events: id is the sequence number, so that a browser resumes by itself."""
    return EventSourceResponse(
        _format(events),
        ping=HEARTBEAT,
        ping_message_factory=lambda: ServerSentEvent(comment="still here", sep="\n"),
        send_timeout=_SEND_WITHIN,
        sep="\n",
    )


async def _format(events: AsyncIterator[Event]) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(comment="welcome", retry=1000, sep="\n")
    try:
        async for event in events:
            yield ServerSentEvent(
                id=str(event.sequence), event=event.kind, data=event.model_dump_json(), sep="\n"
            )
    except AdapterError as error:  # whoever watches comes again, and goes on where this ends
        log.warning("stream.ended", error=error.message)


async def _find_newest(archive: Archive) -> int:
    """The greatest sequence number, by halving: the archive only says what comes after one."""
    low, high = 0, 1
    while await archive.read_events(after=high - 1, limit=1):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if await archive.read_events(after=middle - 1, limit=1):
            low = middle
        else:
            high = middle
    return low
