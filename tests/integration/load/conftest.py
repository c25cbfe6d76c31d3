from collections.abc import AsyncIterator

import pytest

from tests.integration.load.services import Rogue, RunningShop, running_rogue, running_shop


@pytest.fixture
async def shop() -> AsyncIterator[RunningShop]:
    async with running_shop() as running:
        yield running


@pytest.fixture
async def rogue() -> AsyncIterator[Rogue]:
    async with running_rogue() as running:
        yield running
