"""Small real services, and a client that talks HTTP/1.1 without a library's opinions."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from turnout.model.traffic import Endpoint, EndpointState

DEADLINE = 60.0


async def until(condition: Callable[[], bool], *, what: str = "it never came true") -> None:
    """Wait for a condition, up to a deadline."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DEADLINE):
            while not condition():
                await asyncio.sleep(0.002)
    assert condition(), what


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port that the system gives to nobody else while it is ours; Envoy can listen on it."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@dataclass
class Service:
    """One instance: answers with its name and what it was asked."""

    name: str
    port: int = 0
    requests: int = 0
    active: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    server: asyncio.Server | None = None
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Until it is set, requests for `/held` are in flight."""

    def endpoint(self, state: EndpointState = EndpointState.HEALTHY) -> Endpoint:
        return Endpoint(instance=self.name, host="127.0.0.1", port=self.port, state=state)

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """As if the process were killed: the port is closed, and all connections are reset."""
        if self.server is not None:
            self.server.close()
        for writer in list(self.writers):
            writer.transport.abort()
        if self.server is not None:
            await self.server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._answer(reader, writer):
                pass
        self.writers.discard(writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *rest = head.split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (h.partition(":") for h in rest if h)}
        body = await _read_body(reader, headers)
        target = urlsplit(line.split(" ")[1])
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        self.requests += 1
        self.active += 1
        try:
            if "upgrade" in headers:
                await self._echo(reader, writer)
                return False
            if target.path == "/events":
                await self._send_events(writer)
                return False
            if target.path == "/held":
                await self.released.wait()
            await asyncio.sleep(float(query.get("seconds", 0)))
            answer = {"by": self.name, "headers": headers, "length": len(body)}
            data = json.dumps(answer).encode()
            status = query.get("status", "200")
            head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(data)}\r\nserver: {self.name}"
            writer.write(f"{head}\r\n\r\n".encode() + data)
            await writer.drain()
            return True
        finally:
            self.active -= 1

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n"
        )
        while data := await reader.read(1000):
            writer.write(data)
            await writer.drain()

    async def _send_events(self, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        )
        number = 0
        while not writer.is_closing():
            number += 1
            writer.write(f"data: {self.name} {number}\n\n".encode())
            await writer.drain()
            await asyncio.sleep(0.02)


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while True:
        size = int(await reader.readline(), 16)
        chunk = await reader.readexactly(size + 2)
        if not size:
            return body
        body += chunk[:-2]


@asynccontextmanager
async def services(*names: str) -> AsyncIterator[list[Service]]:
    started = [Service(name) for name in names]
    try:
        for service in started:
            await service.start()
        yield started
    finally:
        for service in started:
            await service.kill()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def by(self) -> str:
        """Which service answered."""
        return str(json.loads(self.body)["by"])

    @property
    def seen(self) -> dict[str, str]:
        """The headers that the service saw."""
        return dict(json.loads(self.body)["headers"])


class Connection:
    """A keep-alive connection to the router."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(
        self, path: str = "/", headers: Mapping[str, str] | None = None, *, body: bytes = b""
    ) -> Answer:
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        method = "POST" if body else "GET"
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {len(body)}\r\n{lines}\r\n"
        )
        self.writer.write(head.encode() + body)
        return await self.read_answer()

    async def read_answer(self) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        line, *rest = head.split("\r\n")
        found = {n.lower(): v.strip() for n, _, v in (h.partition(":") for h in rest if h)}
        status = int(line.split(" ")[1])
        has_body = status != 101 and found.get("content-type") != "text/event-stream"
        body = await _read_body(self.reader, found) if has_body else b""
        return Answer(status, found, body)

    async def upgrade(self) -> None:
        self.writer.write(
            b"GET / HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n"
        )
        assert (await self.read_answer()).status == 101

    async def echo(self, data: bytes) -> bytes:
        self.writer.write(data)
        return await asyncio.wait_for(self.reader.readexactly(len(data)), DEADLINE)

    def close(self) -> None:
        self.writer.close()


async def ask(
    port: int, path: str = "/", headers: Mapping[str, str] | None = None, *, body: bytes = b""
) -> Answer:
    """One request on a connection of its own."""
    connection = await Connection.open(port)
    try:
        return await asyncio.wait_for(connection.ask(path, headers, body=body), DEADLINE)
    finally:
        connection.close()


@dataclass
class Load:
    """Clients that ask without pause, each on one connection."""

    answered: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    is_over: bool = False

    async def client(self, port: int, path: str) -> None:
        connection = await Connection.open(port)
        while not self.is_over:
            try:
                answer = await connection.ask(path)
            except (OSError, EOFError) as error:
                self.lost.append(repr(error))
                connection = await Connection.open(port)
                continue
            if answer.status == 200:
                self.answered[answer.by] += 1
            else:
                self.lost.append(f"{answer.status} {answer.body!r}")
        connection.close()


@asynccontextmanager
async def load(port: int, *paths: str) -> AsyncIterator[Load]:
    """One client for each path."""
    running = Load()
    async with asyncio.TaskGroup() as tasks:
        for path in paths:
            tasks.create_task(running.client(port, path))
        try:
            yield running
        finally:
            running.is_over = True


def envoys_below(folder: Path) -> list[int]:
    """Pids of all Envoys that run in a folder, found the hard way."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                command = (entry / "cmdline").read_bytes().split(b"\0")
                where = (entry / "cwd").readlink()
                if command[0].endswith(b"envoy") and where.is_relative_to(folder):
                    found.append(int(entry.name))
    return found


@contextmanager
def paused_envoy(folder: Path) -> Iterator[None]:
    """The one Envoy of a folder does nothing meanwhile."""
    (pid,) = envoys_below(folder)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
