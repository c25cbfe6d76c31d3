"""One server from start to end: hold the data folder, listen, bring the parts to life, wait."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import NoReturn

import structlog

from turnout.api.app import create_app
from turnout.api.backend import Entrance
from turnout.api.security import Access
from turnout.logs import configure_logs
from turnout.model.errors import Conflict, TurnoutError
from turnout.server.errors import raising_first
from turnout.server.holding import holding
from turnout.server.listening import bind, build_server, format_address
from turnout.server.parts import running_backend
from turnout.settings import Settings

log = structlog.get_logger(__name__)

OK, FAILED, REFUSED = 0, 3, 4
"""Exit codes, as those of the command line."""

IMPATIENT_AFTER = 1.0
"""Seconds between one Ctrl-C and another that is meant."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(settings: Settings) -> int:
    """Run a server until it is told to end, then end the process.

    Returns an exit code only when no server came to be.
    """
    configure_logs(settings.log_level, settings.log_format)
    try:
        asyncio.run(serve(settings, lambda address: _say_ready(address, settings)))
    except TurnoutError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n" if error.hint else f"{error.message}\n")
        return REFUSED if isinstance(error, Conflict) else FAILED
    return _leave(OK)


async def serve(settings: Settings, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP; `ready` is told the address once requests are taken.

    Afterwards server and embedded Temporal have ended; the router and the instances go on, unless
    `stop_everything` is set. Raises `TurnoutError` when it cannot be started.
    """
    with holding(settings.data) as note_address, contextlib.closing(bind(settings)) as listening:
        address = format_address(listening)
        note_address(address)
        entrance = Entrance(version("turnout"), str(settings.data))
        api = build_server(create_app(entrance, Access(settings.token)))
        with raising_first(), _stopped_by_signals(entrance) as stop:
            async with asyncio.TaskGroup() as tasks:
                answering = tasks.create_task(api.serve(sockets=[listening]))
                try:
                    async with running_backend(settings) as backend:
                        entrance.open(backend)
                        ready(address)
                        await stop.wait()
                        entrance.shut()
                        backend.feed.close()
                        api.should_exit = True
                        await answering
                finally:
                    api.should_exit = True
        log.info("server.ended", data=str(settings.data))


@contextlib.contextmanager
def _stopped_by_signals(entrance: Entrance) -> Iterator[asyncio.Event]:
    """Set by a signal: the server ends in order. While it starts, starting is broken off.

    A person who presses Ctrl-C again ends the process at once; supervisors are known to say it
    twice and mean it once.
    """
    stop = asyncio.Event()
    loop, serving = asyncio.get_running_loop(), asyncio.current_task()
    assert serving is not None  # noqa: S101 - a coroutine runs in a task
    first = 0.0

    def told(number: signal.Signals) -> None:
        nonlocal first
        if not stop.is_set():
            first = loop.time()
            log.info("server.told_to_end", signal=number.name)
            stop.set()
            if not entrance.is_open:
                serving.cancel()
        elif number is signal.SIGINT and loop.time() - first > IMPATIENT_AFTER:
            os._exit(128 + number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, told, number)
    try:
        yield stop
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
        serving.uncancel()
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def _leave(code: int) -> NoReturn:
    """End the process now: taking an interpreter with a Temporal client in it apart takes seconds,
    and may crash. Everything that must be done has been done.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _say_ready(address: str, settings: Settings) -> None:
    sys.stdout.write(f"Turnout is ready at {address} with its data in {settings.data}\n")
    sys.stdout.flush()
