"""A Turnout server as a process of the demo: started, told to stop everything, cleared up after."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from datetime import timedelta
from pathlib import Path

from turnout import processes
from turnout.demo.errors import DemoFailed
from turnout.demo.ports import HOST, choose_server_port
from turnout.demo.workspace import Workspace

READY_WITHIN = 60.0
STOPPED_WITHIN = 60.0
_READY = "Turnout is ready at "
_LAST_LINES = 20
_GRACE = timedelta(seconds=2)
_PR_SET_PDEATHSIG = 1

_LIBC = ctypes.CDLL(None)
"""Loaded before the fork: between fork and exec little is allowed."""


class DemoServer:
    """One server on the workspace's data folder, at an address that stays the same."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._address = f"{HOST}:{choose_server_port()}"
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Where it answers, once it has been started."""
        return f"http://{self._address}"

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid if self._process else 0

    @property
    def has_ended(self) -> bool:
        """Whether it has gone by itself, or was killed."""
        return self._process is not None and self._process.returncode is not None

    async def start(self) -> timedelta:
        """Start it and wait until it takes requests; how long that took. Raises `DemoFailed`."""
        begun = time.monotonic()
        with self._workspace.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "turnout", "server"),
                *("--listen", self._address, "--data", str(self._workspace.data)),
                *("--log-format", "console", "--stop-everything"),
                cwd=self._workspace.folder,
                env=_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which ends the server in order
                preexec_fn=_end_with_parent,
            )
        self._address = await self._await_ready(self._process)
        return timedelta(seconds=time.monotonic() - begun)

    async def wait(self) -> None:
        """Returns when the process has ended."""
        if self._process:
            await self._process.wait()

    async def stop(self) -> tuple[str, ...]:
        """Have it stop everything, and end what it leaves.

        What had to be ended here, in words: nothing when all is as promised.
        """
        complaints: list[str] = []
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOPPED_WITHIN):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
                complaints.append(f"the server did not end within {STOPPED_WITHIN:.0f} s")
        if process is not None and process.returncode:
            complaints.append(f"the server ended with {processes.format_exit(process.returncode)}")
        left = await _end_processes(self._workspace.data)
        complaints += [f"a process was left: {name}" for name in left]
        return tuple(complaints)

    def read_last_lines(self) -> tuple[str, ...]:
        """The end of its log."""
        try:
            lines = self._workspace.log.read_text(errors="replace").splitlines()
        except OSError:
            return ()
        return tuple(lines[-_LAST_LINES:])

    async def _await_ready(self, process: Process) -> str:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            async with asyncio.timeout(READY_WITHIN):
                line = (await process.stdout.readline()).decode(errors="replace").strip()
        except TimeoutError:
            line = ""
        if not line.startswith(_READY):
            raise DemoFailed(
                f"The server was not ready within {READY_WITHIN:.0f} s."
                if process.returncode is None
                else "The server ended while it started."
            )
        return line.removeprefix(_READY).removeprefix("http://").split()[0]


def _environment() -> dict[str, str]:
    """Ours without settings of another Turnout: neither its database nor its token is meant."""
    return {n: v for n, v in os.environ.items() if not n.startswith("TURNOUT_")}


def _end_with_parent() -> None:
    """Should the demo be killed, the server gets SIGTERM, and stops everything."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _end_processes(data: Path) -> list[str]:
    """End every process that was launched from this data folder and still runs; their folders."""
    found = []
    for note in sorted(data.rglob("launch")):
        process = processes.recall(note.parent)
        if process is None:
            continue
        if process.is_alive():
            found.append(str(note.parent.relative_to(data)))
            await process.stop(signal.SIGTERM, _GRACE)
        elif await process.sweep():
            found.append(str(note.parent.relative_to(data)))
    return found
