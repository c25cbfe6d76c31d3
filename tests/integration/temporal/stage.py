"""An engine on a real Temporal server, working on a world in memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from temporalio.client import Client

from tests.engine.house import SOON, House
from turnout import processes
from turnout.engine.client import Engine
from turnout.engine.service import running_engine
from turnout.testing import World


@dataclass
class Stage:
    """One Temporal server, and the world of one test."""

    folder: Path
    address: str
    home: House

    def pid(self) -> int:
        """Of the Temporal server that runs now; 0 when none does."""
        process = processes.adopt(self.folder)
        return (process.pid or 0) if process else 0

    def kill_temporal(self) -> int:
        """Pull its plug. Returns the pid that it had."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        return pid

    async def came_back(self, killed: int) -> float:
        """Wait until another server runs than the one killed; returns for how many seconds."""
        return await until(lambda: self.pid() not in (0, killed), "it is started again")

    @contextlib.asynccontextmanager
    async def engine(self) -> AsyncIterator[Engine]:
        """An engine at work."""
        async with running_engine(
            self.address,
            operations=self.home.operations,
            journal=self.home.journal,
            archive=self.home.journal,
            clock=self.home.clock,
        ) as engine:
            self.home.client = engine.client
            yield engine


def build_house(world: World) -> House:
    """A house whose client comes later."""
    return House(cast(Client, None), world)  # `Stage.engine` sets it


async def until(condition: Callable[[], bool], told: str) -> float:
    """Wait for a condition; returns for how many seconds. Raises `TimeoutError`."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > SOON.total_seconds():
            raise TimeoutError(told)
        await asyncio.sleep(0.01)
    return time.monotonic() - began
