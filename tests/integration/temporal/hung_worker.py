"""A worker that takes a deployment and hangs in its first step, for a test to kill."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.integration.temporal.stage import Stage, build_house
from tests.properties import worlds
from turnout.engine.operations import OperationContext
from turnout.model.deployment import StrategyName
from turnout.model.plan import Operation


async def hang(operation: Operation, context: OperationContext) -> None:
    Path(sys.argv[2]).touch()
    await asyncio.Event().wait()


async def main(address: str) -> None:
    home = build_house(worlds.running())
    home.operations.before = hang
    async with Stage(Path(), address, home).engine() as engine:
        await engine.submit(worlds.deploy(StrategyName.BLUE_GREEN))
        await asyncio.Event().wait()


asyncio.run(main(sys.argv[1]))
