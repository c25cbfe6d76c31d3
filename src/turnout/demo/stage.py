"""What the show is played with: a server that is tended, a screen, the load of the moment."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from turnout.api.views import DeploymentView
from turnout.demo.api import Api
from turnout.demo.ports import HOST
from turnout.demo.screen import Screen
from turnout.demo.server import DemoServer
from turnout.demo.telling import Mood, Teller, format_milliseconds, format_seconds
from turnout.demo.workspace import Workspace
from turnout.testing.load import Load, Report

T = TypeVar("T")

BUSY_MS = 500
"""When the load itself is that late, latencies say more about the machine than about the shop."""


@dataclass(slots=True)
class Stage:
    """One per demo."""

    screen: Screen
    workspace: Workspace
    server: DemoServer
    port: int
    teller: Teller = field(default_factory=Teller)
    load: Load | None = None
    """Once users are there."""

    @property
    def url(self) -> str:
        """Where the shop's users come in."""
        return f"http://{HOST}:{self.port}/"

    async def start_server(self) -> None:
        """Start it and say so. Raises `DemoFailed`."""
        self.screen.say("server", "starting a Turnout server for the demo alone")
        took = await self.server.start()
        self.screen.say("server", f"ready in {format_seconds(took)} at {self.server.url}")

    async def tend_server(self) -> None:
        """Start it again whenever somebody kills it, until cancelled. Raises `DemoFailed`."""
        while True:
            await self.server.wait()
            before = self._counted()
            self.screen.say("server", "gone; the shop serves on without it", Mood.BAD)
            took = await self.server.start()
            now = self._counted()
            failed = now[1] - before[1]
            told = f"started again as process {self.server.pid}, ready in {format_seconds(took)}"
            if self.load:
                told += f"; meanwhile {now[0] - before[0]:,} requests, {failed:,} failed"
            self.screen.say("server", told, Mood.BAD if failed else Mood.GOOD)

    async def follow(self, api: Api, deployment: str) -> DeploymentView:
        """Tell what is new about a deployment."""
        view = await api.deployment(deployment)
        self.tell(view)
        return view

    def tell(self, view: DeploymentView) -> None:
        """The same, of what is known already."""
        for line in self.teller.news(view):
            self.screen.tell(line)

    def _counted(self) -> tuple[int, int]:
        report = self.load.report() if self.load else None
        return (report.requests, report.failed) if report else (0, 0)


async def beside(work: Coroutine[Any, Any, T], other: Coroutine[Any, Any, None]) -> T:
    """Do `work`; `other`, which has no end of its own, goes on beside it and ends with it.

    Raises what the first of them raises.
    """
    main, aside = asyncio.create_task(work), asyncio.create_task(other)
    try:
        await asyncio.wait((main, aside), return_when=asyncio.FIRST_COMPLETED)
        if aside.done():
            aside.result()
        return await main
    finally:
        main.cancel()
        aside.cancel()
        await asyncio.gather(main, aside, return_exceptions=True)


def describe_load(report: Report) -> str:
    """How users fare, in words; and when the machine was too busy even to ask in time."""
    told = f"{report.requests:,} requests, {report.failed:,} failed"
    if report.requests:
        told += f", p99 {format_milliseconds(report.latency_ms(99))}"
    if report.lag_ms > BUSY_MS:
        told += f" (machine busy: asked up to {format_milliseconds(report.lag_ms)} late)"
    return told
