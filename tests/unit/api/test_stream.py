from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from tests.unit.api.parts import Parts, build_parts
from turnout.api import stream
from turnout.api.stream import Feed, stream_events
from turnout.model.errors import Temporary
from turnout.model.journal import Event
from turnout.testing import MemoryJournal


def event(number: int, cluster: str = "shop", deployment: str = "d") -> Event:
    return Event(
        at=datetime(2026, 1, 1, tzinfo=UTC),
        cluster=cluster,
        deployment=deployment,
        kind="step.started",
        sentence=f"event {number}",
    )


class CountingJournal(MemoryJournal):
    """Knows how often it was read, and can be away for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.away = 0

    async def read_events(
        self,
        *,
        after: int,
        cluster: str | None = None,
        deployment: str | None = None,
        limit: int = 500,
    ) -> tuple[Event, ...]:
        self.reads += 1
        if self.away:
            self.away -= 1
            raise Temporary("the database is away")
        return await super().read_events(
            after=after, cluster=cluster, deployment=deployment, limit=limit
        )


@asynccontextmanager
async def running(feed: Feed, journal: MemoryJournal) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        await journal.record_event(event(0, cluster="none"))
        async with asyncio.timeout(60):
            while feed.newest < (await journal.read_events(after=0, limit=10**6))[-1].sequence:
                await asyncio.sleep(0)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def take(events: AsyncIterator[Event], count: int) -> list[int]:
    found: list[int] = []
    async with asyncio.timeout(60):
        async for one in events:
            found.append(one.sequence)
            if len(found) == count:
                break
    return found


async def test_a_watcher_gets_what_comes_after_its_place_and_then_what_is_new() -> None:
    journal = MemoryJournal()
    feed = Feed(journal)
    for number in range(5):
        await journal.record_event(event(number))
    async with running(feed, journal):
        events = feed.follow(2)
        assert await take(events, 4) == [3, 4, 5, 6]
        watcher = feed.follow(6)
        waiting = asyncio.create_task(take(watcher, 1))
        await journal.record_event(event(7))
        assert await waiting == [7]


async def test_without_a_place_only_new_events_come() -> None:
    journal = MemoryJournal()
    feed = Feed(journal)
    for number in range(5):
        await journal.record_event(event(number))
    async with running(feed, journal):
        waiting = asyncio.create_task(take(feed.follow(None), 1))
        await asyncio.sleep(0)
        await journal.record_event(event(7))
        assert await waiting == [7]


async def test_a_watcher_of_one_cluster_or_deployment_gets_only_that() -> None:
    journal = MemoryJournal()
    feed = Feed(journal)
    async with running(feed, journal):
        for number in range(20):
            await journal.record_event(
                event(number, cluster=f"c{number % 2}", deployment=f"d{number % 5}")
            )
        assert await take(feed.follow(0, cluster="c1"), 10) == list(range(3, 22, 2))
        assert await take(feed.follow(0, cluster="c1", deployment="d3"), 2) == [5, 15]


async def test_what_concerns_every_cluster_is_for_every_watcher() -> None:
    journal = MemoryJournal()
    feed = Feed(journal)
    async with running(feed, journal):
        of_cluster = asyncio.create_task(take(feed.follow(None, cluster="shop"), 2))
        of_deployment = asyncio.create_task(take(feed.follow(1, deployment="d"), 2))
        await asyncio.sleep(0)
        await journal.record_event(event(1, cluster="", deployment=""))
        await journal.record_event(event(2, cluster="toy", deployment="e"))
        await journal.record_event(event(3))
        assert await of_cluster == [2, 4]
        assert await of_deployment == [2, 4]


@pytest.mark.parametrize("keep", [1, 1000])
async def test_it_reaches_those_who_catch_up_too_and_none_from_before_a_deployment(
    monkeypatch: pytest.MonkeyPatch, keep: int
) -> None:
    monkeypatch.setattr(stream, "PAGE", 3)
    monkeypatch.setattr(stream, "KEEP", keep)
    journal = MemoryJournal()
    feed = Feed(journal)
    async with running(feed, journal):
        for number in range(30):
            cluster = ("", "shop", "toy")[number % 3]
            deployment = "mine" if cluster == "shop" and number > 10 else ""
            await journal.record_event(event(number, cluster=cluster, deployment=deployment))
        general, shop = list(range(2, 32, 3)), list(range(3, 32, 3))
        assert await take(feed.follow(0, cluster="shop"), 20) == sorted([*general, *shop])
        since = [n for n in sorted([*general, *shop]) if n >= 15]
        assert await take(feed.follow(0, deployment="mine"), len(since)) == since


async def test_who_is_far_behind_catches_up_from_the_archive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "PAGE", 7)
    monkeypatch.setattr(stream, "KEEP", 10)
    journal = MemoryJournal()
    feed = Feed(journal)
    async with running(feed, journal):
        for number in range(200):
            await journal.record_event(event(number, cluster=f"c{number % 3}"))
        assert await take(feed.follow(0), 201) == list(range(1, 202))
        assert await take(feed.follow(1, cluster="c2"), 66) == list(range(4, 202, 3))


async def test_a_place_that_is_not_reached_yet_is_the_newest() -> None:
    """The database was put back to an older copy: whoever resumes must not wait for ever."""
    journal = MemoryJournal()
    feed = Feed(journal)
    async with running(feed, journal):
        waiting = asyncio.create_task(take(feed.follow(10_000), 1))
        await asyncio.sleep(0)
        await journal.record_event(event(1))
        assert await waiting == [2]


async def test_two_hundred_watchers_cost_one_reading() -> None:
    journal = CountingJournal()
    feed = Feed(journal)
    async with running(feed, journal):
        watchers = [asyncio.create_task(take(feed.follow(None), 10)) for _ in range(200)]
        await asyncio.sleep(0)
        before = journal.reads
        for number in range(10):
            await journal.record_event(event(number))
            await asyncio.sleep(0.005)
        assert await asyncio.gather(*watchers) == [list(range(2, 12))] * 200
        assert journal.reads - before <= 15


async def test_a_journal_that_is_away_for_a_while_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "_AGAIN", 0.001)
    journal = CountingJournal()
    feed = Feed(journal)
    async with running(feed, journal):
        waiting = asyncio.create_task(take(feed.follow(None), 2))
        await asyncio.sleep(0)
        journal.away = 3
        await journal.record_event(event(1))
        await journal.record_event(event(2))
        assert await waiting == [2, 3]


async def test_everybody_comes_to_an_end_when_the_feed_is_closed() -> None:
    journal = MemoryJournal()
    feed = Feed(journal)
    async with running(feed, journal):
        watchers = [asyncio.create_task(take(feed.follow(None), 1)) for _ in range(3)]
        await asyncio.sleep(0)
        feed.close()
        assert await asyncio.wait_for(asyncio.gather(*watchers), 60) == [[], [], []]


async def lines_of(parts: Parts, path: str, count: int, **headers: str) -> list[str]:
    """The first lines of a stream that has no end: asked for as a server would."""
    lines: list[str] = []
    enough = asyncio.Event()
    path, _, query = path.partition("?")

    async def receive() -> dict[str, object]:
        if not received:
            received.append(True)
            return {"type": "http.request", "body": b"", "more_body": False}
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
        body = message.get("body", b"")
        assert isinstance(body, bytes)
        lines.extend(line for line in body.decode().split("\n") if line)
        if len(lines) >= count:
            enough.set()

    received: list[bool] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"/api/v1{path}",
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:7600"),
            *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()),
        ],
        "server": ("127.0.0.1", 7600),
        "client": ("127.0.0.1", 1),
    }
    async with asyncio.timeout(60):
        await parts.app(scope, receive, send)  # type: ignore[arg-type]
    return lines[:count]


async def test_events_cross_as_server_sent_events_and_resume_by_their_id() -> None:
    parts = build_parts()
    for number in range(3):
        await parts.journal.record_event(event(number))
    async with running(parts.feed, parts.journal):
        lines = await lines_of(parts, "/events?after=1&cluster=shop", 8)
        assert lines[:2] == [": welcome", "retry: 1000"]
        assert lines[2:4] == ["id: 2", "event: step.started"]
        assert lines[4].startswith('data: {"sequence":2,')
        resumed = await lines_of(parts, "/events?after=0&cluster=shop", 3, last_event_id="2")
        assert resumed[2] == "id: 3"


async def test_a_deployment_is_told_from_its_start() -> None:
    parts = build_parts()
    await parts.journal.record_event(event(0, deployment="x"))
    async with running(parts.feed, parts.journal):
        lines = await lines_of(parts, "/events?deployment=x", 3)
    assert lines[2] == "id: 1"


async def test_a_silent_stream_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.01)
    parts = build_parts()
    async with running(parts.feed, parts.journal):
        lines = await lines_of(parts, "/events", 4)
    assert lines[2:4] == [": still here", ": still here"]


async def test_a_stream_ends_quietly_when_the_journal_cannot_be_read() -> None:
    """Whoever watches comes again, and goes on after its last event."""

    async def broken() -> AsyncIterator[Event]:
        yield event(1)
        raise Temporary("the database is away")

    response = stream_events(broken())
    sent = [part async for part in response.body_iterator]
    assert len(sent) == 2


def test_the_stream_is_not_kept_by_anybody_on_the_way() -> None:
    response = stream_events(Feed(MemoryJournal()).follow(None))
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-accel-buffering"] == "no"
