"""An engine on in-memory ports and Temporal's time-skipping test server."""

from __future__ import annotations

import asyncio
import contextlib
import sysconfig
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from turnout.engine.client import Engine
from turnout.engine.operations import OperationContext, Operations
from turnout.engine.worker import build_worker
from turnout.model.deployment import Request, Status
from turnout.model.journal import DeploymentRecord, StepRecord
from turnout.model.plan import Operation, StepAnswer
from turnout.testing import (
    MemoryAnalyst,
    MemoryChecker,
    MemoryDrainer,
    MemoryJournal,
    MemoryMetrics,
    MemoryProvider,
    MemoryRouter,
    World,
)

TEST_SERVER = Path(sysconfig.get_path("scripts")) / "temporal-test-server"
SOON = timedelta(seconds=60)


class WallClock:
    """Real time. A short sleep is what it says, a long one is cut: nobody waits here for long."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> timedelta:
        return timedelta(seconds=time.monotonic())

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(min(duration.total_seconds(), 0.02))


Fault = Callable[[Operation, OperationContext], Awaitable[StepAnswer | None]]
"""Called before every operation: may answer in its place, raise, or wait."""


class TroubledOperations(Operations):
    """Real operations in a world where things go wrong as a test says."""

    before: Fault | None = None
    after: Fault | None = None

    async def perform(
        self,
        operation: Operation,
        context: OperationContext,
        report: Callable[[str], None],
    ) -> StepAnswer:
        if self.before is not None:
            answer = await self.before(operation, context)
            if answer is not None:
                return answer
        answer = await super().perform(operation, context, report)
        if self.after is not None:
            return await self.after(operation, context) or answer
        return answer


@dataclass
class House:
    """Everything that one test needs, and that outlives a worker."""

    client: Client
    world: World
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    checker: MemoryChecker = field(default_factory=MemoryChecker)
    analyst: MemoryAnalyst = field(default_factory=MemoryAnalyst)
    clock: WallClock = field(default_factory=WallClock)
    history_limit: int = 0

    def __post_init__(self) -> None:
        self.world.auto = True
        self.operations = TroubledOperations(
            provider=MemoryProvider(self.world),
            router=MemoryRouter(self.world),
            drainer=MemoryDrainer(),
            metrics=MemoryMetrics(self.world),
            checker=self.checker,
            analyst=self.analyst,
            journal=self.journal,
            archive=self.journal,
            clock=self.clock,
        )

    def engine(self) -> Engine:
        return Engine(
            self.client,
            operations=self.operations,
            archive=self.journal,
            history_limit=self.history_limit,
        )

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[Engine]:
        """An engine with a worker."""
        async with build_worker(
            self.client,
            operations=self.operations,
            journal=self.journal,
            archive=self.journal,
            clock=self.clock,
        ):
            yield self.engine()

    async def ended(self, deployment: str) -> DeploymentRecord:
        """The record of a deployment once it has ended."""
        return await self.become(deployment, lambda record: record.status.is_end)

    async def status(self, deployment: str, status: Status) -> DeploymentRecord:
        """The record of a deployment once it has this status."""
        return await self.become(deployment, lambda record: record.status is status)

    async def become(
        self, deployment: str, condition: Callable[[DeploymentRecord], bool]
    ) -> DeploymentRecord:
        async with asyncio.timeout(SOON.total_seconds()):
            while True:
                with contextlib.suppress(Exception):
                    record = await self.journal.read_deployment(deployment)
                    if condition(record):
                        return record
                await asyncio.sleep(0.01)

    async def run(self, engine: Engine, request: Request) -> DeploymentRecord:
        """Submit, and wait for the end."""
        await engine.submit(request)
        return await self.ended(request.id)

    async def idle(self, engine: Engine, cluster: str = "shop") -> None:
        """Wait until the cluster's workflow has ended."""
        async with asyncio.timeout(SOON.total_seconds()):
            while True:
                description = await engine.handle(cluster).describe()
                if description.status is not WorkflowExecutionStatus.RUNNING:
                    assert description.status is WorkflowExecutionStatus.COMPLETED
                    return
                await asyncio.sleep(0.01)

    async def accepted(self, engine: Engine, update: str, cluster: str = "shop") -> None:
        """Wait until the cluster's workflow has accepted an update of this name."""
        async with asyncio.timeout(SOON.total_seconds()):
            while update not in await self._updates(engine, cluster):
                await asyncio.sleep(0.01)

    async def _updates(self, engine: Engine, cluster: str) -> list[str]:
        history = await engine.handle(cluster).fetch_history()
        accepted = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
        return [
            event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name
            for event in history.events
            if event.event_type == accepted
        ]

    async def steps(self, deployment: str) -> tuple[StepRecord, ...]:
        return (await self.journal.read_steps(deployment))[0]

    def shares(self, cluster: str = "shop") -> dict[str, int]:
        listener = self.world.listeners.get(cluster)
        return dict(listener.split.shares) if listener else {}

    def pins(self) -> dict[str, int]:
        return {g.name: g.pin for g in self.world.groups.values() if g.pin}


@contextlib.asynccontextmanager
async def skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """A time-skipping server of one's own."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(TEST_SERVER), data_converter=pydantic_data_converter
    ) as environment:
        yield environment


class Gate:
    """Holds one step of a deployment until it is opened, or the step is interrupted."""

    def __init__(self, step: str) -> None:
        self.step = step
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self.interrupted = 0

    async def __call__(self, operation: Operation, context: OperationContext) -> None:
        if context.step != self.step:
            return
        self.reached.set()
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.interrupted += 1
            raise

    async def wait(self) -> None:
        """Wait until the step is there."""
        async with asyncio.timeout(SOON.total_seconds()):
            await self.reached.wait()


async def until(condition: Callable[[], bool], told: str) -> None:
    """Wait for a condition. Raises `TimeoutError` that says for which."""
    deadline = time.monotonic() + SOON.total_seconds()
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(told)
        await asyncio.sleep(0.005)
