"""The API and everything behind it, on a socket that is there and a Temporal that starts."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable
from importlib.metadata import version

from turnout.api.app import create_app
from turnout.api.backend import Entrance
from turnout.api.security import Access
from turnout.engine.temporal_server import Starting
from turnout.server.addresses import format_address
from turnout.server.listening import build_server
from turnout.server.parts import running_backend
from turnout.server.stopping import Stop
from turnout.settings import Settings


async def serve_on(
    listening: socket.socket,
    settings: Settings,
    temporal: Starting,
    stop: Stop,
    *,
    ready: Callable[[], None],
) -> None:
    """Serve until told to stop; `ready` is called once requests are taken.

    Raises `TurnoutError`, in a group, when a part does not come to life.
    """
    entrance = Entrance(version("turnout"), str(settings.data))
    access = Access(settings.token, format_address(listening))
    api = build_server(create_app(entrance, access))
    async with asyncio.TaskGroup() as tasks:
        answering = tasks.create_task(api.serve(sockets=[listening]))
        try:
            async with running_backend(settings, temporal) as backend:
                entrance.open(backend)
                ready()
                _collect_from_here_on()
                await stop.wait()
                entrance.shut()
                backend.feed.close()
                api.should_exit = True
                await answering
        finally:
            api.should_exit = True


def _collect_from_here_on() -> None:
    """What was loaded stays for good: the garbage collector, which was switched off meanwhile,
    need not look at it again and again, and at the worst of times hold up everything for a tenth
    of a second.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
