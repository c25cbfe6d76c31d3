from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.integration.envoy.services import ask, load, paused_envoy, services, until
from turnout.model.traffic import Endpoint, EndpointState, Listener
from turnout.traffic.envoy import EnvoyRouter

GROUP = "shop-v001"
HEALTHY, UNHEALTHY, DRAINING = (
    EndpointState.HEALTHY,
    EndpointState.UNHEALTHY,
    EndpointState.DRAINING,
)


async def serve(
    router: EnvoyRouter, port: int, endpoints: Mapping[str, Sequence[Endpoint]]
) -> None:
    await router.apply_listener("shop", Listener(cluster="shop", port=port))
    await router.apply_endpoints("shop", endpoints)
    await router.apply_split("shop", {GROUP: 1000}, 0, "d:1")
    await router.confirm_split("shop", 1)
    async with asyncio.timeout(60):
        while (await ask(port)).status != 200:
            pass


async def servers(port: int, number: int = 30) -> set[str]:
    return {(await ask(port)).by for _ in range(number)}


async def test_only_healthy_instances_get_requests(router: EnvoyRouter, port: int) -> None:
    async with services("a", "b", "c") as (a, b, c):
        states = [a.endpoint(), b.endpoint(UNHEALTHY), c.endpoint(DRAINING)]
        await serve(router, port, {GROUP: states})
        assert await servers(port) == {"a"}


async def test_unhealthy_instances_get_requests_when_nobody_is_healthy(
    router: EnvoyRouter, port: int
) -> None:
    async with services("a", "b", "c") as (a, b, c):
        states = [a.endpoint(UNHEALTHY), b.endpoint(UNHEALTHY), c.endpoint(DRAINING)]
        await serve(router, port, {GROUP: states})
        assert await servers(port) == {"a", "b"}


async def test_draining_instance_gets_nothing_even_when_it_is_the_last_one(
    router: EnvoyRouter, port: int
) -> None:
    async with services("a") as (a,):
        await serve(router, port, {GROUP: [a.endpoint()]})
        await router.apply_endpoints("shop", {GROUP: [a.endpoint(DRAINING)]})
        before = a.requests
        async with asyncio.timeout(60):
            while (await ask(port)).status != 503:
                before = a.requests
        assert {(await ask(port)).status for _ in range(20)} == {503}
        assert a.requests == before


async def test_changing_endpoints_under_load_loses_no_request(
    router: EnvoyRouter, port: int
) -> None:
    async with services("a", "b", "c") as (a, b, c):
        together = [a.endpoint(), b.endpoint(), c.endpoint()]
        await serve(router, port, {GROUP: together})
        async with load(port, *["/"] * 4, *["/?seconds=0.03"] * 8) as running:
            for number in range(60):
                left_out = number % 3
                states = [
                    e.model_copy(update={"state": UNHEALTHY}) if n == left_out else e
                    for n, e in enumerate(together)
                ]
                before = running.answered.total()
                await router.apply_endpoints("shop", {GROUP: states})
                await until(lambda before=before: running.answered.total() > before)  # type: ignore[misc]
        assert running.lost == []
        assert set(running.answered) == {"a", "b", "c"}


async def test_instance_that_died_idle_costs_no_request(router: EnvoyRouter, port: int) -> None:
    """Nobody has told the router yet: Envoy connects to another one."""
    async with services("a", "b") as (a, b):
        await serve(router, port, {GROUP: [a.endpoint(), b.endpoint()]})
        assert await servers(port) == {"a", "b"}
        await a.kill()
        answers = [await ask(port) for _ in range(200)]
        assert {answer.status for answer in answers} == {200}
        assert {answer.by for answer in answers} == {"b"}


async def test_request_that_may_have_been_processed_is_not_repeated(
    router: EnvoyRouter, port: int
) -> None:
    async with services("a", "b") as both:
        await serve(router, port, {GROUP: [service.endpoint() for service in both]})
        asked = asyncio.create_task(ask(port, "/?seconds=30", body=b"pay"))
        await until(lambda: any(service.active for service in both))
        busy, idle = sorted(both, key=lambda service: -service.active)
        before = idle.requests
        await busy.kill()
        assert (await asked).status == 503
        assert idle.requests == before


async def test_no_route_leads_to_an_upstream_before_envoy_has_it(
    router: EnvoyRouter, port: int, tmp_path: Path
) -> None:
    folder = tmp_path / "router/envoy"

    def names(pattern: str) -> set[str]:
        texts = [path.read_text() for path in folder.glob(pattern)]
        return {name for text in texts for name in re.findall(rf'"({GROUP}#\w+)"', text)}

    async with services("a", "b") as (a, b):
        await serve(router, port, {GROUP: [a.endpoint()]})
        (old,) = names("routes-*/routes.json")
        with paused_envoy(tmp_path):
            change = asyncio.create_task(router.apply_endpoints("shop", {GROUP: [b.endpoint()]}))
            await until(lambda: len(names("upstreams/upstreams.json")) == 2)
            done, _ = await asyncio.wait([change], timeout=0.3)
            assert not done
            assert names("routes-*/routes.json") == {old}
        await change
        assert len(names("routes-*/routes.json") - {old}) == 1
        async with asyncio.timeout(60):
            while (await ask(port)).by != "b":
                pass


async def test_old_upstreams_go_when_nobody_needs_them(
    router: EnvoyRouter, port: int, tmp_path: Path
) -> None:
    file = tmp_path / "router/envoy/upstreams/upstreams.json"

    def upstreams() -> int:
        return file.read_text().count('"alt_stat_name"')

    async with services("a", "b", "c") as (a, b, c):
        await serve(router, port, {GROUP: [a.endpoint()]})
        await router.apply_endpoints("shop", {GROUP: [a.endpoint(), b.endpoint()]})
        await router.apply_endpoints("shop", {GROUP: [a.endpoint(), b.endpoint(), c.endpoint()]})
        assert upstreams() == 3
        await until(lambda: upstreams() == 1, what="the old upstreams stay")
        assert await servers(port) == {"a", "b", "c"}
        await router.apply_listener("shop", None)
        await until(lambda: upstreams() == 0, what="the upstream of a closed cluster stays")


async def test_same_endpoints_again_change_nothing(
    router: EnvoyRouter, port: int, tmp_path: Path
) -> None:
    async with services("a") as (a,):
        await serve(router, port, {GROUP: [a.endpoint()]})
        files = [p for p in (tmp_path / "router").rglob("*.json") if p.is_file()]
        before = {path: path.stat().st_ino for path in files}
        await router.apply_endpoints("shop", {GROUP: [a.endpoint()]})
        assert {path: path.stat().st_ino for path in files} == before
