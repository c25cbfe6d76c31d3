from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from turnout.model.errors import Temporary
from turnout.model.servers import GroupSettings, Run
from turnout.model.traffic import Endpoint, EndpointState, Listener
from turnout.ports import GroupWish, Order
from turnout.server import sync
from turnout.server.sync import EndpointSync
from turnout.testing import MemoryProvider, MemoryRouter, World

NEVER = timedelta(hours=1)


class TroubledRouter(MemoryRouter):
    """Can be slow, and can fail; notes what it was told."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.told: list[tuple[str, dict[str, int]]] = []
        self.failures = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_gate = 0

    async def apply_endpoints(
        self, cluster: str, endpoints: Mapping[str, Sequence[Endpoint]]
    ) -> None:
        healthy = {
            group: sum(e.state is EndpointState.HEALTHY for e in found)
            for group, found in endpoints.items()
        }
        self.at_gate += 1
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise Temporary("the router is away")
        self.told.append((cluster, healthy))
        await super().apply_endpoints(cluster, endpoints)


class Scene:
    def __init__(self, *clusters: str, resync: timedelta = NEVER) -> None:
        self.world = World()
        self.provider = MemoryProvider(self.world)
        self.router = TroubledRouter(self.world)
        self.sync = EndpointSync(self.router, resync=resync)
        self.clusters = clusters

    async def prepare(self) -> None:
        for cluster in self.clusters:
            await self.router.apply_listener(
                cluster, Listener(cluster=cluster, port=8000 + ord(cluster[0]))
            )
            wish = GroupWish(
                name=f"{cluster}-v000",
                cluster=cluster,
                settings=GroupSettings(version="1", run=Run(command=("x",), folder="/")),
                instances=2,
                created_at=self.world.now,
            )
            await self.provider.apply_group(wish, Order(deployment="d", number=1))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.sync.run(self.provider, self.provider))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


async def test_every_cluster_is_told_at_the_start() -> None:
    scene = Scene("a", "b")
    await scene.prepare()
    await scene.sync.apply_all(scene.provider, scene.provider)
    assert scene.router.told == [("a", {"a-v000": 0}), ("b", {"b-v000": 0})]


async def test_what_cannot_be_told_at_the_start_is_told_later() -> None:
    scene = Scene("a")
    await scene.prepare()
    scene.router.failures = 1
    await scene.sync.apply_all(scene.provider, scene.provider)
    assert scene.router.told == []
    async with scene.running():
        await until(lambda: scene.router.told == [("a", {"a-v000": 0})])


async def test_a_change_is_told_and_many_at_once_are_told_once() -> None:
    scene = Scene("a", "b")
    await scene.prepare()
    async with scene.running():
        await until(lambda: len(scene.router.told) >= 1)  # the first reminder
        scene.router.told.clear()
        scene.world.get_on()
        for _ in range(10):
            scene.sync.changed("b")
        await until(lambda: scene.router.told == [("b", {"b-v000": 2})])


async def test_a_change_during_the_telling_is_told_after_it() -> None:
    scene = Scene("a")
    await scene.prepare()
    scene.router.gate.clear()
    async with scene.running():
        scene.sync.changed("a")
        await until(lambda: scene.router.at_gate >= 1)  # what is known now is on its way
        scene.world.get_on()
        scene.sync.changed("a")
        scene.router.gate.set()
        await until(lambda: len(scene.router.told) >= 2)
    assert scene.router.told == [("a", {"a-v000": 0}), ("a", {"a-v000": 2})]


async def test_a_router_in_trouble_is_told_again_and_holds_up_no_other_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sync, "_FIRST_PAUSE", 0.01)
    scene = Scene("a")
    await scene.prepare()
    scene.router.failures = 3
    async with scene.running():
        scene.sync.changed("a")
        await until(lambda: scene.router.failures == 0)
        scene.world.get_on()
        await until(lambda: scene.router.told != [])
    assert scene.router.told[0] == ("a", {"a-v000": 2})


async def test_every_cluster_is_told_again_from_time_to_time() -> None:
    scene = Scene("a", "b", resync=timedelta(milliseconds=20))
    await scene.prepare()
    async with scene.running():
        await until(lambda: [c for c, _ in scene.router.told].count("b") >= 3)


async def test_a_cluster_without_a_listener_is_left_alone() -> None:
    scene = Scene("a")
    await scene.prepare()
    del scene.world.listeners["a"]
    async with scene.running():
        scene.sync.changed("a")
        await asyncio.sleep(0.02)
    assert scene.router.told == []
