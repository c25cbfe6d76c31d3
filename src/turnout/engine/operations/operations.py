"""The table from operations to what carries them out, and the observation that every plan starts
from.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from turnout.engine.operations.analysing import AnalysisOperations
from turnout.engine.operations.servers import ServerOperations
from turnout.engine.operations.traffic import TrafficOperations
from turnout.engine.operations.watching import CheckOperations
from turnout.model.deployment import ClusterState
from turnout.model.errors import Conflict, GuardRefused, NotFound, Permanent
from turnout.model.plan import (
    Analyse,
    AwaitReady,
    CloseListener,
    CreateGroup,
    Delay,
    DestroyGroup,
    DrainGroup,
    GuardHealthy,
    OpenListener,
    Operation,
    PinGroup,
    ReplaceSplit,
    ResizeGroup,
    RunChecks,
    ScheduleCold,
    SetHold,
    StepAnswer,
    Watch,
)
from turnout.model.traffic import TrafficSplit
from turnout.model.value import Value
from turnout.ports import (
    Analyst,
    Archive,
    Checker,
    Clock,
    Drainer,
    Journal,
    Metrics,
    Order,
    Provider,
    Router,
)

Report = Callable[[str], None]
"""Told now and then what a waiting operation waits for, in words."""


class OperationContext(Value):
    """On whose behalf an operation is performed."""

    deployment: str
    cluster: str
    step: str
    number: int
    moved_at: datetime | None = None
    """When traffic first moved to the new group."""

    @property
    def order(self) -> Order:
        """Where this command stands in its deployment."""
        return Order(deployment=self.deployment, number=self.number)


class Operations:
    """Performs operations. Holds no state of its own."""

    def __init__(  # noqa: PLR0913 - one argument for each port
        self,
        *,
        provider: Provider,
        router: Router,
        drainer: Drainer,
        metrics: Metrics,
        checker: Checker,
        analyst: Analyst,
        journal: Journal,
        archive: Archive,
        clock: Clock,
        frozen: Callable[[str], str] = lambda cluster: "",
    ) -> None:
        self._provider, self._router = provider, router
        self._archive, self._frozen = archive, frozen
        self._journal, self._metrics = journal, metrics
        self._servers = ServerOperations(provider, router, clock)
        self._traffic = TrafficOperations(provider, router, drainer, journal, clock)
        self._analyses = AnalysisOperations(provider, analyst, journal, clock)
        self._checks = CheckOperations(provider, router, checker, journal, clock)

    async def observe(self, cluster: str) -> ClusterState:
        """All that a planner needs to know, as it is now. Raises `AdapterError`."""
        found = await self._provider.observe_groups(cluster)
        listener = await self._router.observe_listener(cluster)
        return ClusterState(
            cluster=cluster,
            groups=found.groups,
            newest=found.newest,
            split=listener.split if listener else TrafficSplit(),
            listener=listener.listener if listener else None,
            previous=listener.previous if listener else (),
            held=await self._archive.observe_hold(cluster),
            frozen=self._frozen(cluster),
        )

    async def observe_to_plan(self, cluster: str) -> ClusterState:
        """As `observe`, and with which options the service was deployed that serves now: what a
        person does to it keeps to them. Raises `AdapterError`.
        """
        state = await self.observe(cluster)
        newest = state.groups[-1] if state.groups else None
        group = state.source or newest
        if group is None:
            return state
        try:
            record = await self._archive.read_deployment(group.deployment)
        except NotFound:
            return state
        service = record.request.service
        return state.model_copy(update={"options": service.options}) if service else state

    async def count_failed(
        self, cluster: str, group: str, since: datetime, until: datetime
    ) -> int | None:
        """Requests that a group failed in a window; None when the figures cannot be had."""
        try:
            window = await self._metrics.observe_window(cluster, group, since, until)
        except (Permanent, NotFound):
            return None
        return window.failed

    async def perform(
        self, operation: Operation, context: OperationContext, report: Report
    ) -> StepAnswer:
        """Do it, and answer whether it was done. Raises only `Temporary`: try again, it is safe."""
        try:
            return await self._dispatch(operation, context, report)
        except GuardRefused as refusal:
            return StepAnswer(ok=False, sentence=refusal.message, refused=refusal.rule)
        except (Permanent, Conflict, NotFound) as error:
            return StepAnswer(ok=False, sentence=error.message)

    async def _dispatch(  # noqa: C901, PLR0911, PLR0912 - one table, read at a glance
        self, operation: Operation, context: OperationContext, report: Report
    ) -> StepAnswer:
        match operation:
            case OpenListener():
                return await self._traffic.open_listener(operation, context.cluster)
            case CloseListener():
                return await self._traffic.close_listener(context.cluster)
            case CreateGroup():
                return await self._servers.create(operation, context.cluster, context.order)
            case ResizeGroup():
                return await self._servers.resize(operation, context.order)
            case PinGroup():
                return await self._servers.pin(operation, context.order)
            case ScheduleCold():
                return await self._servers.schedule_cold(operation, context.order)
            case AwaitReady():
                return await self._servers.await_ready(operation, context.cluster, report)
            case DestroyGroup():
                return await self._servers.destroy(operation, context.cluster, context.order)
            case GuardHealthy():
                return await self._servers.guard(operation, context.cluster)
            case ReplaceSplit():
                return await self._traffic.replace_split(
                    operation, context.cluster, context.deployment, context.step
                )
            case DrainGroup():
                return await self._traffic.drain(operation, context.cluster, report)
            case RunChecks():
                return await self._checks.run(
                    operation,
                    context.cluster,
                    context.deployment,
                    context.step,
                    moved=context.moved_at,
                    report=report,
                )
            case Watch():
                return await self._checks.watch(
                    operation, context.cluster, context.deployment, context.step, report=report
                )
            case Analyse():
                return await self._analyses.analyse(
                    operation, context.cluster, context.deployment, context.step, report=report
                )
            case SetHold():
                await self._journal.record_hold(context.cluster, operation.reason)
                return StepAnswer(ok=True, sentence=operation.reason or "released")
            case Delay():
                raise TypeError("a delay is the caller's to wait, it is not performed")
