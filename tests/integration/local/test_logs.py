"""What instances say can be read and followed, and does not fill the disk."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.local.stage import Stage, kill, wait_until
from turnout.model.errors import NotFound


async def test_the_last_lines_of_an_instance_are_read(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider, "--say=one", "--say=two", "--say=three")
        log = provider.read_log("shop-v000", "i-0", lines=2, follow=False)
        assert [line async for line in log] == ["two", "three"]


async def test_a_log_is_followed_through_a_restart_to_the_end(stage: Stage) -> None:
    async with stage.provider() as provider:
        group = await stage.run(provider, "--say=port $PORT")
        log = provider.read_log("shop-v000", "i-0", lines=10, follow=True)
        assert await anext(log) == f"port {group.instances[0].port}"
        kill(group.instances[0])
        assert (await asyncio.wait_for(anext(log), 60)).startswith("port ")
        await provider.apply_destroyed("shop-v000", stage.order())
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(log), 60)


async def test_an_instance_that_fills_its_log_does_not_fill_the_disk(stage: Stage) -> None:
    limit = 200_000
    async with stage.provider(max_log_bytes=limit) as provider:
        await provider.apply_group(
            stage.wish("shop-v000", stage.settings("--chatty")), stage.order()
        )
        folder = stage.groups / "shop-v000" / "i-0"
        older = folder / "output.log.2"
        await wait_until(older.exists, "the log was rotated twice")
        await provider.apply_size("shop-v000", 0, stage.order())
        sizes = [f.stat().st_size for f in folder.glob("output.log.*") if f.suffix != ".new"]
        assert all(size <= 3 * limit for size in sizes)


async def test_the_log_of_nobody_is_not_found(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider)
        with pytest.raises(NotFound, match="there is no server group 'shop-v009'"):
            provider.read_log("shop-v009", "i-0", lines=1, follow=False)
        with pytest.raises(NotFound, match="has no instance 'i-9'; it has: i-0"):
            provider.read_log("shop-v000", "i-9", lines=1, follow=False)
