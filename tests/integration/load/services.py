"""Services under load: the example shop as a real process, and one that does everything wrong."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

SHOP = Path(__file__).parents[3] / "examples" / "shop" / "app.py"


@dataclass(frozen=True)
class RunningShop:
    process: Process
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        async with asyncio.timeout(60):
            return await self.process.wait()

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def running_shop(**environment: str) -> AsyncIterator[RunningShop]:
    """Start the shop on a port of the system's choice, with the standard library only (-I -S)."""
    environment = {"VERSION": "1", "INSTANCE": "a", **environment, "PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(SHOP)), stdout=PIPE, env=environment
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
        yield RunningShop(process, int(line.rsplit(":", 1)[1]))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


Answer = Callable[[asyncio.StreamWriter, int], Awaitable[bool]]
"""Answers the n-th request (from 1) of a connection; False closes the connection."""


class Rogue:
    """Misbehaves as the path asks. `served` counts requests, `at_once` the most connections."""

    def __init__(self) -> None:
        self.url = ""
        self.served = 0
        self.at_once = 0
        self._open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        self.at_once = max(self.at_once, self._open)
        try:
            for number in range(1, 1_000_000):
                head = await reader.readuntil(b"\r\n\r\n")
                self.served += 1
                path = head.split(b" ", 2)[1].decode()
                if not await ANSWERS[path](writer, number):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open -= 1
            writer.close()


@asynccontextmanager
async def running_rogue() -> AsyncIterator[Rogue]:
    rogue = Rogue()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(rogue.serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    rogue.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield rogue
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _says(data: bytes, *, goes_on: bool = True) -> Answer:
    async def answer(writer: asyncio.StreamWriter, number: int) -> bool:
        writer.write(data)
        await writer.drain()
        return goes_on

    return answer


async def _never(writer: asyncio.StreamWriter, number: int) -> bool:
    await asyncio.Event().wait()
    return False


async def _resets(writer: asyncio.StreamWriter, number: int) -> bool:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


async def _slow(writer: asyncio.StreamWriter, number: int) -> bool:
    await asyncio.sleep(0.1)
    return await _says(OK)(writer, number)


async def _stale(writer: asyncio.StreamWriter, number: int) -> bool:
    """A kept-alive connection that is closed just as its second request comes."""
    return number == 1 and await _says(OK)(writer, number)


async def _idle_closing(writer: asyncio.StreamWriter, number: int) -> bool:
    """Promises to keep the connection and closes it."""
    return await _says(OK, goes_on=False)(writer, number)


OK = b"HTTP/1.1 200 OK\r\nx-version: 1\r\ncontent-length: 2\r\n\r\nok"
ANSWERS: dict[str, Answer] = {
    "/ok": _says(OK),
    "/last": _says(OK.replace(b"x-v", b"connection: close\r\nx-v"), goes_on=False),
    "/error": _says(OK.replace(b"200 OK", b"500 Oh")),
    "/cut": _says(OK[:-1], goes_on=False),
    "/cut-head": _says(OK[:20], goes_on=False),
    "/cut-chunk": _says(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nx", goes_on=False
    ),
    "/close": _says(b"", goes_on=False),
    "/garbage": _says(b"what?\r\n\r\n"),
    "/never": _never,
    "/reset": _resets,
    "/slow": _slow,
    "/stale": _stale,
    "/idle-closing": _idle_closing,
}
