"""A crowd of users in processes of their own, each asking again as soon as it was answered."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from turnout.testing.load import Report
from turnout.testing.load.report import read_report

PROCESSES = 2
CONNECTIONS = 8
"""Of each process."""

ANSWER_WITHIN = 60
"""Seconds; generous, the machine is kept busy on purpose."""


class Crowd:
    """Sends so many requests to a service as fast as they are answered, and none a second time."""

    def __init__(self, url: str, requests: int) -> None:
        self._url = url
        self._each = -(-requests // PROCESSES)
        self._folder: tempfile.TemporaryDirectory[str]
        self._processes: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="turnout-crowd-")
        for file in self._files():
            self._processes.append(
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "turnout.testing.load", self._url, "--strict"),
                    *("--requests", str(self._each), "--connections", str(CONNECTIONS)),
                    *("--timeout", str(ANSWER_WITHIN), "--answers", "--json", str(file)),
                    stdout=asyncio.subprocess.DEVNULL,
                )
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()
        self._folder.cleanup()

    @property
    def is_busy(self) -> bool:
        """Whether all of them still send; a process that has failed has stopped, too."""
        return all(process.returncode is None for process in self._processes)

    async def leave(self) -> list[Report]:
        """Wait until everything that was to be sent is answered; what each process saw."""
        codes = [await process.wait() for process in self._processes]
        if any(codes):
            raise RuntimeError(f"a process of the load failed: {codes}")
        return [read_report(file) for file in self._files()]

    def _files(self) -> Iterator[Path]:
        return (Path(self._folder.name, f"{number}.json") for number in range(PROCESSES))
