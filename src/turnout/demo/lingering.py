"""After the show: everything goes on, and whatever the person tries is told."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import sys
from pathlib import Path

import httpx2
from rich.text import Text

from turnout.demo.acts import CLUSTER
from turnout.demo.api import Api
from turnout.demo.stage import Stage, describe_load
from turnout.demo.telling import Line
from turnout.testing.load import Load

RATE = 20
"""Requests a second: enough to see that none is lost, and little enough for days."""

_AGAIN = 0.3


async def linger(stage: Stage) -> None:
    """Until cancelled. Raises `DemoFailed`."""
    stage.screen.show(Text(), build_hints(stage, find_program(Path.cwd())), wraps=False)
    async with Load(stage.url, rate=RATE, strict=True) as load:
        stage.load = load
        try:
            await _tell_events(stage)
        finally:
            stage.screen.say("load", f"{describe_load(load.report())} since the show")


async def _tell_events(stage: Stage) -> None:
    going_on: set[str] = set()
    stage.teller.introduces = True
    async with Api(stage.server.url) as api:
        while True:
            try:
                async with api.events(CLUSTER) as events:
                    for deployment in tuple(going_on):
                        await _catch_up(stage, api, deployment, going_on)
                    async for event in events:
                        if event.deployment:
                            await _catch_up(stage, api, event.deployment, going_on)
                        else:
                            stage.screen.tell(Line(event.at, "event", event.sentence))
            except httpx2.HTTPError:  # the server is away, or ended in mid-sentence
                await asyncio.sleep(_AGAIN)


async def _catch_up(stage: Stage, api: Api, deployment: str, going_on: set[str]) -> None:
    going_on.add(deployment)
    view = await stage.follow(api, deployment)
    if view.record.status.is_end:
        going_on.discard(deployment)


def build_hints(stage: Stage, program: str) -> Text:
    """What to try, ready to be copied."""
    tries = (
        (f"{program} status --watch", "who serves, live"),
        (f"{program} history", "what has happened"),
        (f"{program} rollback {CLUSTER}", "all users back to version 3"),
        (f"{program} release {CLUSTER}", "end the hold of a rollback"),
        (f"{program} deploy $SHOP --version 7", "or edit the file before"),
        (f"kill -9 {stage.server.pid}", "pull the plug: users are served on"),
    )
    width = max(len(command) for command, _ in tries)
    told = Text.assemble(
        ("It goes on running", "bold"),
        f", with {RATE} requests a second to {stage.url}\n",
        "Try it from another terminal",
        f", in {Path.cwd()}:\n\n" if "/" in program else ":\n\n",
        f"  export TURNOUT_SERVER={stage.server.url}\n",
        f"  export SHOP={shlex.quote(str(stage.workspace.service_file))}\n",
    )
    for command, what in tries:
        told.append(f"  {command:<{width}}").append(f"  # {what}\n", "bright_black")
    return told.append("\nCtrl-C here stops everything and leaves nothing behind.\n", "bold")


def find_program(here: Path) -> str:
    """How to call `turnout` from this folder."""
    beside = Path(sys.executable).with_name("turnout")
    if shutil.which("turnout") == str(beside):
        return "turnout"
    if not beside.exists():
        return f"{shlex.quote(sys.executable)} -m turnout"
    path = str(beside.relative_to(here)) if beside.is_relative_to(here) else str(beside)
    return shlex.quote(path)
