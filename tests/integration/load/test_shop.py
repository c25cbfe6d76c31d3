import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

from tests.integration.load.services import RunningShop, running_shop
from turnout.testing.load import Load, closed_loop

SOON = timedelta(seconds=60)


class Wire:
    """A connection on which every byte is ours."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def say(self, text: str) -> None:
        self._writer.write(text.replace("\n", "\r\n").encode())

    def get(self, path: str, *fields: str) -> None:
        self.say("\n".join([f"GET {path} HTTP/1.1", "host: shop", *fields, "", ""]))

    async def answer(self, *, has_body: bool = True) -> tuple[int, dict[str, str], str]:
        async with asyncio.timeout(60):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.strip().split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines)
            length = int(fields["content-length"]) if has_body else 0
            body = await self._reader.readexactly(length)
        return int(status.split(" ")[1]), fields, body.decode()

    async def rest(self) -> bytes:
        """What still comes until the other side closes."""
        async with asyncio.timeout(60):
            return await self._reader.read()


@asynccontextmanager
async def wire(shop: RunningShop) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


async def ask(shop: RunningShop, path: str) -> tuple[int, dict[str, str], str]:
    async with wire(shop) as line:
        line.get(path)
        return await line.answer()


async def test_the_shop_says_who_it_is() -> None:
    async with running_shop(VERSION="7", INSTANCE="i-1") as shop:
        status, fields, body = await ask(shop, "/")
    assert status == 200
    assert (fields["x-version"], fields["x-instance"]) == ("7", "i-1")
    assert json.loads(body) == {"version": "7", "instance": "i-1"}


async def test_a_connection_serves_one_request_after_the_other(shop: RunningShop) -> None:
    async with wire(shop) as line:
        for path, expected in (("/", 200), ("/nowhere", 404), ("/healthz", 200), ("/ws", 404)):
            line.get(path)
            assert (await line.answer())[0] == expected


async def test_requests_that_come_together_are_answered_in_order(shop: RunningShop) -> None:
    async with wire(shop) as line:
        for path in ("/slow?ms=50", "/nowhere", "/healthz"):
            line.get(path)
        assert [(await line.answer())[0] for _ in range(3)] == [200, 404, 200]


async def test_a_body_is_read_over(shop: RunningShop) -> None:
    async with wire(shop) as line:
        line.say("POST / HTTP/1.1\ncontent-length: 10\n\n01234")
        line.say("56789GET /healthz HTTP/1.1\n\n")
        assert [(await line.answer())[2] != "ok\n", (await line.answer())[2]] == [True, "ok\n"]


async def test_head_has_no_body(shop: RunningShop) -> None:
    async with wire(shop) as line:
        line.say("HEAD / HTTP/1.1\nconnection: close\n\n")
        status, fields, _ = await line.answer(has_body=False)
        assert (status, await line.rest()) == (200, b"")
    assert int(fields["content-length"]) > 0


@pytest.mark.parametrize(
    "request_head",
    [
        "nonsense\n\n",
        "GET /slow?ms=soon HTTP/1.1\n\n",
        "POST / HTTP/1.1\ncontent-length: -1\n\n",
        "POST / HTTP/1.1\ncontent-length: 99999999\n\n",
        "POST / HTTP/1.1\ntransfer-encoding: chunked\n\n",
        pytest.param(f"GET / HTTP/1.1\nx: {'x' * 1_100_000}", id="a head without end"),
    ],
)
async def test_what_cannot_be_read_is_refused_and_the_connection_closed(
    shop: RunningShop, request_head: str
) -> None:
    async with wire(shop) as line:
        line.say(request_head)
        status, fields, _ = await line.answer()
        assert (status, fields["connection"], await line.rest()) == (400, "close", b"")


async def test_it_warms_up_and_says_so() -> None:
    async with running_shop(START_DELAY="0.5") as shop:
        assert (await ask(shop, "/healthz"))[::2] == (503, "warming up\n")
        assert (await ask(shop, "/"))[0] == 503
        async with asyncio.timeout(60):
            while (await ask(shop, "/healthz"))[0] == 503:
                await asyncio.sleep(0.02)
        assert (await ask(shop, "/"))[0] == 200


async def test_it_fails_exactly_the_share_of_users_that_it_is_told_to() -> None:
    async with running_shop(ERROR_RATE="0.25") as shop:
        report = await closed_loop(shop.url, connections=4, requests=400)
        assert report.statuses == {200: 300, 500: 100}
        assert (await ask(shop, "/healthz"))[0] == 200
    assert report.versions["1"].failed == 100


async def test_it_is_as_slow_as_it_is_told_to_be() -> None:
    async with running_shop(LATENCY_MS="60") as shop:
        report = await closed_loop(shop.url, connections=2, requests=10)
        assert min(answer.latency for answer in report) >= timedelta(milliseconds=60)


async def test_a_websocket_says_its_version_and_echoes(shop: RunningShop) -> None:
    async with connect(shop.websocket, proxy=None, max_size=None) as websocket:
        assert await websocket.recv() == "1"
        for message in ("hello", "", "é" * 100, "x" * 70_000, b"\x00\xff"):
            await websocket.send(message)
            assert await websocket.recv() == message
        await websocket.send(iter(["in ", "three ", "parts"]))
        assert await websocket.recv() == "in three parts"
        async with asyncio.timeout(60):
            await (await websocket.ping())
    assert websocket.close_code == 1000


async def test_a_websocket_frame_that_is_too_big_is_refused(shop: RunningShop) -> None:
    async with connect(shop.websocket, proxy=None) as websocket:
        await websocket.recv()
        await websocket.send("x" * 2_000_000)
        with pytest.raises(ConnectionClosedError, match="1002"):
            await websocket.recv()


async def test_sigterm_closes_websockets_with_1001(shop: RunningShop) -> None:
    async with connect(shop.websocket, proxy=None) as websocket:
        await websocket.recv()
        assert await shop.stop() == 0
        with pytest.raises(ConnectionClosedOK):
            await websocket.recv()
    assert websocket.close_code == 1001


async def test_a_client_that_does_not_agree_to_close_cannot_keep_it_alive(
    shop: RunningShop,
) -> None:
    async with wire(shop) as line:
        line.get("/ws", "upgrade: websocket", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==")
        _, fields, _ = await line.answer(has_body=False)
        assert fields["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert await shop.stop() == 0
        assert await line.rest() == b"\x81\x011" + b"\x88\x02\x03\xe9"


async def test_sigterm_ends_event_streams(shop: RunningShop) -> None:
    async with wire(shop) as line:
        line.get("/events")
        _, fields, _ = await line.answer(has_body=False)
        assert fields["content-type"] == "text/event-stream"
        assert await shop.stop() == 0
        stream = (await line.rest()).decode()
    assert 'id: 0\ndata: {"version": "1", "instance": "a"}\n\n' in stream
    assert stream.endswith("\r\n0\r\n\r\n")


async def test_sigterm_lets_requests_finish() -> None:
    """The load has stopped sending but waits for its answers when the shop is told to end."""
    async with running_shop() as shop, Load(shop.url, rate=100, path="/slow?ms=700") as load:
        await load.await_answers(1, SOON)
        stopping = asyncio.create_task(load.stop())
        await ask(shop, "/healthz")  # by now it has accepted all connections that came before
        assert load.report().unaccounted > 10
        assert await shop.stop() == 0
        report = await stopping
    assert (report.failed, report.reconnects, report.unaccounted) == (0, 0, 0)


async def test_the_last_answer_says_that_it_is_the_last(shop: RunningShop) -> None:
    async with wire(shop) as line:
        line.get("/slow?ms=500")
        line.get("/")
        shop.process.send_signal(signal.SIGTERM)
        _, fields, _ = await line.answer()
        assert fields["connection"] == "close"
        assert await line.rest() == b""
        assert await shop.process.wait() == 0


async def test_an_idle_connection_does_not_keep_it_alive(shop: RunningShop) -> None:
    async with wire(shop) as line:
        line.get("/")
        await line.answer()
        assert await shop.stop() == 0
        assert await line.rest() == b""
