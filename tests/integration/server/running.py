"""A whole Turnout server in a process of its own, and a small service for it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.ports import ports_setting

PATIENCE = 60.0
"""Seconds: the machine may be busy with other tests."""

_RUN = (
    "import sys; from turnout.settings import read_settings; from turnout.server import main;"
    "sys.exit(main(read_settings(dict(a.split('=', 1) for a in sys.argv[1:]))))"
)

SERVICE = """
application: tiny
version: "1"
run:
  command: {python} -m http.server --bind 127.0.0.1 $PORT
instances: 2
listener:
  port: {port}
health: /
"""


class Server:
    """A running server. `api` speaks to it."""

    def __init__(self, process: Process, address: str, log: Path) -> None:
        self.process = process
        self.address = address
        self.log = log
        self.api = httpx2.AsyncClient(
            base_url=f"{address}/api/v1", timeout=PATIENCE, trust_env=False
        )

    async def deploy(self, text: str, folder: Path, **more: Any) -> dict[str, Any]:
        """Take a deployment on; its record."""
        document = {"text": text, "folder": str(folder)}
        return await self.post("/deployments", {"document": document, **more})

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A good answer's document."""
        answer = await self.api.post(path, json=body)
        assert answer.is_success, f"{answer.status_code} {answer.text}\n{self.log.read_text()}"
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str) -> Any:
        """A good answer's document."""
        answer = await self.api.get(path)
        assert answer.is_success, f"{answer.status_code} {answer.text}\n{self.log.read_text()}"
        return answer.json()

    async def await_end(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record of a deployment once it has ended."""
        path = f"/deployments/{record['request']['id']}"

        async def look() -> dict[str, Any] | None:
            found: dict[str, Any] = (await self.get(path))["record"]
            is_open = found["status"] in ("queued", "running", "rolling_back", "paused")
            return None if is_open else found

        return await until(look)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the server; its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@asynccontextmanager
async def running_server(data: Path, **settings: object) -> AsyncIterator[Server]:
    """A server on this data folder, from ready to ended."""
    process, log = await start(data, **settings)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("Turnout is ready at http://"), line + log.read_text()
        server = Server(process, line.removeprefix("Turnout is ready at ").split()[0], log)
        async with server.api:
            yield server
            await server.end()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def start(data: Path, **settings: object) -> tuple[Process, Path]:
    """Start a server, ready or not; the process and its log."""
    log = data.with_name(f"{data.name}.log")
    given = {"data": data, "listen": "127.0.0.1:0", "log_format": "json"}
    given |= {"ports": ports_setting(), **settings}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _RUN),
            *(f"{name}={value}" for name, value in given.items()),
            stdout=PIPE,
            stderr=output,
            env={n: v for n, v in os.environ.items() if not n.startswith("TURNOUT_")},
        )
    return process, log


async def until(
    look: Callable[[], Awaitable[dict[str, Any] | None]], patience: float = PATIENCE
) -> dict[str, Any]:
    """What `look` finds, once it finds something."""
    end = time.monotonic() + patience
    while True:
        found = await look()
        if found is not None:
            return found
        assert time.monotonic() < end, f"nothing after {patience} s"
        await asyncio.sleep(0.05)


def service(port: int, version: str = "1", more: str = "") -> str:
    """The file of a small service."""
    text = SERVICE.format(python=sys.executable, port=port)
    return text.replace('"1"', f'"{version}"') + more


def find_processes(*marks: str) -> Sequence[str]:
    """Command lines of processes that have one of these words in it."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if any(mark in line for mark in marks):
                found.append(line)
    return found
