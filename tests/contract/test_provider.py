"""What every `Provider` and `Inventory` promises, in memory and with real processes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from tests.integration.local.stage import SERVICE, Stage
from turnout.model.errors import Conflict, GuardRefused, NotFound
from turnout.model.servers import (
    GroupSettings,
    HttpProbe,
    InstanceState,
    Probe,
    Run,
    ServerGroup,
)
from turnout.ports import GroupWish, Inventory, Order, Provider
from turnout.testing import MemoryProvider, World

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = GroupSettings(
    version="1.0",
    run=Run(command=(sys.executable, "-S", "-E", str(SERVICE)), folder="/"),
    probe=Probe(request=HttpProbe(), interval=timedelta(milliseconds=50)),
)


class Target(Provider, Inventory, Protocol):
    """Both ports: what we try here is one object."""


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Target]:
    yield MemoryProvider(World(auto=True))


@asynccontextmanager
async def local(folder: Path) -> AsyncIterator[Target]:
    stage = Stage(folder)
    try:
        async with stage.provider() as provider:
            yield provider
    finally:
        await stage.clean_up()


ADAPTERS: dict[str, Callable[[Path], AbstractAsyncContextManager[Target]]] = {
    "memory": memory,
    "local": local,
}


@pytest.fixture(params=ADAPTERS)
async def target(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Target]:
    async with ADAPTERS[request.param](tmp_path) as target:
        yield target


def wish(name: str, instances: int = 1, *, seconds: int = 0) -> GroupWish:
    return GroupWish(
        name=name,
        cluster=name.rpartition("-")[0],
        settings=SETTINGS,
        instances=instances,
        created_at=BEGAN + timedelta(seconds=seconds),
    )


def order(number: int, deployment: str = "d") -> Order:
    return Order(deployment=deployment, number=number)


async def find(target: Target, name: str) -> ServerGroup | None:
    groups = (await target.observe_groups(name.rpartition("-")[0])).groups
    return next((group for group in groups if group.name == name), None)


async def until(
    target: Target, name: str, condition: Callable[[ServerGroup], object]
) -> ServerGroup:
    deadline = time.monotonic() + 60
    while True:
        group = await find(target, name)
        if group is not None and condition(group):
            return group
        assert time.monotonic() < deadline, f"not within 60 s: {group}"
        await asyncio.sleep(0.01)


def has_healthy(count: int) -> Callable[[ServerGroup], bool]:
    return lambda g: g.healthy == count == len(g.instances)


async def test_an_unknown_cluster_has_no_groups(target: Target) -> None:
    found = await target.observe_groups("nobody")
    assert (found.groups, found.newest) == ((), "")
    assert await target.observe_clusters() == ()


async def test_a_group_is_created_as_wished_and_becomes_healthy(target: Target) -> None:
    await target.apply_group(wish("shop-v000", 2), order(1))
    group = await until(target, "shop-v000", has_healthy(2))
    assert (group.name, group.cluster, group.deployment) == ("shop-v000", "shop", "d")
    assert (group.settings, group.desired, group.created_at) == (SETTINGS, 2, BEGAN)
    assert (group.pin, group.cold_at) == (0, None)
    assert len({i.id for i in group.instances}) == 2
    assert len({i.port for i in group.instances}) == 2
    assert all(i.port and not i.hopeless for i in group.instances)
    assert await target.observe_clusters() == ("shop",)


async def test_creating_twice_makes_one(target: Target) -> None:
    await target.apply_group(wish("shop-v000", 1), order(1))
    first = await until(target, "shop-v000", has_healthy(1))
    await target.apply_group(wish("shop-v000", 1), order(1))
    assert await find(target, "shop-v000") == first


async def test_an_adopted_group_keeps_its_size(target: Target) -> None:
    await target.apply_group(wish("shop-v000", 1), order(1))
    await target.apply_size("shop-v000", 2, order(2))
    await target.apply_group(wish("shop-v000", 1), order(1))
    group = await until(target, "shop-v000", has_healthy(2))
    assert group.desired == 2


async def test_a_group_of_another_deployment_is_not_adopted(target: Target) -> None:
    await target.apply_group(wish("shop-v000"), order(1))
    with pytest.raises(Conflict):
        await target.apply_group(wish("shop-v000"), order(1, "other"))


async def test_groups_are_listed_by_creation_whatever_their_number(target: Target) -> None:
    await target.apply_group(wish("shop-v999", seconds=1), order(1, "a"))
    await target.apply_group(wish("shop-v000", seconds=2), order(1, "b"))
    found = await target.observe_groups("shop")
    assert [g.name for g in found.groups] == ["shop-v999", "shop-v000"]
    assert found.newest == "shop-v000"


async def test_clusters_do_not_see_each_other(target: Target) -> None:
    await target.apply_group(wish("shop-web-v000"), order(1, "a"))
    await target.apply_group(wish("shop-v000"), order(1, "b"))
    assert [g.name for g in (await target.observe_groups("shop")).groups] == ["shop-v000"]
    assert await target.observe_clusters() == ("shop", "shop-web")
    await target.apply_destroyed("shop-v000", order(2, "b"))
    assert await target.observe_clusters() == ("shop-web",)


async def test_a_group_grows_and_shrinks(target: Target) -> None:
    await target.apply_group(wish("shop-v000", 1), order(1))
    kept = (await until(target, "shop-v000", has_healthy(1))).instances[0]
    await target.apply_size("shop-v000", 3, order(2))
    await until(target, "shop-v000", has_healthy(3))
    await target.apply_size("shop-v000", 1, order(3))
    group = await until(target, "shop-v000", has_healthy(1))
    assert (group.desired, group.instances[0].id) == (1, kept.id)


async def test_a_group_scaled_to_zero_is_cold_and_comes_back(target: Target) -> None:
    await target.apply_group(wish("shop-v000", 1), order(1))
    await target.apply_size("shop-v000", 0, order(2))
    group = await until(target, "shop-v000", lambda g: not g.instances)
    assert group.is_cold
    await target.apply_size("shop-v000", 1, order(3))
    await until(target, "shop-v000", has_healthy(1))


async def test_a_late_order_is_ignored(target: Target) -> None:
    await target.apply_group(wish("shop-v000", 1), order(1))
    await target.apply_size("shop-v000", 3, order(5))
    await target.apply_size("shop-v000", 1, order(4))
    await target.apply_pin("shop-v000", 3, order(3))
    await target.apply_cold_at("shop-v000", BEGAN, order(2))
    group = await until(target, "shop-v000", has_healthy(3))
    assert (group.desired, group.pin, group.cold_at) == (3, 0, None)


async def test_a_late_destruction_is_ignored(target: Target) -> None:
    await target.apply_group(wish("shop-v000"), order(1))
    await target.apply_size("shop-v000", 2, order(5))
    await target.apply_destroyed("shop-v000", order(4))
    await until(target, "shop-v000", has_healthy(2))


async def test_a_repeated_order_is_obeyed(target: Target) -> None:
    await target.apply_group(wish("shop-v000", 1), order(1))
    await target.apply_size("shop-v000", 2, order(2))
    await target.apply_size("shop-v000", 2, order(2))
    assert (await until(target, "shop-v000", has_healthy(2))).desired == 2


async def test_orders_of_another_deployment_count_for_themselves(target: Target) -> None:
    await target.apply_group(wish("shop-v000", 1), order(9))
    await target.apply_size("shop-v000", 2, order(1, "next"))
    assert (await until(target, "shop-v000", has_healthy(2))).desired == 2


async def test_no_size_below_the_pin(target: Target) -> None:
    await target.apply_group(wish("shop-v000", 2), order(1))
    await target.apply_pin("shop-v000", 2, order(2))
    with pytest.raises(GuardRefused) as refused:
        await target.apply_size("shop-v000", 1, order(3))
    assert refused.value.rule == "pinned"
    await target.apply_size("shop-v000", 3, order(4))
    await target.apply_pin("shop-v000", 0, order(5))
    await target.apply_size("shop-v000", 1, order(6))
    assert (await until(target, "shop-v000", has_healthy(1))).pin == 0


async def test_the_time_of_going_cold_is_noted_and_forgotten(target: Target) -> None:
    await target.apply_group(wish("shop-v000"), order(1))
    later = BEGAN + timedelta(hours=1)
    await target.apply_cold_at("shop-v000", later, order(2))
    assert (await until(target, "shop-v000", has_healthy(1))).cold_at == later
    await target.apply_cold_at("shop-v000", None, order(3))
    assert (await until(target, "shop-v000", has_healthy(1))).cold_at is None


async def test_a_destroyed_group_is_gone_but_its_name_is_remembered(target: Target) -> None:
    await target.apply_group(wish("shop-v000"), order(1))
    await target.apply_destroyed("shop-v000", order(2))
    found = await target.observe_groups("shop")
    assert (found.groups, found.newest) == ((), "shop-v000")
    assert await target.observe_clusters() == ()


async def test_destroying_what_is_gone_is_fine(target: Target) -> None:
    await target.apply_destroyed("shop-v000", order(1))
    await target.apply_group(wish("shop-v001"), order(2))
    await target.apply_destroyed("shop-v001", order(3))
    await target.apply_destroyed("shop-v001", order(3))
    assert await find(target, "shop-v001") is None


async def test_a_destroyed_group_is_not_raised_by_its_destroyer(target: Target) -> None:
    await target.apply_group(wish("shop-v000"), order(1))
    await target.apply_destroyed("shop-v000", order(2))
    await target.apply_group(wish("shop-v000"), order(1))
    assert await find(target, "shop-v000") is None


async def test_a_creation_that_arrives_after_the_destruction_makes_nothing(target: Target) -> None:
    await target.apply_destroyed("shop-v000", order(2))
    await target.apply_group(wish("shop-v000"), order(1))
    assert await find(target, "shop-v000") is None


async def test_a_name_may_be_used_again_by_another_deployment(target: Target) -> None:
    await target.apply_group(wish("shop-v000"), order(1))
    await target.apply_destroyed("shop-v000", order(2))
    await target.apply_group(wish("shop-v000"), order(1, "other"))
    group = await until(target, "shop-v000", has_healthy(1))
    assert group.deployment == "other"


async def test_a_group_that_is_gone_cannot_be_sized_or_pinned(target: Target) -> None:
    with pytest.raises(NotFound):
        await target.apply_size("shop-v000", 1, order(1))
    with pytest.raises(NotFound):
        await target.apply_pin("shop-v000", 1, order(2))
    await target.apply_pin("shop-v000", 0, order(3))
    await target.apply_cold_at("shop-v000", BEGAN, order(4))
    assert await find(target, "shop-v000") is None


async def test_a_log_of_nobody_is_not_found(target: Target) -> None:
    with pytest.raises(NotFound):
        async for _ in target.read_log("shop-v000", "i-0", lines=1, follow=False):
            pass
    await target.apply_group(wish("shop-v000"), order(1))
    await until(target, "shop-v000", has_healthy(1))
    with pytest.raises(NotFound):
        async for _ in target.read_log("shop-v000", "i-99", lines=1, follow=False):
            pass


async def test_a_log_can_be_read(target: Target) -> None:
    await target.apply_group(wish("shop-v000"), order(1))
    group = await until(target, "shop-v000", has_healthy(1))
    log = target.read_log("shop-v000", group.instances[0].id, lines=5, follow=False)
    assert all([isinstance(line, str) async for line in log])


async def test_an_observed_instance_is_in_a_state_of_the_model(target: Target) -> None:
    await target.apply_group(wish("shop-v000", 2), order(1))
    group = await until(target, "shop-v000", lambda g: len(g.instances) == 2)
    early = {InstanceState.STARTING, InstanceState.HEALTHY}
    assert {i.state for i in group.instances} <= early
