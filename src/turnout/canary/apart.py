"""Long calculations in a process of their own, so that deployments go on undisturbed meanwhile.

Whoever stops listening ends the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Any

from turnout.model.errors import InvalidDocument, Permanent, Problem, Severity

AT_ONCE = 2
"""Processes side by side; others wait."""

LONGEST = timedelta(minutes=5)

_LINE = 256 * 1024 * 1024
"""Bytes of the longest result."""

Said = dict[str, Any]
"""One line of the worker: `progress`, or in the end `result`."""


class Workers:
    """Starts `turnout.canary.worker` as often as needed, and not more often at once than is good
    for the machine.
    """

    def __init__(self, at_once: int = AT_ONCE, longest: timedelta = LONGEST) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._longest = longest

    async def work(self, task: str, document: bytes) -> AsyncGenerator[Said, None]:
        """What the worker says, the result last. Close it to end the process.

        Raises `InvalidDocument`, and `Permanent` when time or memory do not suffice.
        """
        async with self._free:
            try:
                async with asyncio.timeout(self._longest.total_seconds()):
                    async with aclosing(_run(task, document, self._longest)) as lines:
                        async for said in lines:
                            yield _checked(said)
            except TimeoutError as error:
                raise _too_much(f"took more than {self._longest.total_seconds():g} s") from error

    async def result(self, task: str, document: bytes) -> Any:
        """The result alone."""
        said: Said = {}
        async with aclosing(self.work(task, document)) as lines:
            async for line in lines:
                said = line
        return said["result"]


async def _run(task: str, document: bytes, longest: timedelta) -> AsyncGenerator[Said, None]:
    seconds = str(int(longest.total_seconds()))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "turnout.canary.worker", task, seconds),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101 - pipes
    try:
        with contextlib.suppress(ConnectionError):  # it has ended: its last words tell why
            process.stdin.write(document)
            await process.stdin.drain()
        process.stdin.close()
        is_told = False
        async for line in process.stdout:
            said: Said = json.loads(line)
            is_told = "progress" not in said
            yield said
        if not is_told:
            raise _too_much(f"ended with {await process.wait()} and no result")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _checked(said: Said) -> Said:
    refused = said.get("refused")
    if refused:
        problems = tuple(
            Problem(**{**problem, "severity": Severity(problem["severity"])})
            for problem in refused["problems"]
        )
        raise InvalidDocument(refused["message"], problems, hint=refused["hint"])
    if said.get("too_large"):
        raise _too_much("needed more memory than it may have")
    return said


def _too_much(why: str) -> Permanent:
    return Permanent(
        f"The calculation {why}",
        hint="Ask for less: a shorter time, fewer metrics, a coarser step.",
    )
