"""Asks an instance how it is: over HTTP, by connecting, or with a command.

Every answer is a verdict with a sentence. What an instance sends is a stranger's text: only little
of it is read, and only printable characters are shown.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, assert_never

from turnout.model.servers import CommandProbe, HttpProbe, Probe, TcpProbe
from turnout.processes import format_exit
from turnout.providers.local.command import fill_in
from turnout.providers.local.http_answer import HttpAnswer
from turnout.providers.local.output import printable

_MOST = 64 * 1024
"""More than this of an answer is not read."""

_SHOWN = 200
"""More characters than this of what was said are not shown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe found. `is_refused`: nothing listens where it asked."""

    is_good: bool
    said: str
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, and what a command needs to ask it."""

    host: str
    port: int
    environment: Mapping[str, str]
    """Of the instance: its variables are filled into a command."""
    folder: str


async def ask(probe: Probe, target: Target) -> Answer:
    """Put the probe's question once, within its time-out. What the instance does never raises."""
    request = probe.request
    match request:
        case HttpProbe():
            asking = _ask_http(request, target)
        case TcpProbe():
            asking = _ask_tcp(target)
        case CommandProbe():
            asking = _ask_command(request, target)
        case _:
            assert_never(request)
    question = format_question(probe, target)
    try:
        async with asyncio.timeout(probe.timeout.total_seconds()):
            return await asking
    except TimeoutError:
        return Answer(False, f"{question}: no answer within {_format_limit(probe.timeout)}")
    except OSError as error:
        if error.errno == errno.ECONNREFUSED:
            said = f"nothing listens on {target.host}:{target.port}"
            return Answer(False, said, is_refused=True)
        return Answer(False, f"{question}: {error.strerror or error}")


def format_question(probe: Probe, target: Target) -> str:
    """The question in words: `GET /healthz on 127.0.0.1:20013`."""
    address = f"{target.host}:{target.port}"
    match probe.request:
        case HttpProbe(method=method, path=path):
            return f"{method} {path} on {address}"
        case TcpProbe():
            return f"connecting to {address}"
        case CommandProbe(command=command):
            return f"probe command {_shorten(' '.join(command))!r} for {address}"


async def _ask_http(request: HttpProbe, target: Target) -> Answer:
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    headers = {
        "Host": f"{target.host}:{target.port}",
        "User-Agent": "turnout-probe",
        "Accept": "*/*",
        "Connection": "close",
        **({"Content-Length": "0"} if request.method in {"POST", "PUT"} else {}),
    }
    replaced = {name.lower() for name in request.headers}
    kept = {n: v for n, v in headers.items() if n.lower() not in replaced}
    lines += [f"{name}: {value}" for name, value in {**kept, **request.headers}.items()]
    question = f"{request.method} {request.path} on {target.host}:{target.port}"
    answer = HttpAnswer(has_body=request.method != "HEAD")
    with _socket() as connection:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, (target.host, target.port))
        await loop.sock_sendall(connection, "\r\n".join([*lines, "", ""]).encode())
        while not answer.is_whole and answer.received < _MOST:
            data = await _receive(connection, answer)
            if not data:
                break
            answer.feed(data)
    if answer.status is None:
        start = _shorten(answer.beginning)
        what = f"not an HTTP answer: {start!r}" if start else "closed without an answer"
        return Answer(False, f"{question}: {what}")
    is_good = request.status_from <= answer.status <= request.status_to
    body = "" if is_good else _shorten(answer.body)
    quoted = f' "{body}"' if body else ""
    return Answer(is_good, f"{question}: {answer.status}{quoted}")


async def _receive(connection: socket.socket, answer: HttpAnswer) -> bytes:
    """Some bytes; none when a server that has said its status resets instead of closing."""
    try:
        return await asyncio.get_running_loop().sock_recv(connection, 16 * 1024)
    except ConnectionResetError:
        if answer.status is None:
            raise
        return b""


async def _ask_tcp(target: Target) -> Answer:
    with _socket() as connection:
        address = (target.host, target.port)
        await asyncio.get_running_loop().sock_connect(connection, address)
    return Answer(True, f"connecting to {target.host}:{target.port}: accepted")


def _socket() -> socket.socket:
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.setblocking(False)
    return connection


async def _ask_command(request: CommandProbe, target: Target) -> Answer:
    command = [fill_in(argument, target.environment) for argument in request.command]
    shown = f"probe command {_shorten(' '.join(request.command))!r}"
    # A file, not a pipe: a grandchild that keeps a pipe open would keep us waiting.
    with tempfile.TemporaryFile() as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(target.environment),
                cwd=target.folder,
                start_new_session=True,
            )
        except OSError as error:
            return Answer(False, f"{shown} cannot be run: {error.strerror or error}")
        try:
            code = await process.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if process.returncode is None:
                await process.wait()
        code = 128 - code if code < 0 else code
        said = "" if code == 0 else _last_words(output)
        return Answer(code == 0, f"{shown}: {format_exit(code)}{said}")


def _last_words(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - 1024))
    text = _shorten(output.read().decode(errors="replace"), from_end=True)
    return f' "{text}"' if text else ""


def _shorten(text: str, *, from_end: bool = False) -> str:
    clean = " ".join(printable(text).split())
    if len(clean) <= _SHOWN:
        return clean
    return f"…{clean[-_SHOWN:]}" if from_end else f"{clean[:_SHOWN]}…"


def _format_limit(limit: timedelta) -> str:
    return f"{limit.total_seconds():g} s"
