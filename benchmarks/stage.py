"""Where benchmarks play: a whole Turnout on a temporary folder, gone afterwards, and services."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.frame import say
from tests.e2e.api import Api
from tests.e2e.plant import Plant
from tests.e2e.services import PYTHON, Shop
from turnout.model.deployment import Status
from turnout.model.journal import DeploymentRecord

TINY = Path(__file__).parent / "services" / "tiny.py"
"""Starts in a few hundredths of a second, so that what is measured is Turnout."""

PATIENCE = 600.0
"""Seconds that a deployment may take on a busy machine. Nothing is measured against it."""

ASK_EVERY = 0.1


@asynccontextmanager
async def running_plant() -> AsyncIterator[tuple[Plant, Api]]:
    """A server that is ready, and its API. What it leaves behind at the end is told."""
    plant = Plant()
    try:
        await plant.start()
        async with Api(plant) as api:
            yield plant, api
        for complaint in await plant.stop():
            say(f"  after the end: {complaint}")
    finally:
        plant.remove()


def tiny(application: str) -> Shop:
    """A service in one instance that does next to nothing."""
    return Shop(application, instances=1, command=f"{PYTHON} {TINY}", drain="1s")


async def deployed(
    api: Api, service: Shop, version: str, strategy: str = "blue_green", **options: object
) -> DeploymentRecord:
    """Deploy a version to the end, which must be a good one."""
    record = await api.deploy(service.write(version, strategy, options=options))
    return await succeeded(api, record)


async def operated(api: Api, cluster: str, kind: str, **more: object) -> DeploymentRecord:
    """A single operation to its end, which must be a good one."""
    return await succeeded(api, await api.operate(cluster, kind, **more))


async def succeeded(api: Api, record: DeploymentRecord) -> DeploymentRecord:
    """Wait for the good end of a deployment, asking seldom: the server has work to do."""
    end = time.monotonic() + PATIENCE
    while not record.status.is_end:
        if time.monotonic() > end:
            raise TimeoutError(f"{record.id} is {record.status}: {record.sentence}")
        await asyncio.sleep(ASK_EVERY)
        record = (await api.deployment(record.id)).record
    if record.status is not Status.SUCCEEDED:
        told = f"{record.sentence} {record.cause}"
        raise RuntimeError(f"{record.request.kind} {record.status}: {told}")
    return record


async def all_deployed(
    api: Api, services: Iterable[Shop], version: str, **options: object
) -> list[DeploymentRecord]:
    """Deploy a version of all these services at once, each to its good end."""
    begun = await asyncio.gather(
        *(api.deploy(service.write(version, options=options)) for service in services)
    )
    return [await succeeded(api, record) for record in begun]


async def group_of(api: Api, cluster: str, version: str) -> str:
    """The name of the server group that runs this version."""
    groups = (await api.cluster(cluster)).state.groups
    return next(group.name for group in groups if group.version == version)


async def settle(seconds: float, tick: Callable[[], object] = lambda: None) -> None:
    """Let everything come to rest; `tick` is called about twice a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tick()
        await asyncio.sleep(min(0.5, seconds))
