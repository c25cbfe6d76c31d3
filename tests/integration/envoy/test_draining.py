from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from tests.integration.envoy.services import Connection, Service, ask, load, services, until
from turnout.model.errors import Conflict
from turnout.model.traffic import DrainReport, Endpoint, EndpointState, Listener
from turnout.traffic.envoy import EnvoyDrainer, EnvoyRouter

OLD, NEW = "shop-v001", "shop-v002"
LONG = timedelta(seconds=60)


async def serve(
    router: EnvoyRouter, port: int, endpoints: Mapping[str, Sequence[Endpoint]], group: str = OLD
) -> None:
    await router.apply_listener("shop", Listener(cluster="shop", port=port))
    await router.apply_endpoints("shop", endpoints)
    split = await router.apply_split("shop", {group: 1000}, None, f"d:{group}")
    await router.confirm_split("shop", split.generation)
    assert (await ask(port)).status == 200


async def drain(router: EnvoyRouter, instances: Sequence[str] | None) -> DrainReport:
    return await EnvoyDrainer(router).await_drained("shop", OLD, instances, LONG)


async def until_withdrawn(port: int, name: str) -> None:
    """Until twenty requests in a row are served by somebody else."""
    in_a_row = 0
    async with asyncio.timeout(60):
        while in_a_row < 20:
            in_a_row = 0 if (await ask(port)).by == name else in_a_row + 1


async def test_slow_requests_finish_before_their_instance_counts_as_drained(
    router: EnvoyRouter, port: int
) -> None:
    async with services("a", "b") as (a, b):
        await serve(router, port, {OLD: [a.endpoint(), b.endpoint()]})
        slow = [asyncio.create_task(ask(port, "/held")) for _ in range(8)]
        await until(lambda: a.active + b.active == 8 and min(a.active, b.active) > 0)
        draining = asyncio.create_task(drain(router, ["a"]))
        await until_withdrawn(port, "a")
        done, _ = await asyncio.wait([draining], timeout=0.1)
        assert not done
        a.released.set()
        assert await draining == DrainReport()
        assert a.active == 0
        await a.kill()
        b.released.set()
        assert {(await answer).status for answer in slow} == {200}


async def test_named_instances_get_no_request_from_the_call_on(
    router: EnvoyRouter, port: int
) -> None:
    async with services("a", "b") as (a, b):
        await serve(router, port, {OLD: [a.endpoint(), b.endpoint()]})
        async with load(port, *["/"] * 4) as running:
            await until(lambda: min(a.requests, b.requests) > 10)
            await EnvoyDrainer(router).await_drained("shop", OLD, ["a"], LONG)
            before = a.requests, b.requests
            await until(lambda: b.requests > before[1] + 100)
            assert a.requests == before[0]
        assert running.lost == []


async def test_order_of_draining_loses_no_request_when_instances_are_killed(
    router: EnvoyRouter, port: int
) -> None:
    """One after the other of four instances is drained, killed, and replaced."""
    async with services("a", "b", "c", "d") as instances:
        alive = {s.name: s for s in instances}
        await serve(router, port, {OLD: [s.endpoint() for s in alive.values()]})
        async with load(port, *["/?seconds=0.05"] * 8, *["/"] * 4) as running:
            for name in ("a", "b", "c", "d"):
                await until(lambda name=name: running.answered[name] > 0)  # type: ignore[misc]
                await EnvoyDrainer(router).await_drained("shop", OLD, [name], LONG)
                await alive.pop(name).kill()
                new = Service(f"{name}{name}")
                await new.start()
                alive[new.name] = new
                await router.apply_endpoints("shop", {OLD: [s.endpoint() for s in alive.values()]})
        for service in alive.values():
            await service.kill()
        assert running.lost == []


async def test_late_word_that_an_instance_is_healthy_does_not_bring_it_back(
    router: EnvoyRouter, port: int
) -> None:
    async with services("a", "b") as (a, b):
        await serve(router, port, {OLD: [a.endpoint(), b.endpoint()]})
        await EnvoyDrainer(router).await_drained("shop", OLD, ["a"], LONG)
        before = a.requests
        await router.apply_endpoints("shop", {OLD: [a.endpoint(), b.endpoint()]})
        assert {(await ask(port)).by for _ in range(30)} == {"b"}
        assert a.requests == before
        await router.apply_endpoints("shop", {OLD: [b.endpoint()]})
        await router.apply_endpoints("shop", {OLD: [a.endpoint(), b.endpoint()]})
        async with asyncio.timeout(60):
            while (await ask(port)).by != "a":
                pass


async def test_idle_instance_is_drained_at_once(router: EnvoyRouter, port: int) -> None:
    async with services("a", "b") as (a, b):
        await serve(router, port, {OLD: [a.endpoint(), b.endpoint()]})
        begin = time.monotonic()
        for instances in (["a"], ["a"], ["nobody"]):
            report = await EnvoyDrainer(router).await_drained("shop", OLD, instances, LONG)
            assert report == DrainReport()
        assert time.monotonic() - begin < 30, "nobody waits for the time-out"


async def test_websocket_that_outlives_the_time_out_is_reported(
    router: EnvoyRouter, port: int
) -> None:
    async with services("a", "b") as (a, b):
        await serve(router, port, {OLD: [a.endpoint(), b.endpoint(EndpointState.UNHEALTHY)]})
        socket = await Connection.open(port)
        await socket.upgrade()
        await router.apply_endpoints("shop", {OLD: [a.endpoint(), b.endpoint()]})
        begin = time.monotonic()
        report = await EnvoyDrainer(router).await_drained(
            "shop", OLD, ["a"], timedelta(seconds=0.3)
        )
        assert report == DrainReport(requests_left=1, connections_closed=1)
        assert 0.3 <= time.monotonic() - begin < 30
        assert await socket.echo(b"still here") == b"still here"
        socket.close()
        assert await EnvoyDrainer(router).await_drained("shop", OLD, ["a"], LONG) == DrainReport()


async def test_group_without_share_is_drained_when_its_last_request_is_done(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, {OLD: [old.endpoint()], NEW: [new.endpoint()]})
        slow = [asyncio.create_task(ask(port, "/held")) for _ in range(4)]
        await until(lambda: old.active == 4)
        await router.apply_split("shop", {NEW: 1000}, None, "d:shift")
        draining = asyncio.create_task(drain(router, None))
        done, _ = await asyncio.wait([draining], timeout=0.1)
        assert not done
        old.released.set()
        assert await draining == DrainReport()
        assert old.active == 0
        assert {(await answer).by for answer in slow} == {"old"}


async def test_streams_on_upstreams_that_are_gone_still_count(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        await serve(router, port, {OLD: [old.endpoint()], NEW: [new.endpoint()]})
        socket = await Connection.open(port)
        await socket.upgrade()
        await router.apply_split("shop", {NEW: 1000}, None, "d:shift")
        await router.apply_endpoints("shop", {NEW: [new.endpoint()]})
        drainer = EnvoyDrainer(router)
        report = await drainer.await_drained("shop", OLD, None, timedelta(0))
        assert report == DrainReport(requests_left=1)
        assert await socket.echo(b"still here") == b"still here"
        socket.close()
        assert await drainer.await_drained("shop", OLD, None, LONG) == DrainReport()


async def test_group_with_a_share_cannot_be_drained(router: EnvoyRouter, port: int) -> None:
    async with services("old") as (old,):
        await serve(router, port, {OLD: [old.endpoint()]})
        with pytest.raises(Conflict, match="1000 per mille"):
            await EnvoyDrainer(router).await_drained("shop", OLD, None, LONG)


async def test_unknown_cluster_is_drained(router: EnvoyRouter) -> None:
    drainer = EnvoyDrainer(router)
    assert await drainer.await_drained("none", "none-v000", None, LONG) == DrainReport()
    assert await drainer.await_drained("none", "none-v000", ["i"], LONG) == DrainReport()
