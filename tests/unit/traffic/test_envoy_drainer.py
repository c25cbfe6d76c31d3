from __future__ import annotations

import time
from collections.abc import Collection
from datetime import timedelta
from typing import cast

import pytest

from turnout.model.errors import Temporary
from turnout.model.traffic import DrainReport, Endpoint
from turnout.ports import ListenerState
from turnout.traffic.envoy import EnvoyDrainer, EnvoyRouter


class Looks:
    """A router whose requests in flight are known beforehand; the last answer stays."""

    def __init__(self, *in_flight: int | None) -> None:
        self.in_flight = list(in_flight)
        self.looked_at: list[float] = []

    async def observe_listener(self, cluster: str) -> ListenerState | None:
        return None

    async def withdraw(
        self, cluster: str, group: str, instances: Collection[str]
    ) -> tuple[Endpoint, ...]:
        return ()

    async def observe_in_flight(
        self, group: str, endpoints: Collection[Endpoint] | None
    ) -> int | None:
        self.looked_at.append(time.monotonic())
        return self.in_flight.pop(0) if len(self.in_flight) > 1 else self.in_flight[0]


async def drain(looks: Looks, seconds: float = 20) -> DrainReport:
    drainer = EnvoyDrainer(cast(EnvoyRouter, looks))
    return await drainer.await_drained("shop", "shop-v001", ["i-1"], timedelta(seconds=seconds))


async def test_one_idle_look_is_not_enough() -> None:
    """A worker that has not followed yet may still send a request."""
    looks = Looks(0, 1, 0, 0, 5)
    assert await drain(looks) == DrainReport()
    assert len(looks.looked_at) == 4


async def test_two_idle_looks_are_milliseconds_apart() -> None:
    looks = Looks(0, 0, 5)
    await drain(looks)
    first, second = looks.looked_at
    assert second - first >= 0.005


async def test_idle_look_at_the_deadline_is_confirmed_before_it_counts() -> None:
    looks = Looks(0, 3)
    assert (await drain(looks, 0)).requests_left == 3


async def test_silence_is_not_idleness() -> None:
    looks = Looks(None, 0, None, 0, 0, 7)
    assert await drain(looks) == DrainReport()
    assert len(looks.looked_at) == 5


async def test_lasting_silence_is_told() -> None:
    with pytest.raises(Temporary, match="Envoy does not answer"):
        await drain(Looks(None), 0.05)
