"""One server for the tests of a module, and at its end the question what it leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.api import Api
from tests.e2e.plant import Plant

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them are tests of Turnout as a whole."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def plant() -> Iterator[Plant]:
    """A running server. Afterwards nothing of it may be left."""
    whole = Plant()
    try:
        ready = asyncio.run(whole.start())
        print(f"\nready after {ready:.2f} s")  # noqa: T201 - a figure that is asked for
        yield whole
        left = asyncio.run(whole.stop())
        assert not left, "\n".join(left)
    finally:
        whole.keep_log()
        whole.remove()


@pytest.fixture
async def api(plant: Plant) -> AsyncIterator[Api]:
    """Its API."""
    async with Api(plant) as calls:
        yield calls
