"""The API over ports in memory, with an engine that does everything at once."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx2
from fastapi import FastAPI
from pydantic import SecretStr

from turnout.api.app import create_app
from turnout.api.backend import Backend, Entrance
from turnout.api.security import Access
from turnout.api.stream import Feed
from turnout.api.views import Finding
from turnout.canary.apart import Workers
from turnout.canary.remembered import Reports
from turnout.canary.repeating import IntervalAnalyst
from turnout.engine.operations import OperationContext, Operations
from turnout.model.canary.queries import Query
from turnout.model.canary.request import CanaryScope
from turnout.model.deployment import Choice, Request, Status
from turnout.model.errors import Conflict, NotFound, TurnoutError
from turnout.model.journal import DeploymentRecord, Event
from turnout.model.plan import Delay, Plan, StepAnswer
from turnout.model.samples import Series
from turnout.model.traffic import GroupTraffic
from turnout.strategies import plan_deployment
from turnout.strategies.progress import Progress, advance, attempt, begin, due
from turnout.testing import (
    MemoryAnalyst,
    MemoryCanaryArchive,
    MemoryChecker,
    MemoryClock,
    MemoryDrainer,
    MemoryJournal,
    MemoryMetrics,
    MemoryProvider,
    MemoryRouter,
    World,
)

SERVICE = """
application: shop
version: "1"
run:
  command: [./server, --port, $PORT]
listener:
  port: 8080
"""


class InstantDeployer:
    """Carries a request out before it answers. `asked` are the requests that were really begun."""

    def __init__(self, operations: Operations, journal: MemoryJournal, clock: MemoryClock) -> None:
        self._operations, self._journal, self._clock = operations, journal, clock
        self.asked: list[Request] = []
        self.hold_back = False
        """Leave new deployments queued."""

    async def submit(self, request: Request) -> DeploymentRecord:
        try:
            return await self._journal.read_deployment(request.id)
        except NotFound:
            self.asked.append(request)
        if self.hold_back:
            return await self._record(request, Status.QUEUED, "waits for its turn")
        progress = begin(await self.plan(request), request, self._clock.now())
        while not progress.status.is_end:
            progress = await self._step(progress)
        return await self._record(request, progress.status, progress.sentence)

    async def plan(self, request: Request) -> Plan:
        return plan_deployment(request, await self._operations.observe(request.cluster))

    async def cancel(self, deployment: str, *, by: str, reason: str) -> DeploymentRecord:
        record = await self._journal.read_deployment(deployment)
        if record.status.is_end:
            raise Conflict(f"{deployment} is too late to cancel: it has ended")
        return await self._record(record.request, Status.CANCELED, f"cancelled by {by}: {reason}")

    async def answer(
        self, deployment: str, choice: Choice, *, by: str, comment: str
    ) -> DeploymentRecord:
        await self._journal.read_deployment(deployment)
        raise Conflict(f"{deployment} asks nothing")

    async def _step(self, progress: Progress) -> Progress:
        step = due(progress)
        begun = attempt(progress)
        if isinstance(step.operation, Delay):
            return advance(begun, StepAnswer(ok=True), self._clock.now())
        context = OperationContext(
            deployment=progress.request.id,
            cluster=progress.request.cluster,
            step=step.id,
            number=begun.number,
        )
        answer = await self._operations.perform(step.operation, context, lambda said: None)
        return advance(begun, answer, self._clock.now())

    async def _record(self, request: Request, status: Status, sentence: str) -> DeploymentRecord:
        record = DeploymentRecord(request=request, status=status, sentence=sentence)
        await self._journal.record_deployment(record)
        await self._journal.record_event(
            Event(
                at=self._clock.now(),
                cluster=request.cluster,
                deployment=request.id,
                kind="deployment.status",
                sentence=sentence,
            )
        )
        return record


class MemoryFigures:
    """A source of figures: what is written down for a figure and a server group, else none."""

    def __init__(self) -> None:
        self.value: Callable[[str, str, datetime], float] = lambda figure, group, at: math.nan
        """Of a figure in the second that begins then. NaN for all of it: no series."""
        self.warnings: tuple[str, ...] = ()
        self.trouble: TurnoutError | None = None

    def describe(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        figure = getattr(query, "metric_name", "")
        return f"{figure} of {scope.scope} per {scope.step} s"

    async def fetch(
        self, query: Query, scope: CanaryScope, templates: Mapping[str, str]
    ) -> tuple[Series, ...]:
        if self.trouble:
            raise self.trouble
        figure, group = getattr(query, "metric_name", ""), scope.scope or ""
        count = int((scope.end - scope.start).total_seconds()) // scope.step
        second = timedelta(seconds=1)

        def step(n: int, name: str = figure) -> float:
            begin = scope.start + n * scope.step * second
            return sum(self.value(name, group, begin + s * second) for s in range(scope.step))

        if figure == "latency":
            bounds = scope.extended_scope_params.get("thresholdsMs", "50,250,1000").split(",")
            values = tuple(0.1 * step(n, "requests") for n in range(count))
            tags: Sequence[dict[str, str]] = [{"above_ms": bound} for bound in bounds]
        else:
            values, tags = tuple(step(n) for n in range(count)), [{}]
        if all(math.isnan(value) for value in values):
            return ()
        length = timedelta(seconds=scope.step)
        return tuple(
            Series(tags=one, start=scope.start, step=length, values=values) for one in tags
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything behind the API, and the API."""

    world: World
    journal: MemoryJournal
    canaries: MemoryCanaryArchive
    figures: MemoryFigures
    deployer: InstantDeployer
    feed: Feed
    entrance: Entrance
    backend: Backend
    app: FastAPI

    @asynccontextmanager
    async def client(
        self, base_url: str = "http://127.0.0.1:7600", **headers: str
    ) -> AsyncIterator[httpx2.AsyncClient]:
        """Speaks to the app without a network."""
        transport = httpx2.ASGITransport(self.app)
        async with httpx2.AsyncClient(
            transport=transport,
            base_url=f"{base_url}/api/v1",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        ) as client:
            yield client


async def _doctor() -> tuple[Finding, ...]:
    return (Finding(name="disk", ok=False, sentence="1 GB is free", hint="Make room."),)


def build_parts(
    *, token: str = "", is_open: bool = True, address: str = "http://127.0.0.1:7600"
) -> Parts:
    """A world with nothing in it, and the API to it."""
    world = World(auto=True)
    clock, journal, canaries = MemoryClock(world), MemoryJournal(), MemoryCanaryArchive()
    figures = MemoryFigures()
    provider, router = MemoryProvider(world), MemoryRouter(world)
    operations = Operations(
        provider=provider,
        router=router,
        drainer=MemoryDrainer(),
        metrics=MemoryMetrics(world),
        checker=MemoryChecker(),
        analyst=MemoryAnalyst(),
        journal=journal,
        archive=journal,
        clock=clock,
    )
    deployer = InstantDeployer(operations, journal, clock)
    feed = Feed(journal)

    async def observe_traffic() -> dict[str, dict[str, GroupTraffic]]:
        return {cluster: await router.observe_traffic(cluster) for cluster in world.listeners}

    backend = Backend(
        deployer=deployer,
        archive=journal,
        journal=journal,
        canaries=canaries,
        reports=Reports(canaries, journal, clock),
        figures=figures,
        intervals=IntervalAnalyst(figures, canaries, clock),
        workers=Workers(),
        inventory=provider,
        clock=clock,
        feed=feed,
        observe=operations.observe,
        observe_traffic=observe_traffic,
        doctor=_doctor,
    )
    entrance = Entrance("9.9.9", "/data")
    if is_open:
        entrance.open(backend)
    app = create_app(entrance, Access(SecretStr(token) if token else None, address))
    return Parts(world, journal, canaries, figures, deployer, feed, entrance, backend, app)


def deploy_body(text: str = SERVICE, **more: Any) -> dict[str, Any]:
    """A body for POST /deployments."""
    return {"document": {"text": text, "folder": "/srv/shop", "name": "service.yaml"}, **more}


def at(text: str) -> datetime:
    """A time, from its text."""
    return datetime.fromisoformat(text)
