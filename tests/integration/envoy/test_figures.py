from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.integration.envoy.services import Connection, Service, ask, services, until
from turnout.model.traffic import GroupTraffic, Listener
from turnout.traffic.envoy import EnvoyRouter
from turnout.traffic.recorder import TrafficRecorder

OLD, NEW = "shop-v001", "shop-v002"


async def serve(router: EnvoyRouter, port: int, old: Service, new: Service) -> None:
    await router.apply_listener("shop", Listener(cluster="shop", port=port))
    await router.apply_endpoints("shop", {OLD: [old.endpoint()], NEW: [new.endpoint()]})
    await router.apply_split("shop", {OLD: 1000}, 0, "d:1")
    await router.confirm_split("shop", 1)
    async with asyncio.timeout(10):
        while (await ask(port)).status != 200:
            pass


async def figures(
    router: EnvoyRouter, group: str, condition: Callable[[GroupTraffic], bool]
) -> GroupTraffic:
    """The group's figures once they fulfil a condition; histograms come half a second late."""
    async with asyncio.timeout(10):
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
        async with asyncio.timeout(10):
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
