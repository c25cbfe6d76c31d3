"""Two hundred clusters on one machine."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.local.stage import Stage
from turnout.model.servers import HttpProbe, Probe

CLUSTERS = [f"c{number}" for number in range(200)]


@pytest.mark.slow
async def test_two_hundred_clusters_live_come_back_and_go(stage: Stage) -> None:
    settings = stage.settings(probe=Probe(request=HttpProbe()))
    async with stage.provider() as provider:
        wishes = [stage.wish(f"{cluster}-v000", settings) for cluster in CLUSTERS]
        await asyncio.gather(*(provider.apply_group(wish, stage.order()) for wish in wishes))
        for wish in wishes:
            await stage.until_healthy(provider, wish.name, 1)
        assert await provider.observe_clusters() == tuple(sorted(CLUSTERS))
    stage.events.clear()
    async with stage.provider() as provider:
        for cluster in CLUSTERS:
            (group,) = (await provider.observe_groups(cluster)).groups
            assert group.healthy == 1, "from the first moment"
        ports = {
            i.port
            for c in CLUSTERS
            for g in (await provider.observe_groups(c)).groups
            for i in g.instances
        }
        assert len(ports) == 200
        gone = (provider.apply_destroyed(wish.name, stage.order()) for wish in wishes)
        await asyncio.gather(*gone)
        assert stage.running() == []
        assert await provider.observe_clusters() == ()
    assert stage.events == []
