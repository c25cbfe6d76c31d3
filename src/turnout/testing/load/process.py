"""A load in a process of its own, so that neither it nor the caller can slow the other down."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from turnout.testing.load.report import Report, read_report
from turnout.testing.load.steady import CONNECTIONS, TIMEOUT

STARTED = "load began"
"""The first line of the process's output begins so, once requests are due."""

START_WITHIN = 30.0


class LoadProcess:
    """The same as `Load`, from another process; its report comes when it is stopped."""

    def __init__(
        self,
        url: str,
        *,
        rate: float,
        path: str = "/",
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        connections: int = CONNECTIONS,
        timeout: timedelta = TIMEOUT,
        strict: bool = False,
    ) -> None:
        self._arguments = [url, "--rate", f"{rate:g}", "--path", path, "--method", method]
        self._arguments += ["--connections", str(connections)]
        self._arguments += ["--timeout", f"{timeout.total_seconds():g}", "--answers"]
        self._arguments += [f"--header={name}: {value}" for name, value in (headers or {}).items()]
        self._arguments += ["--strict"] if strict else []
        self._timeout = timeout
        self._process: Process
        self._folder: tempfile.TemporaryDirectory[str]
        self._report: Report | None = None

    async def __aenter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="turnout-load-")
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "turnout.testing.load", *self._arguments),
                *("--json", str(self._file)),
                stdout=PIPE,
            )
            await self._await_start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                await self.stop()
        finally:
            await self._end()

    async def stop(self) -> Report:
        """Send no more, wait for the answers under way, and give the report. May be repeated.

        Raises `RuntimeError` when the process died, and its requests with it.
        """
        if self._report is None:
            if self._process.returncode is None:
                self._process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(self._timeout.total_seconds() + START_WITHIN):
                await self._process.communicate()
            if self._process.returncode != 0 or not self._file.exists():
                raise RuntimeError(f"the load process ended with {self._process.returncode}")
            self._report = read_report(self._file)
        return self._report

    @property
    def pid(self) -> int:
        """The process that sends."""
        return self._process.pid

    @property
    def _file(self) -> Path:
        return Path(self._folder.name) / "report.json"

    async def _await_start(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        async with asyncio.timeout(START_WITHIN):
            line = (await self._process.stdout.readline()).decode()
        if not line.startswith(STARTED):
            raise RuntimeError(f"the load process did not start: {line.strip() or 'no output'}")

    async def _end(self) -> None:
        process: Process | None = getattr(self, "_process", None)
        if process is not None and process.returncode is None:
            process.kill()
            await process.communicate()
        self._folder.cleanup()
