"""What tests say about a cluster: that it is as it must be, and that it is gone."""

from __future__ import annotations

import asyncio

import httpx2

from tests.e2e.api import PLAIN, Api, ApiError
from tests.e2e.plant import PATIENCE, Plant, until
from tests.e2e.services import Shop
from tests.ports import is_taken
from turnout.model.deployment import Status
from turnout.model.journal import DeploymentRecord


async def deployed(
    api: Api, shop: Shop, version: str, strategy: str = "blue_green", **options: object
) -> DeploymentRecord:
    """Deploy a version that is as it should be, to the end."""
    record = await api.deploy(shop.write(version, strategy, options=options))
    ended = await api.await_end(record.id)
    assert ended.status is Status.SUCCEEDED, f"{ended.sentence} {ended.cause}"
    return ended


async def assert_at_rest(api: Api, shop: Shop, version: str) -> None:
    """This version has all traffic, nothing runs or waits, and nothing is pinned."""
    view = await api.cluster(shop.application)
    assert view.running is None and not view.waiting
    state = view.state
    assert not [g.name for g in state.groups if g.pin], "a pin was left"
    shares = {g.version: state.split.share(g.name) for g in state.groups}
    assert {v: s for v, s in shares.items() if s} == {version: 1000}
    source = state.source
    assert source is not None and source.healthy == source.desired, source
    assert await observe_version(shop) == version


async def observe_version(shop: Shop) -> str:
    """Which version a user gets now."""
    async with httpx2.AsyncClient(trust_env=False, verify=PLAIN) as client:
        found = (await client.get(shop.url)).json()
    return str(found["version"])


async def await_version(shop: Shop, version: str) -> None:
    """Wait until users get this version."""
    async with asyncio.timeout(2 * PATIENCE):
        while await observe_version(shop) != version:
            await asyncio.sleep(0.02)


async def clear(plant: Plant, api: Api, shop: Shop) -> None:
    """Destroy all of a cluster; afterwards nothing of it may be left."""
    name = shop.application
    try:
        state = (await api.cluster(name)).state
    except ApiError as error:
        assert error.status == 404, error
        return
    for group in sorted(state.groups, key=lambda g: state.split.share(g.name)):
        record = await api.operate(name, "destroy", group=group.name, force="the test is over")
        ended = await api.await_end(record.id)
        assert ended.status is Status.SUCCEEDED, f"{ended.sentence} {ended.cause}"
    assert not plant.find(f"{name}-v"), plant.find(f"{name}-v")
    await until(lambda: not is_taken(shop.port), f"port {shop.port} is free again")
