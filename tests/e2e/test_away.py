"""The server is away while a new version has its first users: nothing that they met is overlooked,
and a time in which nobody watched is not taken for a watch.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.e2e.api import Api
from tests.e2e.clusters import assert_at_rest, await_version, clear, deployed
from tests.e2e.plant import Plant
from tests.e2e.services import Shop
from turnout.model.deployment import Status
from turnout.testing.load import LoadProcess

AWAY = 4.0
WATCH = timedelta(seconds=10)
"""Longer than it may take until both versions are seen."""
SLOW = {"LATENCY_MS": "1500"}


async def test_what_users_meet_while_the_server_is_away_counts(plant: Plant, api: Api) -> None:
    slow, well = Shop("awayslow"), Shop("awaywell")
    # A busy machine is slow by itself: that is not what this watch is to trip over.
    patient = [{"trip_wires": {"latency_increase": "1m"}}]
    options = {"watch": f"{WATCH.total_seconds():g}s"}
    for shop in (slow, well):
        await deployed(api, shop, "1")
    loads = [LoadProcess(shop.url, rate=60) for shop in (slow, well)]
    async with loads[0], loads[1]:
        await asyncio.sleep(4)
        bad = await api.deploy(slow.write("2", environment=SLOW, options=options))
        good = await api.deploy(well.write("2", options={**options, "watch_checks": patient}))
        await asyncio.gather(*(await_version(shop, "2") for shop in (slow, well)))
        plant.kill_server()
        await asyncio.sleep(AWAY)
        await plant.start()
        ends = [await api.await_end(record.id) for record in (bad, good)]
        seen = [await load.stop() for load in loads]
    assert ends[0].status is Status.ROLLED_BACK, ends[0]
    assert "ms before)" in ends[0].cause, ends[0].cause
    assert ends[1].status is Status.SUCCEEDED, ends[1]
    (watch,) = [s for s in (await api.deployment(good.id)).steps if s.step == "watch"]
    assert watch.ended_at is not None
    assert watch.ended_at - watch.started_at > WATCH + timedelta(seconds=AWAY) / 2
    assert watch.figures["requests"] > 60 * (WATCH.total_seconds() + AWAY) * 0.8
    assert seen[1].failed == 0
    for shop, version in ((slow, "1"), (well, "2")):
        await assert_at_rest(api, shop, version)
        await clear(plant, api, shop)
