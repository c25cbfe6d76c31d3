"""The engine at work: client, worker and watchdog, started and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator
from datetime import timedelta

from turnout.engine import options
from turnout.engine.client import Engine, connect
from turnout.engine.operations import Operations
from turnout.engine.watchdog import Watchdog
from turnout.engine.worker import build_worker
from turnout.ports import Archive, Clock, Journal

STARTING = timedelta(seconds=15)
"""A Temporal that has just been started answers some moments before it can do anything."""

SETTLING = 0.2
"""Seconds: a process that exits right after using Temporal's client may crash at that."""


@contextlib.asynccontextmanager
async def running_engine(
    address: str,
    *,
    operations: Operations,
    journal: Journal,
    archive: Archive,
    clock: Clock,
    namespace: str = options.NAMESPACE,
) -> AsyncIterator[Engine]:
    """An engine that works, on the Temporal server at this address.

    It must be the only one on its namespace: it takes over what it finds begun. On leaving, changes
    under way get seconds to finish; whatever waits goes on at the next start.
    Raises `Temporary` when there is no Temporal.
    """
    identity = f"turnout-{os.getpid()}@{socket.gethostname()}-{secrets.token_hex(4)}"
    client = await connect(address, namespace=namespace, identity=identity, patience=STARTING)
    engine = Engine(client, operations=operations, archive=archive)
    worker = build_worker(
        client, operations=operations, journal=journal, archive=archive, clock=clock
    )
    watchdog = asyncio.create_task(Watchdog(engine, archive).run())
    try:
        async with worker:
            yield engine
    finally:
        watchdog.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watchdog
        await asyncio.sleep(SETTLING)
