"""Where a server keeps things: another database, a disk that is full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.postgresql import running_postgresql
from tests.e2e.api import Api
from tests.e2e.clusters import assert_at_rest, clear, deployed
from tests.e2e.plant import Plant
from tests.e2e.services import Shop
from tests.e2e.users import using
from turnout.model.deployment import Status


async def test_a_deployment_on_postgresql_survives_a_killed_server() -> None:
    with running_postgresql() as database:
        plant = Plant({"TURNOUT_STORE": database.make_database()})
        try:
            await plant.start()
            async with Api(plant) as api:
                shop = Shop("onpostgresql")
                await deployed(api, shop, "1")
                async with using(shop.port) as users:
                    text = shop.write("2", options={"watch": "2s"})
                    record = await api.deploy(text)
                    await api.await_status(record.id, Status.RUNNING)
                    plant.kill_server()
                    await plant.start()
                    ended = await api.await_end(record.id)
                    await assert_at_rest(api, shop, "2")
                    seen = await users.leave()
                seen.tell("on PostgreSQL, server killed", kills=1)
                assert ended.status is Status.SUCCEEDED, ended
                seen.assert_nothing_lost()
                await clear(plant, api, shop)
            left = await plant.stop()
            assert not left, left
            assert not (plant.data / "turnout.db").exists()
        finally:
            plant.keep_log()
            plant.remove()


async def test_a_full_disk_stops_a_switch_and_no_user() -> None:
    plant = Plant()
    router = plant.data / "router"
    with _small_disk(router):
        try:
            await plant.start()
            async with Api(plant) as api:
                shop = Shop("fulldisk")
                await deployed(api, shop, "1")
                async with using(shop.port) as users:
                    filler = _fill(router)
                    record = await api.deploy(shop.write("2"))
                    ended = await api.await_end(record.id, 200)
                    filler.unlink()
                    await assert_at_rest(api, shop, "1")
                    await deployed(api, shop, "3")
                    await assert_at_rest(api, shop, "3")
                    seen = await users.leave()
                seen.tell("full disk")
                assert ended.status in {Status.ROLLED_BACK, Status.FAILED}, ended
                seen.assert_nothing_lost()
                await clear(plant, api, shop)
            left = await plant.stop()
            assert not left, left
        finally:
            plant.keep_log()
            _unmount(router)
            plant.remove()


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(mode=0o700)
    folder.mkdir(mode=0o700)
    if os.getuid() != 0:
        pytest.skip("a small disk is missing: only root can mount one")
    command = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "turnout-e2e", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small disk is missing: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        _unmount(folder)


def _unmount(folder: Path) -> None:
    if folder.is_mount():
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(folder: Path) -> Path:
    """Write until nothing more can be written."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler
