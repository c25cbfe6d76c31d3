from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.envoy.services import ask, services
from turnout.model.errors import Permanent, Temporary
from turnout.model.traffic import Listener
from turnout.traffic.envoy import EnvoyRouter
from turnout.traffic.envoy.admin import AdminUnavailable, EnvoyAdmin
from turnout.traffic.envoy.document import Versions, WatchedFile, ask_subscription
from turnout.traffic.envoy.process import find_binary

OLD, NEW = "shop-v001", "shop-v002"


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can become longer than 16 bytes; Envoy is not concerned."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_full_disk_leaves_the_old_split_in_force_and_written_down(
    router: EnvoyRouter, port: int, tmp_path: Path
) -> None:
    async with services("old", "new") as (old, new):
        await router.apply_listener("shop", Listener(cluster="shop", port=port))
        groups = {OLD: [old.endpoint()], NEW: [new.endpoint()]}
        await router.apply_endpoints("shop", groups)
        await router.apply_split("shop", {OLD: 1000}, 0, "d:1")
        await router.confirm_split("shop", 1)
        before = await router.observe_listener("shop")
        with full_disk():
            with pytest.raises(Temporary, match="nothing was changed"):
                await router.apply_split("shop", {NEW: 1000}, 1, "d:2")
            with pytest.raises(Temporary):
                await router.apply_endpoints("shop", {NEW: [new.endpoint()]})
        assert await router.observe_listener("shop") == before
        fact = json.loads((tmp_path / "router/state/shop.json").read_text())["fact"]
        assert fact["split"]["shares"] == {OLD: 1000}
        await router.confirm_split("shop", 1)
        async with asyncio.timeout(60):
            while (await ask(port)).by != "old":
                pass
        leftovers = [*tmp_path.rglob("*.new"), *(tmp_path / "router/envoy/new").iterdir()]
        assert leftovers == []
        await router.apply_split("shop", {NEW: 1000}, 1, "d:2")
        await router.confirm_split("shop", 2)
        async with asyncio.timeout(60):
            while (await ask(port)).by != "new":
                pass


async def test_what_envoy_rejects_is_told_with_its_reason(
    router: EnvoyRouter, tmp_path: Path
) -> None:
    folder = tmp_path / "router/envoy"
    admin = EnvoyAdmin(folder / "admin.sock")
    file = WatchedFile(
        folder / "upstreams/upstreams.json",
        ask_subscription("cluster_manager.cds"),
        staging=folder / "new",
        log_file=folder / "envoy.log",
    )
    versions = Versions()
    try:
        for resources, reason in (
            ([{"@type": "type.googleapis.com/none.Such"}], "none.Such"),
            (
                [{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": ""}],
                "Name: value length must be at least 1",
            ),
        ):
            version = versions.next()
            document = {"version_info": version, "resources": resources}
            file.stage(version, json.dumps(document).encode()).commit()
            with pytest.raises(Permanent, match="Envoy refuses upstreams") as told:
                await file.confirm(admin, timedelta(seconds=10))
            assert reason in str(told.value)
        version = versions.next()
        good = json.dumps({"version_info": version, "resources": []}).encode()
        file.stage(version, good).commit()
        await file.confirm(admin, timedelta(seconds=10))
    finally:
        admin.close()


async def test_envoy_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="no Envoy to run"):
        EnvoyRouter(tmp_path / "router", binary=tmp_path / "none")


async def test_own_envoy_can_be_set(tmp_path: Path) -> None:
    binary = find_binary(None)
    async with EnvoyRouter(tmp_path / "router", binary=binary) as router:
        await router.stop()


async def test_nobody_answers_where_no_envoy_is(tmp_path: Path) -> None:
    with pytest.raises(AdminUnavailable):
        await EnvoyAdmin(tmp_path / "admin.sock").get("/ready")
    with pytest.raises(AdminUnavailable):
        await EnvoyAdmin(tmp_path / "none" / "admin.sock").get("/ready")


async def test_listener_of_another_cluster_is_refused(router: EnvoyRouter, port: int) -> None:
    with pytest.raises(Permanent, match="web"):
        await router.apply_listener("shop", Listener(cluster="web", port=port))
