"""Somebody sets the wall clock while a deployment runs. The clock of the server only: libfaketime
stands between it and the system.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.api import Api
from tests.e2e.clusters import assert_at_rest, await_version, clear, deployed
from tests.e2e.plant import Plant
from tests.e2e.services import PYTHON, Shop
from turnout.model.deployment import Status
from turnout.testing.load import LoadProcess

TURNCOAT = Path(__file__).with_name("turncoat.py")
FAKER = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


class Clock:
    """The wall clock of one server."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set("+0")

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a process that goes by this clock."""
        return {
            "LD_PRELOAD": str(FAKER),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def set(self, ahead: str) -> None:
        """Set it so much ahead of the system's clock."""
        self._file.write_text(f"{ahead}\n")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plant, Clock]]:
    """A server and its clock."""
    if FAKER is None:
        pytest.skip("nobody can set the clock: the Debian package libfaketime is missing")
    clock = Clock(tmp_path_factory.mktemp("clock"))
    plant = Plant(clock.settings)
    try:
        asyncio.run(plant.start())
        yield plant, clock
        clock.set("+0")
        left = asyncio.run(plant.stop())
        assert not left, "\n".join(left)
    finally:
        plant.keep_log()
        plant.remove()


@pytest.mark.parametrize("ahead", ["-3600", "+3600"])
async def test_a_clock_that_is_set_in_mid_watch_blinds_no_trip_wire(
    house: tuple[Plant, Clock], tmp_path: Path, ahead: str
) -> None:
    plant, clock = house
    clock.set("+0")
    name = "earlier" if ahead[0] == "-" else "later"
    spoiled = tmp_path / "spoiled"
    good = Shop(f"{name}good")
    bad = Shop(f"{name}bad", command=f"{PYTHON} {TURNCOAT}")
    async with Api(plant) as api:
        await deployed(api, good, "1")
        await api.await_end((await api.deploy(bad.write("1", environment=_told("never")))).id)
        loads = [LoadProcess(shop.url, rate=50, strict=True) for shop in (good, bad)]
        async with loads[0], loads[1]:
            await asyncio.sleep(3)
            # A busy machine is slow by itself: only failures count here.
            wires = {"watch_checks": [{"trip_wires": {"latency_increase": "1m"}}]}
            first = await api.deploy(good.write("2", options={**wires, "watch": "8s"}))
            text = bad.write("2", environment=_told(spoiled), options={**wires, "watch": "60s"})
            second = await api.deploy(text)
            await asyncio.gather(*(await_version(shop, "2") for shop in (good, bad)))
            await asyncio.sleep(1)
            clock.set(ahead)
            await asyncio.sleep(2)
            spoiled.touch()
            began = time.monotonic()
            wrong = await api.await_end(second.id)
            took = time.monotonic() - began
            well = await api.await_end(first.id)
            seen = [await load.stop() for load in loads]
        print(f"\nclock set by {ahead} s: taken back after {took:.1f} s")  # noqa: T201 - a figure
        assert well.status is Status.SUCCEEDED, well
        assert seen[0].failed == 0, "\n".join(map(str, seen[0].failures()))
        assert wrong.status is Status.ROLLED_BACK, wrong
        assert "requests to" in wrong.cause, wrong.cause
        for shop, version in ((good, "2"), (bad, "1")):
            await assert_at_rest(api, shop, version)
            await clear(plant, api, shop)


def _told(spoiled: object) -> dict[str, str]:
    return {"SPOILED": str(spoiled)}
