"""A local target to try things on: what it told, whom it let drain, and what is left in the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from tests.ports import instance_ports
from turnout import processes
from turnout.model.journal import Event
from turnout.model.servers import (
    GroupSettings,
    HttpProbe,
    Instance,
    InstanceState,
    Probe,
    Run,
    ServerGroup,
    Stop,
)
from turnout.model.traffic import DrainReport
from turnout.ports import GroupWish, Order
from turnout.providers.local import LocalProvider

SERVICE = Path(__file__).with_name("service.py")
SOON = 60.0
QUICK_PROBE = Probe(request=HttpProbe(path="/healthz"), interval=timedelta(milliseconds=50))


class RealClock:
    """The clock on the wall."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> timedelta:
        return timedelta(seconds=time.monotonic())

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())


class WatchfulDrainer:
    """Notes what it is asked to let drain; holds on while `gate` is closed."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, tuple[str, ...], timedelta]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.report = DrainReport()
        self.fails: Exception | None = None
        self.on_call: Callable[[], None] = lambda: None

    async def await_drained(
        self, cluster: str, group: str, instances: Sequence[str] | None, timeout: timedelta
    ) -> DrainReport:
        assert instances is not None
        self.asked.append((cluster, group, tuple(instances), timeout))
        self.on_call()
        if self.fails is not None:
            raise self.fails
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.gate.wait(), timeout.total_seconds())
        return self.report


class Stage:
    """Makes providers on one folder, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.groups = folder / "groups"
        self.token = secrets.token_hex(8)
        self.drainer = WatchfulDrainer()
        self.changes: list[str] = []
        self.events: list[Event] = []
        self._number = 0

    def provider(
        self,
        *,
        ports: tuple[int, int] | None = None,
        environment: Mapping[str, str] | None = None,
        max_log_bytes: int = 10 << 20,
    ) -> LocalProvider:
        return LocalProvider(
            self.groups,
            self.drainer,
            on_change=self.changes.append,
            on_event=self.events.append,
            clock=RealClock(),
            ports=ports or instance_ports(),
            environment=environment,
            max_log_bytes=max_log_bytes,
        )

    def order(self, deployment: str = "d") -> Order:
        """Numbered above all before."""
        self._number += 1
        return Order(deployment=deployment, number=self._number)

    def settings(
        self,
        *habits: str,
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        probe: Probe = QUICK_PROBE,
        stop_timeout: float = 10,
        restart_budget: int = 3,
        drain_timeout: float = 30,
    ) -> GroupSettings:
        served = (sys.executable, "-S", "-E", str(SERVICE), *habits)
        return GroupSettings(
            version="1.0",
            run=Run(
                command=served if command is None else tuple(command),
                environment={**(environment or {}), "STAGE": self.token},
                folder=str(self.folder),
            ),
            probe=probe,
            stop=Stop(timeout=timedelta(seconds=stop_timeout)),
            restart_budget=restart_budget,
            drain_timeout=timedelta(seconds=drain_timeout),
        )

    def wish(self, name: str, settings: GroupSettings, instances: int = 1) -> GroupWish:
        cluster = name.rpartition("-")[0]
        return GroupWish(
            name=name,
            cluster=cluster,
            settings=settings,
            instances=instances,
            created_at=datetime.now(UTC),
        )

    async def run(
        self, provider: LocalProvider, *habits: str, instances: int = 1, name: str = "shop-v000"
    ) -> ServerGroup:
        """A healthy group of the service with these habits."""
        wish = self.wish(name, self.settings(*habits), instances)
        await provider.apply_group(wish, self.order())
        return await self.until_healthy(provider, name, instances)

    async def until_healthy(
        self, provider: LocalProvider, name: str, instances: int
    ) -> ServerGroup:
        return await self.until(
            provider, name, lambda g: g.healthy == instances == len(g.instances)
        )

    async def until(
        self,
        provider: LocalProvider,
        name: str,
        condition: Callable[[ServerGroup], object],
        within: float = SOON,
    ) -> ServerGroup:
        """The group, once the condition holds."""
        deadline = time.monotonic() + within
        while True:
            group = await group_of(provider, name)
            if condition(group):
                return group
            assert time.monotonic() < deadline, f"not within {within} s: {group.instances}"
            await asyncio.sleep(0.005)

    def kinds(self) -> list[str]:
        """Of all events, in order."""
        return [event.kind for event in self.events]

    def running(self) -> list[psutil.Process]:
        """Every process that an instance of this stage is, or that it started."""
        return [p for p in psutil.process_iter() if _environment(p).get("STAGE") == self.token]

    def services(self) -> list[psutil.Process]:
        """Those of them that are not shims."""
        return [p for p in self.running() if "shim.sh" not in "".join(_command(p))]

    async def clean_up(self) -> None:
        """End everything, whatever the test left."""
        for slot in self.groups.glob("**/i-*"):
            process = processes.recall(slot)
            if process is not None:
                await process.stop(signal.SIGKILL, timedelta(seconds=1))
        for left in self.running():
            left.kill()


async def group_of(provider: LocalProvider, name: str) -> ServerGroup:
    """The group of this name."""
    groups = (await provider.observe_groups(name.rpartition("-")[0])).groups
    return next(group for group in groups if group.name == name)


async def wait_until(condition: Callable[[], object], what: str, within: float = SOON) -> None:
    """Poll the condition up to a deadline."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        await asyncio.sleep(0.005)


async def fetch(instance: Instance) -> tuple[list[str], dict[str, str], int]:
    """What an instance of the service says about itself: arguments, environment, pid."""
    reader, writer = await asyncio.open_connection(instance.host, instance.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    data = await reader.read()
    writer.close()
    await writer.wait_closed()
    arguments, environment, pid = eval(data.partition(b"\r\n\r\n")[2])
    return arguments, environment, pid


def is_state(state: InstanceState) -> Callable[[ServerGroup], bool]:
    """Whether there are instances, all in this state."""
    return lambda g: bool(g.instances) and all(i.state is state for i in g.instances)


def kill(instance: Instance) -> None:
    """SIGKILL to an instance, out of the blue."""
    assert instance.pid is not None
    os.kill(instance.pid, signal.SIGKILL)


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ() if process.status() != psutil.STATUS_ZOMBIE else {}
    except psutil.Error:
        return {}


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
