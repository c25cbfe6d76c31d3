"""Reads HTTP/1.x replies from the bytes of one connection. Pure: bytes in, replies out.

Only what a load client needs is kept: status, version, whether the connection lives on, and the
beginning of the body when the service failed. Other bodies are counted and thrown away.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_HEAD = 65_536
EXCERPT = 200
"""So many bytes of a failed answer's body are kept: proxies say there what went wrong."""

_UNTIL_CLOSE = -1
_HEX = re.compile(rb"[0-9a-fA-F]{1,16}")


class MalformedReply(Exception):
    """Catch it to give up a connection whose bytes are not HTTP."""


class Reply(NamedTuple):
    """One complete answer."""

    status: int
    version: str
    keeps_alive: bool
    excerpt: str


class _Head(NamedTuple):
    status: int
    version: str
    keeps_alive: bool
    is_chunked: bool
    length: int


class ReplyReader:
    """Give it what arrives with `feed`, and tell it with `end` when the connection is over."""

    __slots__ = ("_body", "_buffer", "_head", "_in_trailer", "_left", "has_begun")

    def __init__(self) -> None:
        self._buffer = b""
        self._body = b""
        self._head: _Head | None = None
        self._left = 0
        self._in_trailer = False
        self.has_begun = False
        """Whether any byte of the next reply has arrived, be it of an interim one (1xx)."""

    def feed(self, data: bytes) -> Reply | None:
        """The reply if `data` completes it. Raises `MalformedReply`.

        Bytes beyond the reply are a server's mistake; the connection is then not to be used again.
        """
        self._buffer = self._buffer + data if self._buffer else data
        self.has_begun = True
        if self._head is None and not self._read_head():
            return None
        return self._read_body()

    def end(self) -> Reply | None:
        """The connection ended: the reply if that is what completes it, None if it is torn off."""
        if self._head is not None and self._left == _UNTIL_CLOSE:
            return self._complete()
        return None

    def _read_head(self) -> bool:
        """Whether the head is complete; interim replies (1xx) are skipped."""
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = parse_head(self._buffer[: end + 2])
            self._buffer = self._buffer[end + 4 :]
            if head.status >= 200 or head.status == 101:
                self._head, self._left = head, head.length
                return True
        if len(self._buffer) > MAX_HEAD:
            raise MalformedReply(f"no end of the header in {len(self._buffer)} bytes")
        return False

    def _read_body(self) -> Reply | None:
        assert self._head is not None  # noqa: S101 - feed has just read it
        if self._head.is_chunked:
            return self._read_chunks()
        if self._left == _UNTIL_CLOSE:
            self._take(len(self._buffer))
            return None
        self._left -= self._take(self._left)
        return None if self._left else self._complete()

    def _read_chunks(self) -> Reply | None:
        """`_left` counts the rest of a chunk with its line end."""
        while self._buffer:
            if self._left:
                self._left -= self._take(self._left)
                continue
            end = self._buffer.find(b"\r\n")
            if end < 0:
                return None
            line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
            if self._in_trailer:
                if not line:
                    return self._complete()
            elif size := _parse_size(line):
                self._left = size + 2
            else:
                self._in_trailer = True
        return None

    def _take(self, most: int) -> int:
        """Move at most so many bytes from the buffer to the excerpt or to nowhere."""
        taken = self._buffer[:most]
        self._buffer = self._buffer[most:]
        if self._head is not None and self._head.status >= 500:
            self._body = (self._body + taken)[:EXCERPT]
        return len(taken)

    def _complete(self) -> Reply:
        assert self._head is not None  # noqa: S101 - only a reply with a head ends
        status, version, keeps_alive, *_ = self._head
        keeps_alive = keeps_alive and not self._buffer
        excerpt = " ".join(self._body.decode("latin-1").split()) if self._body else ""
        self._buffer = self._body = b""
        self._head, self._left, self._in_trailer, self.has_begun = None, 0, False, False
        return Reply(status, version, keeps_alive, excerpt)


def parse_head(head: bytes) -> _Head:
    """Read a status line and the fields that matter. Raises `MalformedReply`."""
    status = head[9:12]
    if head[:7] != b"HTTP/1." or not status.isdigit():
        raise MalformedReply(f"not an HTTP/1 status line: {head[:40]!r}")
    lower = head.lower()
    connection = _field(lower, lower, b"\r\nconnection:")
    length = _field(lower, lower, b"\r\ncontent-length:")
    is_chunked = b"chunked" in _field(lower, lower, b"\r\ntransfer-encoding:")
    code = int(status)
    if is_chunked or code in {101, 204, 304}:
        left = 0
    elif not length:
        left = _UNTIL_CLOSE
    elif length.isdigit():
        left = int(length)
    else:
        raise MalformedReply(f"content-length is {length!r}")
    lives = b"close" not in connection and (head[7:8] == b"1" or b"keep-alive" in connection)
    return _Head(
        code,
        _field(head, lower, b"\r\nx-version:").decode("latin-1"),
        lives and left != _UNTIL_CLOSE and code != 101,
        is_chunked and code not in {101, 204, 304},
        left,
    )


def _field(head: bytes, lower: bytes, name: bytes) -> bytes:
    at = lower.find(name)
    if at < 0:
        return b""
    start = at + len(name)
    return head[start : head.index(b"\r\n", start)].strip()


def _parse_size(line: bytes) -> int:
    digits = line.split(b";", 1)[0].strip()
    if not _HEX.fullmatch(digits):
        raise MalformedReply(f"a chunk's size is {digits[:20]!r}")
    return int(digits, 16)
