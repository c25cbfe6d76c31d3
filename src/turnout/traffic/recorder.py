"""The port `Metrics`: what the router counted within a window of time.

Samples the router's counters about once a second and keeps what was added since the sample before:
of the last ten minutes in flat arrays, where an idle group costs nothing, a busy one about 100
bytes a second; of all the time in a history on disk. A diary has the counters of the last minutes:
after a restart, also a sudden one, no request is missing, not even those that were served while
nobody sampled.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from bisect import bisect_right
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from turnout.history import History, Look, Sample, Values
from turnout.history.pages import milliseconds
from turnout.model.errors import AdapterError, Temporary
from turnout.model.traffic import GroupTraffic
from turnout.traffic.columns import build_values, read_traffic
from turnout.traffic.diary import Entry, Key, TrafficDiary
from turnout.traffic.timeline import Timeline

log = structlog.get_logger(__name__)

Counted = Mapping[str, Mapping[str, GroupTraffic]]
"""Per cluster and server group."""

KEPT = timedelta(minutes=10)
_INTERVAL = timedelta(seconds=1)
_LONG = 2.5
"""Seconds; a sample over more time than that belongs to a window only if it begins in it."""

_FRESH = 0.25
"""Seconds; a younger sample is good enough for a window that reaches until now."""

_ANSWERS = 500
"""Windows of the past whose figures are remembered when their samples are gone."""

_Window = tuple[str, str, datetime, datetime]

_COUNTERS = 5
_LARGEST = 2**32 - 1


class TrafficSource(Protocol):
    """Who counts."""

    async def observe_counters(self) -> tuple[str, Counted]:
        """Counters of every cluster with a listener, and which run of the router has counted: the
        next one begins at 0. Raises `AdapterError`.
        """
        ...


class _Series:
    """What was added to one group's counters, per sample, and when."""

    def __init__(self, run: str, first: GroupTraffic) -> None:
        self.last = first
        self._run = run
        self._bounds: tuple[float, ...] = ()
        self._begins, self._ends = array("d"), array("d")
        self._rows = array("I")

    @property
    def is_empty(self) -> bool:
        return not self._ends

    @property
    def _width(self) -> int:
        return _COUNTERS + len(self._bounds)

    def append(self, begin: float, end: float, run: str, now: GroupTraffic) -> GroupTraffic | None:
        """Take the counters at `end`; `begin` is when the sample before was taken. Those of another
        run, and lower ones than before, mean that counting began anew.

        Returns what was added; None when that is not known, because after a long time in which
        nobody looked counting has begun anew.
        """
        is_anew = run != self._run or now.requests < self.last.requests
        before = GroupTraffic() if is_anew else self.last
        self._fit(tuple(bound for bound, _ in now.latency_ms))
        row = [
            min(_LARGEST, max(0, new - old))
            for new, old in zip(self._flat(now), self._flat(before), strict=True)
        ]
        self._run, self.last = run, now
        if any(row):
            self._begins.append(begin)
            self._ends.append(end)
            self._rows.extend(row)
        return None if is_anew and end - begin > _LONG else self._traffic(row)

    def drop_before(self, at: float) -> None:
        count = bisect_right(self._ends, at)
        if count:
            del self._begins[:count]
            del self._ends[:count]
            del self._rows[: count * self._width]

    def total(self, since: float, until: float) -> GroupTraffic:
        """The sum of the samples taken after `since`, at the latest at `until`."""
        first, last = bisect_right(self._ends, since), bisect_right(self._ends, until)
        if first < last and self._begins[first] < since - _LONG:
            first += 1
        rows = self._rows[first * self._width : last * self._width]
        sums = [sum(rows[column :: self._width]) for column in range(self._width)]
        return self._traffic(sums)

    def _fit(self, bounds: tuple[float, ...]) -> None:
        """The histogram comes after the first requests: give earlier samples empty buckets."""
        if bounds and bounds != self._bounds:
            wide = array("I")
            for start in range(0, len(self._rows), self._width):
                wide.extend(self._rows[start : start + _COUNTERS])
                wide.extend([0] * len(bounds))
            self._bounds, self._rows = bounds, wide

    def _flat(self, traffic: GroupTraffic) -> list[int]:
        buckets, t = dict(traffic.latency_ms), traffic
        counters = (t.requests, t.failed, t.client_errors, t.timeouts, t.resets)
        return [*counters, *(buckets.get(bound, 0) for bound in self._bounds)]

    def _traffic(self, row: Sequence[int]) -> GroupTraffic:
        requests, failed, client_errors, timeouts, resets, *buckets = row
        return GroupTraffic(
            requests=requests,
            failed=failed,
            client_errors=client_errors,
            timeouts=timeouts,
            resets=resets,
            active=self.last.active,
            latency_ms=tuple(zip(self._bounds, buckets, strict=True)),
        )


class TrafficRecorder:
    """Call `run` once and leave it running; ask for windows at any time."""

    def __init__(
        self,
        source: TrafficSource,
        diary: TrafficDiary | None = None,
        history: History | None = None,
        *,
        interval: timedelta = _INTERVAL,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._source = source
        self._diary = diary
        self._history = history
        self._interval = interval
        self._clock = clock
        self._wall = wall
        self._timeline = Timeline()
        self._series: dict[Key, _Series] = {}
        self._sampled_at: float | None = None
        self._answered: dict[_Window, GroupTraffic] = {}
        self._is_unwritten = False
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Sample, until cancelled; what is not yet in the history is written then. Never raises an
        error of the router: it may come back.
        """
        try:
            while True:
                with suppress(AdapterError):
                    await self.sample()
                await asyncio.sleep(_until_next(self._wall(), self._interval))
        finally:
            if self._history is not None:
                await self._history.flush()

    async def sample(self) -> None:
        """Read the counters now. Raises `AdapterError`."""
        async with self._lock:
            if self._sampled_at is None and self._diary is not None:
                await self._remember(self._diary)
            run, counted = await self._source.observe_counters()
            at, wall = self._look_at_clocks()
            seen = {(c, g): t for c, groups in counted.items() for g, t in groups.items()}
            took, added = self._note(at, run, seen)
            self._forget(at, seen)
            if self._diary is not None:
                await self._write(self._diary, Entry(wall.timestamp(), run, seen))
            if self._history is not None and took is not None:
                # After the diary: what is in neither is never taken for something new.
                await self._history.note(Look(wall.timestamp(), took, added))

    async def _remember(self, diary: TrafficDiary) -> None:
        """What was sampled before this process was started."""
        now, _ = self._look_at_clocks()
        try:
            entries = await asyncio.to_thread(lambda: list(diary.read()))
            known = await self._known(entries)
        except OSError as error:
            log.warning("figures.not_read", error=str(error))
            return
        for entry in entries:
            at = self._timeline.place(datetime.fromtimestamp(entry.at, UTC))
            if at <= now:
                took, added = self._note(at, entry.run, entry.seen)
                if self._history and took is not None and milliseconds(entry.at) not in known:
                    await self._history.note(Look(entry.at, max(0, took), added))
        if self._history is not None:
            await self._history.flush()  # the next restart may find another diary

    async def _known(self, entries: Sequence[Entry]) -> frozenset[int]:
        """When samples were taken that the history has."""
        if self._history is None:
            return frozenset()
        return await self._history.known([entry.at for entry in entries])

    async def _write(self, diary: TrafficDiary, entry: Entry) -> None:
        try:
            await asyncio.to_thread(diary.write, entry)
        except OSError as error:
            if not self._is_unwritten:
                log.warning("figures.not_written", error=str(error))
            self._is_unwritten = True
        else:
            self._is_unwritten = False

    async def observe_window(
        self, cluster: str, group: str, since: datetime, until: datetime
    ) -> GroupTraffic:
        """As the port says; setting the wall clock does not matter, not even within the window.
        Raises `AdapterError` when the window reaches until now and nobody counts.
        """
        clock, _ = self._look_at_clocks()
        start, end = self._timeline.place(since), self._timeline.place(until)
        if end > clock - _FRESH and not self._is_fresh(clock):
            await self.sample()
            end = max(end, self._sampled_at or end)
        asked = (cluster, group, since, until)
        if asked in self._answered:
            self._remember_answer(asked, self._answered.pop(asked))  # the last to be forgotten
            return self._answered[asked]
        found = await self._find(asked, start, end)
        if end < clock - _LONG:  # it is over, and nothing can be added to it any more
            self._remember_answer(asked, found)
        return found

    async def _find(self, asked: _Window, start: float, end: float) -> GroupTraffic:
        cluster, group, since, until = asked
        is_recent = self._sampled_at is None or start > self._sampled_at - KEPT.total_seconds()
        if self._history is not None and not is_recent:
            return await self._look_up(self._history, group, since, until)
        series = self._series.get((cluster, group))
        return GroupTraffic() if series is None else series.total(start, end)

    async def _look_up(
        self, history: History, group: str, since: datetime, until: datetime
    ) -> GroupTraffic:
        """What is not in memory any more. Raises `Temporary`."""
        found: list[Values] = []

        def take(sample: Sample) -> None:
            is_in = since.timestamp() < sample.end <= until.timestamp()
            if is_in and (sample.took <= _LONG or sample.begin >= since.timestamp()):
                found.append(sample.values)

        try:
            await history.read(group, since, until, take)
        except OSError as error:
            raise Temporary(f"the figures of {group} cannot be read: {error}") from error
        return read_traffic(found)

    def _remember_answer(self, asked: _Window, found: GroupTraffic) -> None:
        """A watch compares with the same past for as long as it lasts, be it hours."""
        self._answered[asked] = found
        while len(self._answered) > _ANSWERS:
            del self._answered[next(iter(self._answered))]

    def _look_at_clocks(self) -> tuple[float, datetime]:
        clock, wall = self._clock(), self._wall()
        self._timeline.look(wall, clock)
        return clock, wall

    def _is_fresh(self, clock: float) -> bool:
        return self._sampled_at is not None and clock - self._sampled_at < _FRESH

    def _note(
        self, at: float, run: str, seen: Mapping[Key, GroupTraffic]
    ) -> tuple[float | None, dict[str, Values]]:
        """Counters that are there at the first look were counted before; those of a group that
        appears later begin at 0.

        Returns the time since the look before (None: there was none), and what each group has got
        in it.
        """
        before = self._sampled_at
        added: dict[str, Values] = {}
        for key, traffic in seen.items():
            series = self._series.get(key)
            if series is None:
                first = traffic if before is None else GroupTraffic()
                series = self._series[key] = _Series(run, first)
            row = series.append(at if before is None else before, at, run, traffic)
            if row is not None:
                added[key[1]] = build_values(row)
        self._sampled_at = at
        return (None if before is None else at - before), added

    def _forget(self, at: float, seen: Container[Key]) -> None:
        """What is too old, and groups that are gone."""
        oldest = at - KEPT.total_seconds()
        self._timeline.forget_before(oldest)
        for key, series in list(self._series.items()):
            series.drop_before(oldest)
            if key not in seen and series.is_empty:
                del self._series[key]


def _until_next(wall: datetime, interval: timedelta) -> float:
    """Seconds until the next whole interval of the wall clock, so that samples fall on steps; at
    least a tenth of one.
    """
    every = interval.total_seconds()
    left = every - wall.timestamp() % every
    return left if left > every / 10 else left + every
