"""One server from start to end: hold the data folder, listen, start Temporal, load the rest, wait.

Imports only what it needs itself: all that the server consists of takes about a second to load, and
Temporal uses that second to start.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import NoReturn

import structlog

from turnout.engine.temporal_server import Starting, starting_temporal
from turnout.logs import configure_logs
from turnout.model.errors import Conflict, InvalidDocument, TurnoutError
from turnout.server.addresses import bind, format_address
from turnout.server.errors import raising_first
from turnout.server.holding import holding
from turnout.server.stopping import Stop
from turnout.settings import Settings

log = structlog.get_logger(__name__)

OK, FAILED, REFUSED = 0, 3, 4
"""Exit codes, as those of the command line."""

IMPATIENT_AFTER = 1.0
"""Seconds between one Ctrl-C and another that is meant."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(settings: Settings) -> int:
    """Run a server until it is told to end, then end the process.

    Returns an exit code only when no server came to be. Raises `InvalidDocument` for the accounts
    of metrics systems: who has started it tells every mistake.
    """
    configure_logs(settings.log_level, settings.log_format)
    try:
        asyncio.run(serve(settings, lambda address: _say_ready(address, settings)))
    except InvalidDocument:
        raise
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
        with raising_first(), _stopped_by_signals() as stop:
            async with _starting_temporal(settings) as temporal:
                from turnout.server.serving import serve_on  # noqa: PLC0415 - see above

                await serve_on(listening, settings, temporal, stop, ready=lambda: ready(address))
        log.info("server.ended", data=str(settings.data))


@asynccontextmanager
async def _starting_temporal(settings: Settings) -> AsyncIterator[Starting]:
    """The embedded one, or somebody else's, which needs no starting."""
    if settings.temporal:

        async def theirs() -> str:
            return settings.temporal

        yield theirs
        return
    folder = settings.data / "temporal"
    async with starting_temporal(folder, binary=settings.temporal_binary) as embedded:
        yield embedded


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[Stop]:
    """Told by a signal: the server ends in order. While it starts, starting is broken off.

    A person who presses Ctrl-C again ends the process at once; supervisors are known to say it
    twice and mean it once.
    """
    stop = Stop()
    loop, serving = asyncio.get_running_loop(), asyncio.current_task()
    assert serving is not None  # noqa: S101 - a coroutine runs in a task
    first = 0.0

    def told(number: signal.Signals) -> None:
        nonlocal first
        if not stop.is_told:
            first = loop.time()
            log.info("server.told_to_end", signal=number.name)
            stop.tell()
            if not stop.is_awaited:
                serving.cancel()
        elif number is signal.SIGINT and loop.time() - first > IMPATIENT_AFTER:
            os._exit(128 + number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, told, number)
    try:
        yield stop
    except asyncio.CancelledError:
        if not stop.is_told:
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
