"""Many clusters deployed at the same moment: all end well, and none is mistaken for another."""

from __future__ import annotations

import asyncio
import time

import psutil
import pytest

from tests.e2e.api import Api
from tests.e2e.clusters import observe_version
from tests.e2e.plant import Plant
from tests.e2e.services import Shop
from turnout.model.deployment import Status
from turnout.model.journal import DeploymentRecord


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("count", "at_once"), [(50, 50), (200, 20)])
async def test_many_clusters_are_deployed(plant: Plant, api: Api, count: int, at_once: int) -> None:
    """Probed as often as a service is by default."""
    room = asyncio.Semaphore(at_once)
    shops = [Shop(f"many{at_once}of{number}", instances=1) for number in range(count)]
    versions = ("1", "2") if at_once == count else ("1",)

    async def deploy(shop: Shop, version: str) -> DeploymentRecord:
        async with room:
            begun = await api.deploy(shop.write(version, more={"health": "/healthz"}))
            return await api.await_end(begun.id, 200, look_every=1)

    for version in versions:
        began = time.monotonic()
        ends = await asyncio.gather(*(deploy(shop, version) for shop in shops))
        took = time.monotonic() - began
        print(  # noqa: T201 - a figure that is asked for
            f"\n{count} clusters, {at_once} at once, version {version}: {took:.1f} s,"
            f" {_memory(plant):.0f} MB without the services"
        )
        wrong = [(e.request.cluster, e.cause) for e in ends if e.status is not Status.SUCCEEDED]
        assert not wrong, wrong
        assert {await observe_version(shop) for shop in shops} == {version}
    states = [(await api.cluster(shop.application)).state for shop in shops]
    assert not [g.name for state in states for g in state.groups if g.pin]
    assert all(len(state.groups) == len(versions) for state in states)


def _memory(plant: Plant) -> float:
    """Megabytes of all processes of the plant but the services themselves."""
    total = 0
    for found in plant.find():
        if found.command.endswith("app.py") and "shim.sh" not in found.command:
            continue
        try:
            total += psutil.Process(found.pid).memory_full_info().pss
        except psutil.Error:
            continue
    return total / 1e6
