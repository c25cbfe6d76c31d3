from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.envoy.services import (
    Service,
    ask,
    envoys_below,
    load,
    reserved_port,
    services,
    until,
)
from turnout.model.errors import Conflict, Temporary
from turnout.model.journal import Event
from turnout.model.traffic import Listener, TrafficSplit
from turnout.traffic.envoy import EnvoyRouter
from turnout.traffic.envoy.ledger import Ledger

OLD, NEW = "shop-v001", "shop-v002"


@asynccontextmanager
async def ended(folder: Path) -> AsyncIterator[None]:
    """Whatever a test does, no Envoy of its folder stays."""
    try:
        yield
    finally:
        for pid in envoys_below(folder):
            os.kill(pid, signal.SIGKILL)
        await until(lambda: not envoys_below(folder))


async def serve(router: EnvoyRouter, cluster: str, port: int, service: Service) -> str:
    group = f"{cluster}-v001"
    await router.apply_listener(cluster, Listener(cluster=cluster, port=port))
    await router.apply_endpoints(cluster, {group: [service.endpoint()]})
    split = await router.apply_split(cluster, {group: 1000}, None, f"d:{group}")
    await router.confirm_split(cluster, split.generation)
    await until_answered(port, service.name)
    return group


async def until_answered(port: int, name: str) -> None:
    """Until the service of this name answers on the port."""
    async with asyncio.timeout(60):
        while True:
            with suppress(OSError, EOFError, ValueError):
                if (await ask(port)).by == name:
                    return
            await asyncio.sleep(0.005)


async def test_requests_are_served_while_turnout_is_away_and_its_successor_takes_over(
    tmp_path: Path, port: int
) -> None:
    folder = tmp_path / "router"
    async with ended(tmp_path), services("old", "new") as (old, new):
        async with EnvoyRouter(folder) as first:
            await serve(first, "shop", port, old)
        (pid,) = envoys_below(folder)
        async with load(port, "/", "/?seconds=0.02") as running:
            await until(lambda: running.answered.total() > 20)
            async with EnvoyRouter(folder) as second:
                state = await second.observe_listener("shop")
                assert state is not None
                assert (state.split.generation, state.split.shares) == (1, {OLD: 1000})
                confirmation = await second.confirm_split("shop", 1)
                assert confirmation.confirmed_at >= confirmation.requested_at
                groups = {OLD: [old.endpoint()], NEW: [new.endpoint()]}
                await second.apply_endpoints("shop", groups)
                await second.apply_split("shop", {NEW: 1000}, 1, "d:2")
                await second.confirm_split("shop", 2)
                await until(lambda: running.answered["new"] > 20)
        assert running.lost == []
        assert envoys_below(folder) == [pid]


async def test_taking_over_rewrites_nothing(tmp_path: Path, port: int) -> None:
    folder = tmp_path / "router"
    async with ended(tmp_path), services("old") as (old,):
        async with EnvoyRouter(folder) as first:
            await serve(first, "shop", port, old)
        files = {p: p.stat().st_ino for p in folder.rglob("*.json")}
        async with EnvoyRouter(folder) as second:
            assert {p: p.stat().st_ino for p in folder.rglob("*.json")} == files
            await second.stop()


async def test_killed_envoy_is_started_again_with_the_last_split(tmp_path: Path, port: int) -> None:
    events: list[Event] = []
    folder = tmp_path / "router"
    async with (
        ended(tmp_path),
        services("old", "new") as (old, new),
        EnvoyRouter(folder, on_event=events.append) as router,
    ):
        await serve(router, "shop", port, old)
        groups = {OLD: [old.endpoint()], NEW: [new.endpoint()]}
        await router.apply_endpoints("shop", groups)
        await router.apply_split("shop", {NEW: 1000}, 1, "d:2")
        await router.confirm_split("shop", 2)
        await until_answered(port, "new")
        (pid,) = envoys_below(folder)
        os.kill(pid, signal.SIGKILL)
        begin = asyncio.get_running_loop().time()
        await until_answered(port, "new")
        assert asyncio.get_running_loop().time() - begin < 5
        assert envoys_below(folder) not in ([], [pid])
        assert [event.kind for event in events] == ["router.restarted"]
        assert "SIGKILL" in events[0].sentence
        await router.stop()


async def test_split_changed_while_envoy_is_down_is_in_force_when_it_is_back(
    tmp_path: Path, port: int
) -> None:
    folder = tmp_path / "router"
    async with (
        ended(tmp_path),
        services("old", "new") as (old, new),
        EnvoyRouter(folder) as router,
    ):
        await serve(router, "shop", port, old)
        for number in range(3):
            target, service = ((NEW, new), (OLD, old))[number % 2]
            (pid,) = envoys_below(folder)
            os.kill(pid, signal.SIGKILL)
            groups = {OLD: [old.endpoint()], NEW: [new.endpoint()]}
            await router.apply_endpoints("shop", groups)
            await router.apply_split("shop", {target: 1000}, number + 1, f"d:{number}")
            await router.confirm_split("shop", number + 2)
            await until_answered(port, service.name)
        await router.stop()


async def test_figures_go_on_when_envoy_is_started_again(tmp_path: Path, port: int) -> None:
    folder = tmp_path / "router"
    async with ended(tmp_path), services("old") as (old,), EnvoyRouter(folder) as router:
        await serve(router, "shop", port, old)
        for _ in range(20):
            await ask(port)
        before = (await router.observe_traffic("shop"))[OLD].requests
        assert before >= 20
        (pid,) = envoys_below(folder)
        os.kill(pid, signal.SIGKILL)
        await until_answered(port, "old")
        for _ in range(5):
            await ask(port)
        assert (await router.observe_traffic("shop"))[OLD].requests >= before + 5
        await router.stop()


async def test_broken_fact_is_learnt_again_from_what_envoy_was_told(
    tmp_path: Path, port: int, other_port: int
) -> None:
    events: list[Event] = []
    folder = tmp_path / "router"
    async with ended(tmp_path), services("old", "web") as (old, web):
        async with EnvoyRouter(folder) as first:
            await serve(first, "shop", port, old)
            await serve(first, "web", other_port, web)
            before = await first.observe_listener("shop")
        (folder / "state/shop.json").write_text('{"checksum": "12", "fact": {"clu')
        (folder / "state/web.json").unlink()
        async with EnvoyRouter(folder, on_event=events.append) as second:
            assert await second.observe_listener("shop") == before
            assert await second.observe_listener("web") is not None
            assert (folder / "state/shop.json.broken-1").exists()
            assert {e.kind for e in events} == {"router.fact_lost"}
            assert sum("recovered" in e.sentence for e in events) == 2
            with pytest.raises(Conflict):
                await second.apply_split("shop", {OLD: 1000}, 0, "d:stale")
            await until_answered(port, "old")
            await until_answered(other_port, "web")
            await second.stop()


async def test_fact_lost_for_good_takes_no_other_cluster_down(
    tmp_path: Path, port: int, other_port: int
) -> None:
    events: list[Event] = []
    folder = tmp_path / "router"
    async with ended(tmp_path), services("old", "web") as (old, web):
        async with EnvoyRouter(folder) as first:
            await serve(first, "shop", port, old)
            await serve(first, "web", other_port, web)
        (folder / "state/shop.json").write_text("{")
        for routes in (folder / "envoy").glob("routes-*/routes.json"):
            if '"shop"' in routes.read_text():
                routes.write_text('{"version_info": "1", "resour')
        async with EnvoyRouter(folder, on_event=events.append) as second:
            assert await second.observe_listener("shop") is None
            (event,) = events
            assert "shop" in event.sentence
            assert "lost" in event.sentence
            await until_answered(other_port, "web")
            await serve(second, "shop", port, old)
            await second.stop()


async def test_files_of_envoy_that_are_broken_or_gone_are_written_again(
    tmp_path: Path, port: int
) -> None:
    folder = tmp_path / "router"
    async with ended(tmp_path), services("old") as (old,):
        async with EnvoyRouter(folder) as first:
            await serve(first, "shop", port, old)
            await first.stop()
        (folder / "envoy/upstreams/upstreams.json").write_text("{")
        (folder / "envoy/listeners/listeners.json").unlink()
        for routes in (folder / "envoy").glob("routes-*/routes.json"):
            routes.write_text('{"version_info": "1", "resources": [')
        async with EnvoyRouter(folder) as second:
            await until_answered(port, "old")
            await second.confirm_split("shop", 1)
            await second.stop()


async def test_split_that_was_written_down_but_never_told_is_in_force_after_a_restart(
    tmp_path: Path, port: int
) -> None:
    """Turnout was killed between the fact and the file of routes."""
    folder = tmp_path / "router"
    async with ended(tmp_path), services("old", "new") as (old, new):
        async with EnvoyRouter(folder) as first:
            await serve(first, "shop", port, old)
            groups = {OLD: [old.endpoint()], NEW: [new.endpoint()]}
            await first.apply_endpoints("shop", groups)
        ledger = Ledger(folder / "state")
        ledger.read()
        fact = ledger.get("shop")
        assert fact is not None
        split = TrafficSplit(shares={NEW: 1000}, generation=2, changed_by="d:2")
        ledger.write(fact.with_split(split, datetime.now(UTC)))
        async with EnvoyRouter(folder) as second:
            assert await second.apply_split("shop", {NEW: 1000}, 1, "d:2") == split
            await second.confirm_split("shop", 2)
            await until_answered(port, "new")
            await second.stop()


async def test_envoy_that_cannot_start_says_why(tmp_path: Path) -> None:
    binary = tmp_path / "envoy"
    binary.write_text("#!/bin/sh\necho '[1][critical][main] [x.cc:1] no room for me'\nexit 3\n")
    binary.chmod(0o755)
    router = EnvoyRouter(tmp_path / "router", binary=binary)
    with pytest.raises(Temporary, match="exit code 3: no room for me"):
        await router.__aenter__()


async def test_envoy_works_in_a_folder_with_a_very_long_path(tmp_path: Path) -> None:
    """Longer than a unix socket's path may be."""
    folder = tmp_path / ("long" * 20) / ("path" * 20)
    async with ended(tmp_path), services("old") as (old,):
        with reserved_port() as port:
            async with EnvoyRouter(folder) as router:
                await serve(router, "shop", port, old)
                await router.stop()


async def test_everything_is_for_its_owner_only(router: EnvoyRouter, tmp_path: Path) -> None:
    folder = tmp_path / "router"
    await router.apply_endpoints("shop", {})
    socket = folder / "envoy/admin.sock"
    assert socket.stat().st_mode & 0o777 == 0o600
    folders = [folder, *(p for p in folder.rglob("*") if p.is_dir())]
    assert {p.stat().st_mode & 0o777 for p in folders} == {0o700}
    for path in (*folder.rglob("*.json"), folder / "envoy/envoy.log"):
        assert path.stat().st_mode & 0o777 == 0o600, path
