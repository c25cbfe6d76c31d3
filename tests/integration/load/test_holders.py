import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.integration.load.services import RunningShop
from turnout.testing.holders import Ending, Held, Holder, hold_events, hold_websockets

SOON = timedelta(seconds=60)
OFTEN = timedelta(milliseconds=20)
IMPATIENT = timedelta(milliseconds=300)


@asynccontextmanager
async def websockets_that(
    behave: Callable[[ServerConnection], Awaitable[None]],
) -> AsyncIterator[str]:
    """A service that says version 9 and then behaves as it is told."""

    async def handle(connection: ServerConnection) -> None:
        await connection.send("9")
        await behave(connection)

    async with serve(handle, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


@asynccontextmanager
async def events_that_say(*parts: bytes, hang: bool = False) -> AsyncIterator[str]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
        if hang:
            await reader.read()
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/events"


async def held_until(holder: Holder, holds: Callable[[Held], bool]) -> Held:
    """Hold until it is so, then let go."""
    async with holder:
        await await_held(holder, holds)
        return await holder.stop()


async def await_held(holder: Holder, holds: Callable[[Held], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds(holder.report()):
            await asyncio.sleep(0.01)


def open_once(held: Held) -> list[Ending]:
    """Endings of connections that had been open: those opened again afterwards fail."""
    return [ending for ending in held.endings if ending.version]


def has_ended(held: Held) -> bool:
    return len(held.endings) >= 2


async def test_websockets_are_held_and_echo(shop: RunningShop) -> None:
    holder = hold_websockets(shop.websocket, count=5, every=OFTEN)
    held = await held_until(holder, lambda held: held.open == 5 and held.messages >= 25)
    assert held.versions == {"1": 5}
    assert held.endings == ()


async def test_event_streams_are_held(shop: RunningShop) -> None:
    holder = hold_events(f"{shop.url}/events", count=5)
    held = await held_until(holder, lambda held: held.messages >= 10)
    assert (held.open, held.versions, held.endings) == (5, {"1": 5}, ())


async def test_a_service_that_stops_in_order_ends_its_connections_in_order(
    shop: RunningShop,
) -> None:
    began = datetime.now(UTC)
    async with (
        hold_websockets(shop.websocket, count=3, every=OFTEN) as websockets,
        hold_events(f"{shop.url}/events", count=3) as events,
    ):
        await websockets.await_open(SOON, version="1")
        await events.await_open(SOON, version="1")
        assert await shop.stop() == 0
        sockets_held, events_held = await websockets.stop(), await events.stop()
    for held, how in ((sockets_held, "1001"), (events_held, "end of the stream")):
        were_open = open_once(held)
        assert [(e.version, e.in_order, e.how) for e in were_open] == [("1", True, how)] * 3
        assert all(began < e.opened < e.ended for e in were_open)
        assert all(e.how.startswith(("not opened", "connection lost")) for e in held.lost)


async def test_a_killed_service_loses_its_connections(shop: RunningShop) -> None:
    async with (
        hold_websockets(shop.websocket, count=2, every=OFTEN) as websockets,
        hold_events(f"{shop.url}/events", count=2) as events,
    ):
        await websockets.await_open(SOON)
        await events.await_open(SOON)
        await shop.kill()
        await await_held(websockets, lambda held: len(open_once(held)) == 2)
        await await_held(events, lambda held: len(open_once(held)) == 2)
    for held in (websockets.report(), events.report()):
        assert [(e.version, e.in_order) for e in open_once(held)] == [("1", False)] * 2


async def test_a_connection_that_ended_is_replaced() -> None:
    async def leaves(connection: ServerConnection) -> None:
        await connection.close(1001, "bye")

    async with websockets_that(leaves) as url:
        held = await held_until(hold_websockets(url, count=1, every=OFTEN), has_ended)
    assert {(e.version, e.in_order, e.how) for e in held.endings} == {("9", True, "1001 bye")}
    assert held.lost == ()


async def test_another_closing_code_is_a_loss() -> None:
    async def breaks(connection: ServerConnection) -> None:
        await connection.close(1011)

    async with websockets_that(breaks) as url:
        held = await held_until(hold_websockets(url, count=1, every=OFTEN), has_ended)
    assert {(e.in_order, e.how) for e in held.lost} == {(False, "1011")}


async def test_a_wrong_echo_is_a_loss() -> None:
    async def lies(connection: ServerConnection) -> None:
        async for _ in connection:
            await connection.send("something else")

    async with websockets_that(lies) as url:
        held = await held_until(hold_websockets(url, count=1, every=OFTEN), has_ended)
    assert held.lost[0].how == "wrong echo: 'something else' instead of 'message 0'"


async def test_an_echo_that_never_comes_is_a_loss() -> None:
    async def is_silent(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with websockets_that(is_silent) as url:
        holder = hold_websockets(url, count=1, every=OFTEN, patience=IMPATIENT)
        held = await held_until(holder, has_ended)
    assert held.lost[0].how == "no message within 0.3 s"


async def test_a_websocket_that_cannot_be_opened_is_a_loss(shop: RunningShop) -> None:
    holder = hold_websockets(f"{shop.websocket}/nowhere", count=1)
    held = await held_until(holder, has_ended)
    assert (held.open, held.messages) == (0, 0)
    assert "not opened" in held.lost[0].how
    assert "404" in held.lost[0].how


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("parts", "how"),
    [
        ([HEAD, b'16\r\ndata: {"version":"9"}\n\r\n'], "connection lost"),
        ([HEAD, b"0\r\n\r\n"], "ended before the first event"),
        ([HEAD, b"f\r\ndata: nonsense\n\r\n"], "malformed event"),
        ([b"HTTP/1.1 503 Oh\r\ncontent-length: 0\r\n\r\n"], "not opened: status 503"),
        ([], "connection lost"),
    ],
)
async def test_a_stream_that_does_not_end_as_it_should_is_a_loss(
    parts: list[bytes], how: str
) -> None:
    async with events_that_say(*parts) as url:
        held = await held_until(hold_events(url, count=1), has_ended)
    assert held.lost == held.endings
    assert held.lost[0].how.startswith(how)


async def test_a_stream_without_events_is_a_loss() -> None:
    async with events_that_say(HEAD, hang=True) as url:
        held = await held_until(hold_events(url, count=1, patience=IMPATIENT), has_ended)
    assert held.lost[0].how == "no event within 0.3 s"


async def test_waiting_in_vain_says_what_is_missing(shop: RunningShop) -> None:
    async with hold_websockets(shop.websocket, count=2) as holder:
        await holder.await_open(SOON)
        with pytest.raises(TimeoutError, match=r"2 of 2 open after 0.05 s, by version {'1': 2}"):
            await holder.await_open(timedelta(seconds=0.05), version="2")
