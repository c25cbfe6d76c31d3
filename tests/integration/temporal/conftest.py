from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.temporal.stage import Stage, build_house
from tests.properties import worlds
from turnout.engine.temporal_server import running_temporal


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    folder = tmp_path / "temporal"
    async with running_temporal(folder) as address:
        yield Stage(folder, address, build_house(worlds.running()))
