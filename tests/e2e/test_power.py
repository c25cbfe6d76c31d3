"""The plug of the machine is pulled: everything is dead at once, services and router too."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from tests.e2e.api import Api
from tests.e2e.clusters import assert_at_rest, clear, deployed
from tests.e2e.plant import Plant
from tests.e2e.services import Shop
from turnout.model.deployment import Status


def pull_the_plug(plant: Plant) -> None:
    """Kill all there is, until nothing starts anything any more."""
    while found := plant.find():
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
    plant.kill_server()


@pytest.mark.parametrize("watch", ["0s", "3s"])
async def test_what_served_serves_again_and_the_deployment_goes_on(
    plant: Plant, api: Api, watch: str
) -> None:
    shop = Shop(f"power{watch}")
    await deployed(api, shop, "1")
    record = await api.deploy(shop.write("2", options={"watch": watch}))
    await api.await_status(record.id, Status.RUNNING, Status.SUCCEEDED)
    pull_the_plug(plant)
    await plant.start()
    ended = await api.await_end(record.id)
    version = {Status.SUCCEEDED: "2", Status.ROLLED_BACK: "1"}[ended.status]
    await assert_at_rest(api, shop, version)
    await clear(plant, api, shop)
