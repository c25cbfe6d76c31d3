"""The routers that must keep the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.envoy.services import reserved_port
from turnout.ports import Router
from turnout.testing import MemoryRouter, World
from turnout.traffic.envoy import EnvoyRouter


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_port() as number:
        yield number


@pytest.fixture
def other_port() -> Iterator[int]:
    with reserved_port() as number:
        yield number


@pytest.fixture(params=["memory", "envoy"])
async def router(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Router]:
    if request.param == "memory":
        yield MemoryRouter(World())
        return
    async with EnvoyRouter(tmp_path / "router", workers=1) as running:
        try:
            yield running
        finally:
            await running.stop()
