"""The parts of a server: started side by side where they can be, stopped in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog

from turnout.api.backend import Backend
from turnout.api.stream import Feed
from turnout.api.views import Finding
from turnout.canary.analyst import LiveAnalyst
from turnout.canary.apart import Workers
from turnout.canary.remembered import Reports
from turnout.canary.repeating import IntervalAnalyst
from turnout.checks import LocalChecker
from turnout.checks.command import end_strays
from turnout.documents.canary import default_config
from turnout.engine.operations import Operations
from turnout.engine.service import running_engine
from turnout.engine.temporal_server import Starting
from turnout.history import History
from turnout.metrics import Sources, open_sources, read_accounts
from turnout.model.freeze import open_freeze
from turnout.model.names import parse_cluster
from turnout.ports import MetricSource
from turnout.providers.local import InstanceGauges, LocalProvider, ProcessSource
from turnout.server import doctor
from turnout.server.clock import SystemClock
from turnout.server.errors import raising_first
from turnout.server.housekeeping import Cooling, prune_daily
from turnout.server.notes import EventNotes
from turnout.server.places import Places
from turnout.server.sync import EndpointSync
from turnout.server.tasks import running_tasks
from turnout.settings import Settings
from turnout.store.migration import migrate
from turnout.store.retention import Pruned
from turnout.store.sql import SqlStore
from turnout.traffic.diary import TrafficDiary
from turnout.traffic.envoy import LATENCY_MS, EnvoyDrainer, EnvoyRouter
from turnout.traffic.recorder import KEPT, TrafficRecorder
from turnout.traffic.source import RouterSource

log = structlog.get_logger(__name__)

TARGET = "local"


class Figures:
    """What Turnout itself counts and measures, as it is kept."""

    def __init__(self, settings: Settings) -> None:
        folder, hours = Places(settings).figures, settings.keep_figures_days * 24
        self.traffic = History(folder / "router", hours=hours)
        self.instances = History(folder / "instances", hours=hours)
        self.sources: dict[str, MetricSource] = {
            "router": RouterSource(self.traffic, LATENCY_MS),
            "process": ProcessSource(self.instances),
        }


class Parts:
    """The adapters of one server. Built at once, brought to life by `running_backend`."""

    def __init__(self, settings: Settings, figures: Figures, sources: Sources) -> None:
        self.settings = settings
        self.places = Places(settings)
        self.clock = SystemClock()
        self.notes = EventNotes()
        self.router = EnvoyRouter(
            self.places.router, binary=settings.envoy_binary, on_event=self.notes.note
        )
        self.sync = EndpointSync(self.router)
        self.provider = LocalProvider(
            self.places.groups,
            EnvoyDrainer(self.router),
            on_change=self.sync.changed,
            on_event=self.notes.note,
            clock=self.clock,
            ports=settings.ports,
        )
        self.recorder = TrafficRecorder(
            self.router,
            TrafficDiary(self.places.figures, keep=KEPT.total_seconds()),
            figures.traffic,
        )
        self.gauges = InstanceGauges(self.provider.running, figures.instances)
        self.store = SqlStore(self.places.store_url)
        self.analyst = LiveAnalyst(
            sources, self.store, self.clock, default_config, lambda: sources.warnings
        )
        self.intervals = IntervalAnalyst(sources, self.store, self.clock)
        self.feed = Feed(self.store)
        self.operations = Operations(
            provider=self.provider,
            router=self.router,
            drainer=EnvoyDrainer(self.router),
            metrics=self.recorder,
            checker=LocalChecker(
                self.recorder, self.analyst, self.clock, owner=str(self.places.data)
            ),
            analyst=self.analyst,
            journal=self.store,
            archive=self.store,
            clock=self.clock,
            frozen=self.frozen,
        )

    def frozen(self, cluster: str) -> str:
        """The freeze window that is open for a cluster now, in words."""
        return open_freeze(
            self.settings.freezes,
            cluster=cluster,
            application=parse_cluster(cluster).application,
            target=TARGET,
            now=self.clock.now(),
        )

    async def prune(self) -> None:
        """Forget what is old."""
        gone = await self.store.prune(
            now=self.clock.now(),
            keep_days=self.settings.keep_deployments_days,
            event_days=self.settings.keep_events_days,
        )
        if gone != Pruned():
            log.info(
                "journal.pruned",
                deployments=gone.deployments,
                events=gone.events,
                analyses=gone.analyses,
            )

    async def examine(self) -> tuple[Finding, ...]:
        """What the doctor says."""
        sources = doctor.Sources(
            archive=self.store,
            inventory=self.provider,
            clock=self.clock,
            observe=self.operations.observe,
            observe_listening=self.router.observe_all_traffic,
            observe_shut=partial(doctor.observe_shut, self.places.router / "envoy"),
        )
        return await doctor.examine(self.settings, sources)


@asynccontextmanager
async def running_backend(settings: Settings, temporal: Starting) -> AsyncIterator[Backend]:
    """Everything behind the API, at work. On leaving, all ends but the router and the instances
    (these too with `stop_everything`), and Temporal, which is the caller's.

    Raises `TurnoutError` when a part does not come to life.
    """
    figures, file = Figures(settings), settings.metrics_file
    accounts = read_accounts(file) if file else ()
    async with AsyncExitStack() as stack:
        sources = await stack.enter_async_context(
            open_sources(accounts, SystemClock(), figures.sources)
        )
        parts = Parts(settings, figures, sources)
        address = await _start(parts, stack, temporal)
        tasks = await stack.enter_async_context(running_tasks())
        tasks.start("endpoints", lambda: parts.sync.run(parts.provider, parts.provider))
        tasks.start("figures", parts.recorder.run)
        tasks.start("gauges", parts.gauges.run)
        tasks.start("notes", lambda: parts.notes.run(parts.store))
        tasks.start("feed", parts.feed.run)
        tasks.start("intervals", parts.intervals.run)
        tasks.start("pruning", lambda: prune_daily(parts.prune, parts.clock))
        engine = await stack.enter_async_context(
            running_engine(
                address,
                operations=parts.operations,
                journal=parts.store,
                archive=parts.store,
                clock=parts.clock,
            )
        )
        cooling = Cooling(
            submitter=engine,
            provider=parts.provider,
            inventory=parts.provider,
            archive=parts.store,
            observe=parts.operations.observe,
            clock=parts.clock,
        )
        tasks.start("cooling", cooling.run)
        yield Backend(
            deployer=engine,
            archive=parts.store,
            journal=parts.store,
            canaries=parts.store,
            reports=Reports(parts.store, parts.store, parts.clock),
            figures=sources,
            intervals=parts.intervals,
            workers=Workers(),
            inventory=parts.provider,
            clock=parts.clock,
            feed=parts.feed,
            observe=parts.operations.observe,
            observe_traffic=parts.router.observe_all_traffic,
            doctor=parts.examine,
        )


async def _start(parts: Parts, stack: AsyncExitStack, temporal: Starting) -> str:
    """Bring the adapters to life, the data path first; returns the address of Temporal."""
    with raising_first():
        async with asyncio.TaskGroup() as starting:
            address = starting.create_task(_await_temporal(temporal))
            starting.create_task(_start_store(parts, stack))
            starting.create_task(_start_data_path(parts, stack))
            starting.create_task(end_strays(str(parts.places.data)))
    return address.result()


async def _start_data_path(parts: Parts, stack: AsyncExitStack) -> None:
    """Router and instances know each other again afterwards."""
    if parts.settings.stop_everything:
        stack.push_async_callback(parts.router.stop)
    await stack.enter_async_context(parts.router)
    if parts.settings.stop_everything:
        stack.push_async_callback(parts.provider.stop_instances)
    await stack.enter_async_context(parts.provider)
    await parts.sync.apply_all(parts.provider, parts.provider)


async def _start_store(parts: Parts, stack: AsyncExitStack) -> None:
    await migrate(parts.places.store_url)
    await stack.enter_async_context(parts.store)


async def _await_temporal(temporal: Starting) -> str:
    return await temporal()
