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


@pytest.mark.slow
@pytest.mark.parametrize("count", [50])
async def test_many_clusters_are_deployed_at_once(plant: Plant, api: Api, count: int) -> None:
    shops = [Shop(f"many{number}", instances=1) for number in range(count)]
    for version in ("1", "2"):
        began = time.monotonic()
        records = await asyncio.gather(*(api.deploy(shop.write(version)) for shop in shops))
        ends = [await api.await_end(record.id, 200) for record in records]
        took = time.monotonic() - began
        print(  # noqa: T201 - a figure that is asked for
            f"\n{count} clusters, version {version}: {took:.1f} s, {_memory(plant):.0f} MB"
            " without the services"
        )
        wrong = [(e.request.cluster, e.cause) for e in ends if e.status is not Status.SUCCEEDED]
        assert not wrong, wrong
        assert {await observe_version(shop) for shop in shops} == {version}
    states = [(await api.cluster(shop.application)).state for shop in shops]
    assert not [g.name for state in states for g in state.groups if g.pin]
    assert all(len(state.groups) == 2 for state in states)


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
