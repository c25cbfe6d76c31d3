from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.integration.envoy.services import Connection, Service, ask, services, until
from turnout.history import History
from turnout.model.canary.queries import RouterQuery
from turnout.model.canary.request import CanaryScope
from turnout.model.traffic import Endpoint, EndpointState, GroupTraffic, Listener
from turnout.traffic.envoy import LATENCY_MS, EnvoyRouter
from turnout.traffic.recorder import TrafficRecorder
from turnout.traffic.source import RouterSource

OLD, NEW = "shop-v001", "shop-v002"


async def serve(router: EnvoyRouter, port: int, old: Service, new: Service) -> None:
    await router.apply_listener("shop", Listener(cluster="shop", port=port))
    await router.apply_endpoints("shop", {OLD: [old.endpoint()], NEW: [new.endpoint()]})
    await router.apply_split("shop", {OLD: 1000}, 0, "d:1")
    await router.confirm_split("shop", 1)
    async with asyncio.timeout(60):
        while (await ask(port)).status != 200:
            pass


async def figures(
    router: EnvoyRouter, group: str, condition: Callable[[GroupTraffic], bool]
) -> GroupTraffic:
    """The group's figures once they fulfil a condition; histograms come half a second late."""
    async with asyncio.timeout(60):
        while not condition(seen := (await router.observe_traffic("shop"))[group]):
            await asyncio.sleep(0.01)
    return seen


async def test_requests_and_their_ends_are_counted(router: EnvoyRouter, port: int) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        before = (await router.observe_traffic("shop"))[OLD].requests
        for status, times in ((200, 5), (404, 3), (500, 2), (503, 1)):
            for _ in range(times):
                assert (await ask(port, f"/?status={status}")).status == status
        await ask(port, "/?seconds=0.2")
        seen = await figures(
            router, OLD, lambda t: bool(t.latency_ms[-1:]) and t.latency_ms[-1][1] == before + 12
        )
        assert (seen.requests, seen.failed, seen.client_errors) == (before + 12, 3, 3)
        assert seen.active == 0
        latency = dict(seen.latency_ms)
        assert latency[150.0] <= before + 11
        assert latency[60000.0] == before + 12
        assert (await router.observe_traffic("shop"))[NEW] == GroupTraffic()


async def test_request_without_answer_is_a_failed_one_counted_once(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        before = (await router.observe_traffic("shop"))[OLD].requests
        cut_off = asyncio.create_task(ask(port, "/?seconds=30"))
        await until(lambda: old.active == 1)
        assert (await router.observe_traffic("shop"))[OLD].active == 1
        await old.kill()
        assert (await cut_off).status == 503
        assert (await ask(port)).status == 503
        seen = await figures(router, OLD, lambda t: t.requests >= before + 2)
        assert (seen.requests, seen.failed, seen.active) == (before + 2, 2, 0)


async def test_retried_request_is_counted_once_and_not_as_failed(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        await router.apply_endpoints("shop", {OLD: [old.endpoint(), new.endpoint()]})
        before = (await router.observe_traffic("shop"))[OLD].requests
        await old.kill()
        for _ in range(20):
            assert (await ask(port)).by == "new"
        seen = await figures(router, OLD, lambda t: t.requests >= before + 20)
        assert (seen.requests, seen.failed) == (before + 20, 0)


async def test_previews_are_not_among_the_users_figures(router: EnvoyRouter, port: int) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        for _ in range(10):
            answer = await ask(port, "/?status=500", {"x-turnout-group": NEW})
            assert answer.status == 500
        await router.apply_split("shop", {NEW: 1000}, 1, "d:2")
        async with asyncio.timeout(60):
            while (await ask(port)).by != "new":
                pass
        for _ in range(4):
            await ask(port)
        seen = await figures(
            router, NEW, lambda t: bool(t.latency_ms[-1:]) and t.latency_ms[-1][1] == 5
        )
        assert (seen.requests, seen.failed) == (5, 0)


async def test_websockets_and_streams_are_active_until_they_end(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        socket, stream = await Connection.open(port), await Connection.open(port)
        await socket.upgrade()
        await stream.ask("/events")
        await figures(router, OLD, lambda t: t.active == 2)
        socket.close()
        stream.close()
        await figures(router, OLD, lambda t: t.active == 0)


async def test_recorder_answers_for_the_window_that_is_asked_for(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        recorder = TrafficRecorder(router)
        await recorder.sample()
        begin = datetime.now(UTC)
        for status in (200, 200, 500):
            await ask(port, f"/?status={status}")
        await recorder.sample()
        middle = datetime.now(UTC)
        for _ in range(7):
            await ask(port)
        await recorder.sample()
        first = await recorder.observe_window("shop", OLD, begin, middle)
        assert (first.requests, first.failed) == (3, 1)
        second = await recorder.observe_window("shop", OLD, middle, datetime.now(UTC))
        assert (second.requests, second.failed) == (7, 0)
        hour = timedelta(hours=1)
        whole = await recorder.observe_window("shop", OLD, begin - hour, datetime.now(UTC))
        assert whole.requests >= 10


async def observe(router: EnvoyRouter) -> GroupTraffic:
    return (await router.observe_traffic("shop"))[OLD]


async def test_connections_that_an_instance_refuses_are_resets_of_every_attempt(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        before = await observe(router)
        await old.kill()
        assert (await ask(port)).status == 503
        seen = await figures(router, OLD, lambda t: t.failed > before.failed)
        assert (seen.failed - before.failed, seen.resets - before.resets) == (1, 1 + 3)
        assert seen.timeouts == before.timeouts


async def test_a_connection_that_is_closed_with_a_request_in_flight_is_a_reset(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        before = await observe(router)
        cut_off = asyncio.create_task(ask(port, "/?seconds=30"))
        await until(lambda: old.active == 1)
        for writer in list(old.writers):
            writer.transport.abort()
        assert (await cut_off).status == 503
        seen = await figures(router, OLD, lambda t: t.failed > before.failed)
        assert (seen.resets - before.resets, seen.timeouts) == (1, 0)


async def test_a_client_that_goes_away_is_no_reset(router: EnvoyRouter, port: int) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        before = await observe(router)
        connection = await Connection.open(port)
        asking = asyncio.create_task(connection.ask("/held"))
        await until(lambda: old.active == 1)
        connection.close()
        with suppress(EOFError, OSError):
            await asking
        await figures(router, OLD, lambda t: t.active == 0)
        assert (await ask(port)).status == 200
        seen = await figures(router, OLD, lambda t: t.requests > before.requests)
        assert (seen.resets, seen.timeouts) == (before.resets, 0)


@contextmanager
def deaf_endpoint() -> Iterator[Endpoint]:
    """Its queue of connections is full, and nobody takes one out of it."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(listening.getsockname())
        yield Endpoint(
            instance="deaf",
            host="127.0.0.1",
            port=listening.getsockname()[1],
            state=EndpointState.HEALTHY,
        )


async def test_connections_that_take_too_long_are_timeouts_and_no_resets(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        before = await observe(router)
        with deaf_endpoint() as deaf:
            await router.apply_endpoints("shop", {OLD: [deaf], NEW: [new.endpoint()]})
            assert (await ask(port)).status == 503
        seen = await figures(router, OLD, lambda t: t.timeouts > 0)
        assert (seen.timeouts, seen.resets) == (1 + 3, before.resets)


async def test_an_answer_that_ends_with_its_connection_is_no_reset(
    router: EnvoyRouter, port: int
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nthat was all")
        await writer.drain()
        writer.close()

    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        before = await observe(router)
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            there = server.sockets[0].getsockname()[1]
            closing = old.endpoint().model_copy(update={"port": there})
            await router.apply_endpoints("shop", {OLD: [closing], NEW: [new.endpoint()]})
            _, writer = connection = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
            assert b"that was all" in await connection[0].read()
            writer.close()
        seen = await figures(router, OLD, lambda t: t.requests > before.requests)
        assert (seen.failed, seen.resets) == (before.failed, before.resets)


async def test_a_websocket_that_the_instance_ends_is_a_reset(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, old, new)
        before = await observe(router)
        connection = await Connection.open(port)
        await connection.upgrade()
        for writer in list(old.writers):
            writer.close()
        assert await connection.reader.read() == b""
        connection.close()
        seen = await figures(router, OLD, lambda t: t.resets > before.resets)
        assert (seen.failed, seen.resets) == (before.failed, before.resets + 1)


async def test_a_canary_finds_what_was_served_second_by_second(
    router: EnvoyRouter, port: int, tmp_path: Path
) -> None:
    history = History(tmp_path / "figures", hours=10)
    source = RouterSource(history, LATENCY_MS)
    async with services("old", "new") as (old, new), asyncio.TaskGroup() as tasks:
        await serve(router, port, old, new)
        recorder = TrafficRecorder(router, history=history, interval=timedelta(milliseconds=200))
        recording = tasks.create_task(recorder.run())
        await until(lambda: source.complete_until() is not None)
        start = source.complete_until()
        assert start is not None
        for status, seconds in ((200, 0), (200, 0.4), (200, 0.4), (500, 0), (404, 0)):
            await ask(port, f"/?status={status}&seconds={seconds}")
        await figures(router, OLD, lambda t: t.latency_ms[-1][1] == t.requests)
        step = math.ceil((datetime.now(UTC) - start).total_seconds() + 0.5)
        end = start + timedelta(seconds=step)
        await until(lambda: (source.complete_until() or start) >= end)
        recording.cancel()
        scope = CanaryScope(
            scope=OLD,
            location="shop",
            start=start,
            end=end,
            step=step,
            extended_scope_params={"thresholdsMs": "210"},
        )

        async def ask_for(metric: str, quantile: float | None = None) -> list[float]:
            query = RouterQuery(type="router", metric_name=metric, quantile=quantile)
            return [series.values[0] for series in await source.fetch(query, scope, {})]

        assert await ask_for("requests") == [5]
        assert await ask_for("errors") == [1]
        assert await ask_for("client_errors") == [1]
        assert await ask_for("latency") == [6, 2]  # timed; slow
        assert 300 < (await ask_for("latency_quantile", 0.9))[0] <= 500
