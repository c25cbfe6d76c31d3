"""What stands behind the API, and the entrance to it, which is shut until all of it is ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from turnout.api.stream import Feed
from turnout.api.views import Finding
from turnout.canary.apart import Workers
from turnout.canary.remembered import Reports
from turnout.canary.repeating import IntervalAnalyst
from turnout.model.deployment import Choice, ClusterState, Request
from turnout.model.errors import Temporary
from turnout.model.journal import DeploymentRecord
from turnout.model.plan import Plan
from turnout.model.traffic import GroupTraffic
from turnout.ports import Archive, CanaryArchive, Clock, Inventory, Journal, MetricSource

Traffic = Mapping[str, Mapping[str, GroupTraffic]]
"""What the router counted, per cluster and server group."""

STARTS_WITHIN = 0.3
"""Seconds after which to ask a starting server again."""


class Deployer(Protocol):
    """Takes deployments on; the engine."""

    async def submit(self, request: Request) -> DeploymentRecord:
        """Begin, queue or reject it. The same request again: its record, nothing else."""
        ...

    async def plan(self, request: Request) -> Plan:
        """What it would do, touching nothing."""
        ...

    async def cancel(self, deployment: str, *, by: str, reason: str) -> DeploymentRecord:
        """Take it back. Raises `NotFound`, `Conflict` when it is too late."""
        ...

    async def answer(
        self, deployment: str, choice: Choice, *, by: str, comment: str
    ) -> DeploymentRecord:
        """Answer the question of a paused one. Raises `NotFound`, `Conflict`."""
        ...


class Figures(MetricSource, Protocol):
    """Every source of figures that there is."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with sources that answer, as sentences."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything that routes call."""

    deployer: Deployer
    archive: Archive
    journal: Journal
    canaries: CanaryArchive
    reports: Reports
    figures: Figures
    intervals: IntervalAnalyst
    inventory: Inventory
    clock: Clock
    feed: Feed
    workers: Workers
    observe: Callable[[str], Awaitable[ClusterState]]
    observe_traffic: Callable[[], Awaitable[Traffic]]
    doctor: Callable[[], Awaitable[tuple[Finding, ...]]]


class Entrance:
    """Lets requests through to the backend once there is one."""

    def __init__(self, version: str, data_folder: str) -> None:
        self.version = version
        self.data_folder = data_folder
        self._backend: Backend | None = None

    @property
    def is_open(self) -> bool:
        """Whether the server is ready."""
        return self._backend is not None

    @property
    def backend(self) -> Backend:
        """Raises `Temporary` while the server starts or ends."""
        if self._backend is None:
            raise Temporary("Turnout is starting, or about to end", retry_after=STARTS_WITHIN)
        return self._backend

    def open(self, backend: Backend) -> None:
        """From now on requests are answered."""
        self._backend = backend

    def shut(self) -> None:
        """From now on they are not."""
        self._backend = None
