"""The output of an instance: its last lines, following it, keeping it small."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from turnout.processes import rotate

MAX_BYTES = 10 * 1024 * 1024
OLDER_LOGS = 2
"""With the one being written: three logs for each instance."""

_POLL = 0.2
_TAIL = 16 * 1024
_BLOCK = 64 * 1024
_LONGEST_LINE = 64 * 1024
_FARTHEST_BACK = 4 * 1024 * 1024
"""Last lines are not looked for farther back than this."""

_SHOWN = 200
_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-_])")


class Output:
    """A log that its writer appends to and that is cut from time to time.

    Positions count all bytes ever written since we look, also those that have left the log.
    """

    def __init__(self, log: Path, *, max_bytes: int) -> None:
        self.log = log
        self._max_bytes = max_bytes
        self._moved = 0
        self._is_rotating = False

    @property
    def end(self) -> int:
        """The position behind the last byte."""
        return self._moved + _size(self.log)

    async def keep_small(self) -> None:
        """Rotate the log when it is too big."""
        if self._is_rotating or _size(self.log) <= self._max_bytes:
            return
        self._is_rotating = True
        try:
            self._moved += await asyncio.to_thread(rotate, self.log, self._max_bytes, OLDER_LOGS)
        finally:
            self._is_rotating = False

    def last_lines(self, count: int, *, since: int = 0) -> list[str]:
        """The last non-blank lines written after position `since`, short and printable."""
        start = self._nearest(max(since, self.end - _TAIL))
        text = self._read(start, self.end).decode(errors="replace")
        lines = (" ".join(printable(line).split()) for line in text.splitlines())
        return [shorten(line) for line in [line for line in lines if line][-count:]]

    async def follow(
        self, lines: int, *, follow: bool, is_over: Callable[[], bool]
    ) -> AsyncIterator[str]:
        """The last lines as they are, then new ones until `is_over`, each once it is whole."""
        position = self._start_of_last(lines)
        stop = None if follow else self.end
        rest = b""
        while True:
            over = is_over()  # asked before reading: what was written until then is given
            position = self._nearest(position)
            data = self._read(position, self.end if stop is None else stop)
            position += len(data)
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                yield _decode(line)
            if len(rest) > _LONGEST_LINE:
                yield _decode(rest)
                rest = b""
            if not data:
                if over or not follow:
                    break
                await asyncio.sleep(_POLL)
        if rest:
            yield _decode(rest)

    def _start_of_last(self, lines: int) -> int:
        """The position at which the last `lines` lines begin."""
        if lines <= 0:
            return self.end
        end = start = self.end
        lowest = self._nearest(end - _FARTHEST_BACK)
        tail = b""
        while start > lowest and tail.count(b"\n") <= lines:
            begin = max(lowest, start - _BLOCK)
            tail = self._read(begin, start) + tail
            start = begin
        parts = tail.removesuffix(b"\n").split(b"\n")
        surplus = parts[:-lines]
        return start + sum(len(part) + 1 for part in surplus)

    def _nearest(self, position: int) -> int:
        """The position, or the oldest one that is still to be had."""
        return max(position, self._moved - _size(self._older))

    def _read(self, start: int, stop: int) -> bytes:
        """Bytes from `start` on, before `stop`, at most a few blocks; none during a rotation."""
        if self._is_rotating:
            return b""
        stop = min(stop, start + 4 * _BLOCK)
        older_start = self._moved - _size(self._older)
        older = _read_part(self._older, start - older_start, min(stop, self._moved) - start)
        begin = max(start, self._moved)
        return older + _read_part(self.log, begin - self._moved, stop - begin)

    @property
    def _older(self) -> Path:
        return self.log.with_name(f"{self.log.name}.1")


def printable(text: str) -> str:
    """Without the control sequences of terminals and other characters that cannot be seen."""
    return "".join(c if c.isprintable() else " " for c in _ESCAPE.sub("", text))


def shorten(line: str) -> str:
    """At most as much of a line as fits into a sentence."""
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _decode(line: bytes) -> str:
    return line.removesuffix(b"\r").decode(errors="replace")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _read_part(file: Path, start: int, count: int) -> bytes:
    if start < 0 or count <= 0:
        return b""
    try:
        with file.open("rb") as opened:
            opened.seek(start)
            return opened.read(count)
    except OSError:
        return b""
