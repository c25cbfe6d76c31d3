"""Reads as much of an HTTP/1 answer as a probe needs: status and beginning of the body. Pure."""

from __future__ import annotations

import re

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: |\r?\n)")
_LENGTH = re.compile(rb"\ncontent-length:\s*([0-9]+)\s*\r?\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\ntransfer-encoding:[^\n]*chunked", re.IGNORECASE)
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)[^\n]*\n")
_KEPT = 1024


class HttpAnswer:
    """An answer that comes in pieces."""

    def __init__(self, *, has_body: bool) -> None:
        self.received = 0
        """How many bytes came."""
        self._has_body = has_body
        self._data = b""

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        self.received += len(data)
        self._data += data
        while self.status is not None and self.status < 200 and self._head_end is not None:
            self._data = self._data[self._head_end :]  # 100, 103: the real answer follows

    @property
    def status(self) -> int | None:
        """The status; None when this is not HTTP, or not yet."""
        match = _STATUS.match(self._data)
        return int(match[1]) if match else None

    @property
    def is_whole(self) -> bool:
        """Whether nothing more is to come, as far as the answer says; else it ends when it ends."""
        head = self._head_end
        if self.status is None or head is None:
            return False
        if not self._has_body or self.status in {204, 304}:
            return True
        length = _LENGTH.search(self._data, 0, head)
        if length:
            return len(self._data) - head >= int(length[1])
        return self._is_chunked and self._data.endswith(b"0\r\n\r\n")

    @property
    def body(self) -> str:
        """The beginning of the body."""
        head = self._head_end
        if head is None:
            return ""
        raw = self._data[head:]
        return (_join_chunks(raw) if self._is_chunked else raw)[:_KEPT].decode(errors="replace")

    @property
    def beginning(self) -> str:
        """The beginning of everything, for what is not HTTP."""
        return self._data[:_KEPT].decode(errors="replace")

    @property
    def _head_end(self) -> int | None:
        match = _END_OF_HEAD.search(self._data)
        return match.end() if match else None

    @property
    def _is_chunked(self) -> bool:
        return _CHUNKED.search(self._data, 0, self._head_end or 0) is not None


def _join_chunks(raw: bytes) -> bytes:
    joined, at = b"", 0
    while len(joined) < _KEPT and (match := _CHUNK.match(raw, at)):
        size = int(match[1], 16)
        joined += raw[match.end() : match.end() + size]
        at = match.end() + size + 2
    return joined
