from __future__ import annotations

import asyncio
import shutil

import pytest

from tests.integration.envoy.services import Connection, Service, ask, services
from turnout.model.traffic import Listener
from turnout.traffic.envoy import EnvoyRouter

OLD, NEW = "shop-v001", "shop-v002"


async def serve(router: EnvoyRouter, port: int, old: Service, new: Service) -> None:
    await router.apply_listener("shop", Listener(cluster="shop", port=port))
    await router.apply_endpoints("shop", {OLD: [old.endpoint()], NEW: [new.endpoint()]})
    await shift(router, OLD)
    async with asyncio.timeout(60):
        while (await ask(port)).status != 200:
            pass


async def shift(router: EnvoyRouter, group: str) -> None:
    split = await router.apply_split("shop", {group: 1000}, None, f"d:{group}")
    await router.confirm_split("shop", split.generation)


async def test_websocket_stays_where_it_was_when_the_split_changes(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        socket = await Connection.open(port)
        await socket.upgrade()
        await shift(router, NEW)
        assert await socket.echo(b"ping") == b"ping"
        await router.apply_endpoints("shop", {NEW: [new.endpoint()]})
        assert await socket.echo(b"pong") == b"pong"
        assert old.active == 1
        socket.close()


async def test_event_stream_goes_on_when_the_split_changes(router: EnvoyRouter, port: int) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        stream = await Connection.open(port)
        answer = await stream.ask("/events")
        assert answer.headers["content-type"] == "text/event-stream"
        await shift(router, NEW)
        received = b""
        async with asyncio.timeout(60):
            while b"old 20\n" not in received:
                received += await stream.reader.read(1000)
        stream.close()


async def test_large_body_is_passed_on_as_a_stream(router: EnvoyRouter, port: int) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        answer = await ask(port, body=b"x" * 8_000_000)
        assert (answer.status, b'"length": 8000000' in answer.body) == (200, True)


async def test_old_http_clients_are_served(router: EnvoyRouter, port: int) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 200 " in await reader.readline()
        writer.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_clients_may_speak_http2(router: EnvoyRouter, port: int) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        curl = await asyncio.create_subprocess_exec(
            *("curl", "-sS", "--http2-prior-knowledge", "-w", "%{http_version} %{http_code}"),
            f"http://127.0.0.1:{port}/",
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await curl.communicate()
        assert out.endswith(b"2 200")
        assert b'"by": "old"' in out
