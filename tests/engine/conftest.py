from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.engine import house as houses
from tests.engine.house import House
from turnout.testing import World


@pytest.fixture
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    async with houses.skipping_server() as environment:
        yield environment


@pytest.fixture
def house(temporal: WorkflowEnvironment) -> Callable[..., House]:
    def build(world: World, *, history_limit: int = 0) -> House:
        return House(temporal.client, world, history_limit=history_limit)

    return build
