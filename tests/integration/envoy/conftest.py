from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.envoy.services import envoys_below, reserved_port
from turnout.traffic.envoy import EnvoyRouter


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_port() as number:
        yield number


@pytest.fixture
def other_port() -> Iterator[int]:
    with reserved_port() as number:
        yield number


@pytest.fixture
async def router(tmp_path: Path) -> AsyncIterator[EnvoyRouter]:
    async with EnvoyRouter(tmp_path / "router", workers=2) as running:
        try:
            yield running
        finally:
            await running.stop()
    assert envoys_below(tmp_path) == []
