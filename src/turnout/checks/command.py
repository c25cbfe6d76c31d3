"""A command on this host, in a session of its own, ended with everything that it has started."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from turnout.checks.attempt import Unanswerable
from turnout.checks.http import build_url
from turnout.model.checks import CheckAnswer, CommandCheck, Verdict
from turnout.model.units import format_duration
from turnout.ports import CheckContext
from turnout.processes import format_exit
from turnout.processes.identity import MARK, Identity, is_alive, observe_all

OWNER = "TURNOUT_CHECKS_OF"
"""The environment variable that says whose checks a command belongs to."""

INCONCLUSIVE = 75
"""EX_TEMPFAIL: the command says that it cannot say."""

_SECRET = ("TURNOUT_TOKEN", "TURNOUT_STORE")
_KEEP = 4096
"""Bytes of output that are kept, from the end."""
_SWEEPS = 20
_PIPE_GRACE = 0.5
"""Seconds: somebody who escaped us may hold the pipe open for ever."""
_SHOWN = 200
_NO_ROOM = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY})


async def make_command_check(
    check: CommandCheck,
    context: CheckContext,
    left: timedelta,
    elapsed: Callable[[], timedelta],
    *,
    owner: str,
) -> CheckAnswer:
    """Run the command once; nothing of it is left afterwards, also when it is cancelled.

    Raises `Unanswerable` when it cannot be started or does not end in time.
    """
    mark = secrets.token_hex(8)
    start = elapsed()
    output, input_ = os.pipe()
    tail = _Tail()
    reading = asyncio.create_task(tail.read(output))
    try:
        process = await _start(check, context, {MARK: mark, OWNER: owner}, input_)
    finally:
        os.close(input_)
    try:
        async with asyncio.timeout(left.total_seconds()):
            await process.wait()
    except TimeoutError as late:
        raise Unanswerable(
            f"{check.command[0]} did not end within {format_duration(left)} and was killed",
            passing=False,
        ) from late
    finally:
        await _end(process, mark)
        await asyncio.wait([reading], timeout=_PIPE_GRACE)
        reading.cancel()
    code = process.returncode if process.returncode is not None else 0
    return judge(check, code, tail.text(), elapsed() - start)


def judge(check: CommandCheck, code: int, output: str, took: timedelta) -> CheckAnswer:
    """0 passes, 75 is inconclusive, everything else fails."""
    verdicts = {0: Verdict.PASS, INCONCLUSIVE: Verdict.INCONCLUSIVE}
    exit_code = code if code >= 0 else 128 - code
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "").strip()
    said = f"{check.command[0]}: {format_exit(exit_code)} after {format_duration(took)}"
    return CheckAnswer(
        check=check.name,
        verdict=verdicts.get(exit_code, Verdict.FAIL),
        sentence=f'{said}: "{last[:_SHOWN]}"' if last else said,
        figures={"exit_code": exit_code, "seconds": round(took.total_seconds(), 3)},
    )


def build_environment(context: CheckContext) -> dict[str, str]:
    """What a command is told about what it checks."""
    return {
        "TURNOUT_CLUSTER": context.cluster,
        "TURNOUT_GROUP": context.group,
        "TURNOUT_SOURCE": context.source,
        "TURNOUT_URL": build_url(context.listener),
        "TURNOUT_PREVIEW_HEADER": context.listener.preview_header,
    }


async def end_strays(owner: str) -> int:
    """Kill the commands of this owner's checks that a killed server has left; how many there were.

    Call it before the owner makes any check.
    """
    killed: set[Identity] = set()
    for _ in range(_SWEEPS):
        left = await asyncio.to_thread(_find, None, f"{OWNER}={owner}")
        if not left:
            break
        _kill(left)
        killed |= left
        await asyncio.sleep(0.01)
    return len(killed)


async def _start(
    check: CommandCheck, context: CheckContext, marks: dict[str, str], output: int
) -> Process:
    inherited = {n: v for n, v in os.environ.items() if not n.startswith(_SECRET)}
    folder = context.folder or str(Path.home())
    try:
        return await asyncio.create_subprocess_exec(
            *check.command,
            env={**inherited, **build_environment(context), **marks},
            cwd=folder,
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise Unanswerable(
            f"{check.command[0]} cannot be run in {folder}: {said}",
            passing=isinstance(error, OSError) and error.errno in _NO_ROOM,
        ) from error


class _Tail:
    """The end of the output. It is read for as long as anybody holds the pipe open."""

    def __init__(self) -> None:
        self._bytes = b""

    async def read(self, output: int) -> None:
        # A pipe of our own: asyncio's waits for the end of the pipe when asked for the process's.
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output, "rb", buffering=0)
        )
        try:
            while part := await reader.read(65536):
                self._bytes = (self._bytes + part)[-_KEEP:]
        finally:
            transport.close()

    def text(self) -> str:
        return self._bytes.decode(errors="replace")


async def _end(process: Process, mark: str) -> None:
    """SIGKILL everything in the session or with the mark, until there is nothing."""
    if process.returncode is None:  # at once, whatever happens to us then
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for _ in range(_SWEEPS):
        left = await asyncio.to_thread(_find, process.pid, f"{MARK}={mark}")
        if not left:
            break
        _kill(left)
        await asyncio.sleep(0.01)
    await process.wait()


def _find(session: int | None, variable: str) -> set[Identity]:
    return {
        status.identity
        for status in observe_all()
        if status.session == session or _has(status.identity.pid, variable)
    }


def _has(pid: int, variable: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return variable.encode() in environment.split(b"\0")


def _kill(found: set[Identity]) -> None:
    for one in found:
        if is_alive(one):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one.pid, signal.SIGKILL)
