"""Pages in files: one line a minute, one file an hour, for as long as was said.

A minute is written when it is over, so killing this process loses at most that; who can give it
again (the router's counters are in a diary, too) looks at `known`. Times are those of the wall
clock: when it is set back, of a time that came twice the last one counts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import structlog

from turnout.history.pages import (
    Look,
    Page,
    Sample,
    format_page,
    milliseconds,
    parse_page,
)

log = structlog.get_logger(__name__)

LARGEST = 1_000_000_000
"""Bytes on disk; the oldest files go before that is exceeded."""

_PAGE = 60
_HOUR = 3600
_ROUNDED = 0.002
"""Seconds; times are kept in whole milliseconds."""

_UNWRITTEN = 60
"""Pages that wait for a disk that is full; the oldest ones are given up."""


class History:
    """One folder. `note` from one task at a time; read whenever you like.

    `hours`: so many files are kept. Hours in which nobody looked have none: a wall clock that is
    wrong for a moment makes nothing old.
    """

    def __init__(self, folder: Path, *, hours: int, largest: int = LARGEST) -> None:
        self._folder = folder
        self._hours = hours
        self._largest = largest
        self._open: list[Look] = []
        self._unwritten: deque[tuple[str, bytes]] = deque(maxlen=_UNWRITTEN)
        self._is_failing = False
        self._until: float | None = None

    def complete_until(self) -> datetime | None:
        """When the last look was taken: nothing will be added to steps that end before it. None
        until the first one.
        """
        return None if self._until is None else datetime.fromtimestamp(self._until, UTC)

    async def note(self, look: Look) -> None:
        """Keep a look. A disk that cannot be written is told to the log, and tried again."""
        if self._open and _minute(look.end) != _minute(self._open[0].end):
            await self.flush()
        is_set_back = self._until is not None and look.end < self._until
        self._open.append(look)
        self._until = look.end
        if is_set_back:
            await self.flush()  # whoever has a diary may have begun another one, too

    async def flush(self) -> None:
        """Write what is not yet on disk."""
        if self._open:
            hour, looks = _file_name(self._open[0].end), self._open
            line = await asyncio.to_thread(lambda: format_page(looks).encode())
            self._unwritten.append((hour, line))
            self._open = []
        try:
            await asyncio.to_thread(self._write)
            self._is_failing = False
        except OSError as error:
            if not self._is_failing:
                log.warning("history.not_written", folder=str(self._folder), error=str(error))
            self._is_failing = True

    async def known(self, ends: Collection[float]) -> frozenset[int]:
        """When looks were taken that are on disk (ms), in the hours of these times. Raises
        `OSError`.
        """
        names = sorted({_file_name(end) for end in ends})
        return await asyncio.to_thread(
            lambda: frozenset(
                milliseconds(end)
                for name in names
                for page in _pages(_lines(self._folder / name))
                for end in page.ends
            )
        )

    async def read(
        self, group: str, since: datetime, until: datetime, into: Callable[[Sample], None]
    ) -> None:
        """Give every sample that may touch [since, until) to `into`, in another thread. Raises
        `OSError`.
        """
        recent = [Sample(look.end, look.took, look.groups[group]) for look in self._of(group)]
        unwritten = [line for _, line in list(self._unwritten)]  # another thread takes from it
        first, last = _file_name(since.timestamp()), _file_name(until.timestamp() + _PAGE)

        def read() -> None:
            files = [file for file in self._files() if first <= file.name <= last]
            for file in files[:-1]:
                for sample in _last_told(_samples(_lines(file), group)):
                    into(sample)
            lines = chain(_lines(files[-1]) if files else (), unwritten)
            for sample in _last_told(chain(_samples(lines, group), recent)):
                into(sample)

        await asyncio.to_thread(read)

    def _of(self, group: str) -> list[Look]:
        return [look for look in self._open if group in look.groups]

    def _write(self) -> None:
        while self._unwritten:
            name, line = self._unwritten[0]
            file = self._folder / name
            if not file.exists():
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._prune()
            with file.open("ab") as stream:
                stream.write(b"\n" + line)  # ends a line that a crash or a full disk cut short
            self._unwritten.popleft()

    def _prune(self) -> None:
        """Make room for one more file."""
        files = list(self._files())
        size = sum(file.stat().st_size for file in files)
        while files and (len(files) >= self._hours or size > self._largest):
            oldest = files.pop(0)
            size -= oldest.stat().st_size
            oldest.unlink()

    def _files(self) -> list[Path]:
        """Oldest first."""
        return sorted(self._folder.glob("*.jsonl"))


def _minute(end: float) -> int:
    return int(end // _PAGE)


def _file_name(end: float) -> str:
    """The file of an hour; the names are in order of time."""
    return f"{datetime.fromtimestamp(end // _HOUR * _HOUR, UTC):%Y-%m-%dT%H}.jsonl"


def _lines(file: Path) -> Iterator[bytes]:
    if file.exists():
        with file.open("rb") as stream:
            yield from stream


def _pages(lines: Iterable[bytes]) -> Iterator[Page]:
    for line in lines:
        page = parse_page(line)
        if page is not None:
            yield page


def _samples(lines: Iterable[bytes], group: str) -> Iterator[Sample]:
    for page in _pages(lines):
        yield from page.read(group)


def _last_told(samples: Iterable[Sample]) -> list[Sample]:
    """Without those of a time that came again: after the wall clock was set back, or because a
    page was written while it was read from memory, too.
    """
    told: list[Sample] = []
    for sample in samples:
        while told and (told[-1].middle > sample.begin + _ROUNDED or told[-1].end >= sample.end):
            told.pop()
        told.append(sample)
    return told
