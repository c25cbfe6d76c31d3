"""SIGKILL to each process of Turnout in turn, at every boundary of every step, while users are at
it: the deployment goes on and ends, and nobody notices."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from tests.e2e.api import Api
from tests.e2e.canaries import STEADY, keep_steady, person_at_hand
from tests.e2e.clusters import assert_at_rest, clear, deployed
from tests.e2e.plant import Plant, until
from tests.e2e.services import Shop
from tests.e2e.users import WITHIN, Seen, using
from turnout.model.deployment import Status
from turnout.model.journal import Event
from turnout.model.servers import Role

RESUMED_WITHIN = 30.0
"""Seconds. Promised are 5 on an idle machine of two cores; the measured figure is printed."""

MOST_KILLS = 80

Killing = Callable[[Plant], Awaitable[float]]
"""Kills, starts again what must be started by hand, and says how many seconds that took."""


async def _server(plant: Plant) -> float:
    plant.kill_server()
    return await plant.start()


async def _temporal(plant: Plant) -> float:
    """What is under way goes on without it, and so may come to its next boundary before it is back:
    then it is killed as soon as it is."""
    await until(plant.has_temporal, "Temporal is back", say=plant.last_words)
    plant.kill_temporal()
    return 0.0


VICTIMS: dict[str, Killing] = {"server": _server, "temporal": _temporal}


@dataclass
class Fire:
    """Kills at every boundary of the steps of one deployment, until it has ended."""

    plant: Plant
    api: Api
    kill: Killing
    hits: list[str] = field(default_factory=list)
    resumed: list[float] = field(default_factory=list)
    """Seconds from each kill to the next thing that happened, without the server's own start."""
    starts: list[float] = field(default_factory=list)
    _last: int = 0
    _killed_at: float | None = None

    def after(self, event: Event) -> None:
        """Spare everything up to this event."""
        self._last = event.sequence

    async def burn(self, deployment: str) -> None:
        """Follow a deployment to its end."""
        deadline = time.monotonic() + 600
        while True:
            assert time.monotonic() < deadline, self.plant.last_words()
            async for event in self.api.events(self._last, deployment=deployment):
                self._last = event.sequence
                if self._killed_at is not None:
                    self.resumed.append(time.monotonic() - self._killed_at)
                    self._killed_at = None
                if _is_end(event):
                    return
                if event.kind in {"step.started", "step.ended"} and self._is_new(event):
                    self._killed_at = time.monotonic()
                    self.starts.append(await self.kill(self.plant))
                    self._killed_at += self.starts[-1]
                    break
            await asyncio.sleep(0.01)

    def _is_new(self, event: Event) -> bool:
        """Each step once: the odd ones at their end, the even ones at their beginning."""
        if (event.kind == "step.ended") != (int(event.data["number"] or 0) % 2 == 1):
            return False
        boundary = f"{event.data['step']} {event.kind}"
        is_new = boundary not in self.hits and len(self.hits) < MOST_KILLS
        if is_new:
            self.hits.append(boundary)
        return is_new

    def conclude(self, name: str, seen: Seen) -> None:
        """Print the line, and hold it against what is promised."""
        worst = max(self.resumed, default=0.0)
        seen.tell(name, kills=len(self.hits), resumed=worst)
        print(f"  slowest start of the server {max(self.starts):.2f} s")  # noqa: T201 - a figure
        assert self.hits
        assert worst < RESUMED_WITHIN, self.resumed
        seen.assert_nothing_lost()


def _is_end(event: Event) -> bool:
    return event.kind == "deployment.status" and Status(str(event.data["status"])).is_end


@pytest.fixture
async def shop(plant: Plant, api: Api) -> AsyncIterator[Shop]:
    """A shop in version 1. Afterwards it is gone without a trace."""
    service = Shop("fired")
    await deployed(api, service, "1")
    yield service
    await clear(plant, api, service)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("victim", list(VICTIMS))
async def test_a_deployment_goes_on_whatever_is_killed_at_every_boundary(
    plant: Plant, api: Api, shop: Shop, victim: str
) -> None:
    fire = Fire(plant, api, VICTIMS[victim])
    text = shop.write("2", "rolling_blue_green", options={"steps": ["50%", "100%"]})
    async with using(shop.port) as users:
        record = await api.deploy(text)
        await fire.burn(record.id)
        ended = await api.await_end(record.id)
        await assert_at_rest(api, shop, "2")
        seen = await users.leave()
    assert ended.status is Status.SUCCEEDED, ended
    fire.conclude(f"rolling, {victim} killed", seen)
    assert ended.plan is not None
    missed = {s.id for s in ended.plan.steps} - {hit.split()[0] for hit in fire.hits}
    assert not missed, "these steps saw no kill"
    assert len((await api.cluster(shop.application)).state.groups) == 2


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("victim", list(VICTIMS))
async def test_a_rollback_goes_on_whatever_is_killed_at_every_boundary(
    plant: Plant, api: Api, shop: Shop, victim: str
) -> None:
    fire = Fire(plant, api, VICTIMS[victim])
    options = {"steps": ["50%", "100%"], "step_hold": "60s"}
    text = shop.write("2", "rolling_blue_green", options=options)
    async with using(shop.port) as users:
        record = await api.deploy(text)
        fire.after(await api.await_step(record.id, "watch"))
        await api.cancel(record.id)
        await fire.burn(record.id)
        ended = await api.await_end(record.id)
        await assert_at_rest(api, shop, "1")
        seen = await users.leave()
    assert ended.status is Status.ROLLED_BACK, ended
    fire.conclude(f"rollback, {victim} killed", seen)
    assert len((await api.cluster(shop.application)).state.groups) == 1


async def test_killing_the_supervisor_of_the_router_disturbs_nobody(
    plant: Plant, api: Api, shop: Shop
) -> None:
    fire = Fire(plant, api, _envoy_shim_once)
    envoy = plant.envoy_pid()
    async with using(shop.port) as users:
        record = await api.deploy(shop.write("2", "rolling_blue_green"))
        await fire.burn(record.id)
        ended = await api.await_end(record.id)
        await assert_at_rest(api, shop, "2")
        # A server that comes later finds a router without its supervisor, too.
        plant.kill_server()
        await plant.start()
        await deployed(api, shop, "3")
        seen = await users.leave()
    assert ended.status is Status.SUCCEEDED, ended
    fire.conclude("rolling, the router's supervisor killed", seen)
    assert plant.envoy_pid() == envoy


async def _envoy_shim_once(plant: Plant) -> float:
    """It does not come back while its Envoy lives; the first kill is the only one."""
    pid = plant.envoy_shim_pid()
    try:
        plant.kill(pid)
    except ProcessLookupError:
        plant.kills -= 1
    return 0.0


async def test_a_killed_router_is_back_with_the_same_split(
    plant: Plant, api: Api, shop: Shop
) -> None:
    """Whoever has a request in it at that moment loses it: no process can change that."""
    old = plant.envoy_pid()
    async with using(shop.port) as users:
        await users.websockets.await_open(WITHIN)
        began = time.time()
        plant.kill(old)
        record = await api.deploy(shop.write("2"))
        ended = await api.await_end(record.id)
        await assert_at_rest(api, shop, "2")
        seen = await users.leave()
    assert ended.status is Status.SUCCEEDED, ended
    lost = [answer.due.timestamp() - began for answer in seen.failures()]
    away = max(lost, default=0.0)
    seen.tell(f"the router itself killed (away for {away:.2f} s)", kills=1)
    assert plant.envoy_pid() != old
    assert away < RESUMED_WITHIN
    # A request that was due a second before the kill was under way then; none earlier was lost.
    assert min(lost, default=0.0) > -1.5


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("outcome", ["promoted", "taken back"])
async def test_a_canary_goes_on_whatever_is_killed_at_every_boundary(
    plant: Plant, api: Api, shop: Shop, outcome: str
) -> None:
    fire = Fire(plant, api, _server)
    await keep_steady(api)
    options = {"traffic": "20%", "warmup": "500ms", "duration": "8s", "interval": "500ms"}
    text = shop.write("2", "canary", options={**options, "config": STEADY})
    async with using(shop.port) as users:
        record = await api.deploy(text)
        if outcome == "taken back":
            fire.after(await api.await_step(record.id, "analyse"))
            await api.cancel(record.id)
        async with person_at_hand(api, record.id):
            await fire.burn(record.id)
        ended = await api.await_end(record.id)
        await assert_at_rest(api, shop, "2" if outcome == "promoted" else "1")
        seen = await users.leave()
    expected = Status.SUCCEEDED if outcome == "promoted" else Status.ROLLED_BACK
    assert ended.status is expected, ended
    fire.conclude(f"canary, {outcome}, server killed", seen)
    roles = {g.role for g in (await api.cluster(shop.application)).state.groups}
    assert roles == {Role.PRODUCTION}
