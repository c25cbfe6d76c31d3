"""Envoy's admin interface on its unix socket: a client fast enough to ask every millisecond.

A general HTTP client takes longer for a call than Envoy takes to switch traffic. Everything that is
asked for here may be asked twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from pathlib import Path

_TIMEOUT = 5.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_BUFFER = 4 * 1024 * 1024


class AdminUnavailable(Exception):
    """Catch it when Envoy may be down, starting, or too busy to answer."""


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, path: str) -> tuple[int, bytes]:
        self._writer.write(f"GET {path} HTTP/1.1\r\nhost: envoy\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if _CHUNKED.search(head):
            return status, await self._read_chunks()
        length = _LENGTH.search(head)
        return status, await self._reader.readexactly(int(length[1]) if length else 0)

    async def _read_chunks(self) -> bytes:
        chunks: list[bytes] = []
        while True:
            size = int(await self._reader.readline(), 16)
            chunk = await self._reader.readexactly(size + 2)
            if not size:
                return b"".join(chunks)
            chunks.append(chunk[:-2])

    def close(self) -> None:
        self._writer.close()


class EnvoyAdmin:
    """Asks Envoy. Connections are kept and used again; close it when done."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._idle: list[_Connection] = []

    async def get(self, path: str) -> str:
        """The body of a good answer. Raises `AdminUnavailable`."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                status, body = await self._ask(path)
        except (OSError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError) as error:
            raise AdminUnavailable(f"Envoy does not answer {path}: {error!r}") from error
        if status != 200:
            raise AdminUnavailable(f"Envoy answers {path} with {status}")
        return body.decode()

    def close(self) -> None:
        """Close all connections."""
        while self._idle:
            self._idle.pop().close()

    async def _ask(self, path: str) -> tuple[int, bytes]:
        while self._idle:
            kept = self._idle.pop()
            with contextlib.suppress(OSError, EOFError):  # of an Envoy that is gone
                return await self._ask_over(kept, path)
        return await self._ask_over(await self._connect(), path)

    async def _ask_over(self, connection: _Connection, path: str) -> tuple[int, bytes]:
        try:
            answer = await connection.ask(path)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    async def _connect(self) -> _Connection:
        """By way of the folder's descriptor: the path of a unix socket has 107 bytes at most."""
        folder = os.open(self._socket.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            reader, writer = await asyncio.open_unix_connection(
                f"/proc/self/fd/{folder}/{self._socket.name}", limit=_BUFFER
            )
        finally:
            os.close(folder)
        return _Connection(reader, writer)
