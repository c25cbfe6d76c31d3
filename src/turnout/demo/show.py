"""The show itself: a server, a load, four versions one after the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from turnout.api.views import DeploymentView
from turnout.demo.acts import CLUSTER, Act, Pace
from turnout.demo.api import Api
from turnout.demo.errors import DemoFailed
from turnout.demo.outcome import Result, build_result
from turnout.demo.ports import HOST
from turnout.demo.screen import Screen
from turnout.demo.server import DemoServer
from turnout.demo.telling import Teller, format_seconds
from turnout.demo.workspace import Workspace
from turnout.model.deployment import Status
from turnout.testing.load import Load, Report

RATE = 200
"""Requests a second."""

_LOOK_EVERY = 0.1
_ENDS_WITHIN = 180.0


@dataclass(slots=True)
class Stage:
    """What the show is played with."""

    screen: Screen
    workspace: Workspace
    server: DemoServer
    port: int
    teller: Teller = field(default_factory=Teller)

    @property
    def url(self) -> str:
        """Where the shop's users come in."""
        return f"http://{HOST}:{self.port}/"


async def start_server(stage: Stage) -> None:
    """Start the server and say so. Raises `DemoFailed`."""
    stage.screen.say("server", "starting a Turnout server for the demo alone")
    took = await stage.server.start()
    stage.screen.say("server", f"ready in {format_seconds(took)} at {stage.server.url}")


async def play(stage: Stage, acts: tuple[Act, ...], pace: Pace) -> Result:
    """Deploy all versions, all but the first one under load. Raises `DemoFailed`."""
    first, *others = acts
    async with Api(stage.server.url) as api:
        played = [(first, await _deploy(stage, api, first))]
        if played[0][1].record.status is not Status.SUCCEEDED:
            raise DemoFailed(
                f"Version {first.version} could not be deployed: {played[0][1].record.sentence}",
                stage.server.read_last_lines(),
            )
        async with Load(stage.url, rate=RATE, strict=True) as load:
            stage.screen.say(
                "load", f"{RATE} requests a second on {stage.url} from now on, each one recorded"
            )
            await _look_on(stage, load, pace)
            for act in others:
                played.append((act, await _deploy(stage, api, act)))
                await _look_on(stage, load, pace)
            report = await load.stop()
        return build_result(played, await api.cluster(CLUSTER), report)


async def follow(stage: Stage, api: Api, deployment: str) -> DeploymentView:
    """Tell what is new about a deployment."""
    view = await api.deployment(deployment)
    for line in stage.teller.news(view):
        stage.screen.tell(line)
    return view


async def _deploy(stage: Stage, api: Api, act: Act) -> DeploymentView:
    """Deploy one version and tell its story until it ends."""
    stage.screen.headline(act.headline)
    stage.workspace.service_file.write_text(act.text)
    record = await api.deploy(act.text, str(stage.workspace.shop))
    try:
        async with asyncio.timeout(_ENDS_WITHIN):
            while not (view := await follow(stage, api, record.id)).record.status.is_end:
                await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError:
        raise DemoFailed(
            f"Version {act.version} has not ended within {_ENDS_WITHIN:.0f} s.",
            stage.server.read_last_lines(),
        ) from None
    return view


async def _look_on(stage: Stage, load: Load, pace: Pace) -> None:
    await asyncio.sleep(pace.calm)
    stage.screen.say("load", f"so far {describe_load(load.report())}")


def describe_load(report: Report) -> str:
    """How users fare, in words."""
    latency = f", p99 {report.latency_ms(99):.3g} ms" if report.requests else ""
    return f"{report.requests:,} requests, {report.failed:,} failed{latency}"
