"""The port `Metrics`: what the router counted within a window of the last ten minutes.

Samples the router's counters about once a second and keeps what was added since the sample before,
in flat arrays: an idle group costs nothing, a busy one about 100 bytes a second. Memory only; after
a restart the windows begin anew.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from turnout.model.errors import AdapterError
from turnout.model.traffic import GroupTraffic
from turnout.traffic.timeline import Timeline

log = structlog.get_logger(__name__)

Counted = Mapping[str, Mapping[str, GroupTraffic]]
"""Per cluster and server group."""

_KEPT = timedelta(minutes=10)
_INTERVAL = timedelta(seconds=1)
_FRESH = 0.25
"""Seconds; a younger sample is good enough for a window that reaches until now."""

_COUNTERS = 3
_LARGEST = 2**32 - 1


class TrafficSource(Protocol):
    """Who counts."""

    async def observe_all_traffic(self) -> Counted:
        """Counters of every cluster with a listener. Raises `AdapterError`."""
        ...


class _Series:
    """What was added to one group's counters, per sample, and when."""

    def __init__(self, first: GroupTraffic) -> None:
        self.last = first
        self._bounds: tuple[float, ...] = ()
        self._times = array("d")
        self._rows = array("I")

    @property
    def is_empty(self) -> bool:
        return not self._times

    @property
    def _width(self) -> int:
        return _COUNTERS + len(self._bounds)

    def append(self, at: float, now: GroupTraffic) -> None:
        """Take the counters; lower ones than before mean that counting began anew."""
        before = GroupTraffic() if now.requests < self.last.requests else self.last
        self._fit(tuple(bound for bound, _ in now.latency_ms))
        row = [
            min(_LARGEST, max(0, new - old))
            for new, old in zip(self._flat(now), self._flat(before), strict=True)
        ]
        self.last = now
        if any(row):
            self._times.append(at)
            self._rows.extend(row)

    def drop_before(self, at: float) -> None:
        count = bisect_right(self._times, at)
        if count:
            del self._times[:count]
            del self._rows[: count * self._width]

    def total(self, since: float, until: float) -> GroupTraffic:
        """The sum of the samples taken after `since`, at the latest at `until`."""
        first, last = bisect_right(self._times, since), bisect_right(self._times, until)
        rows = self._rows[first * self._width : last * self._width]
        sums = [sum(rows[column :: self._width]) for column in range(self._width)]
        return GroupTraffic(
            requests=sums[0],
            failed=sums[1],
            client_errors=sums[2],
            active=self.last.active,
            latency_ms=tuple(zip(self._bounds, sums[_COUNTERS:], strict=True)),
        )

    def _fit(self, bounds: tuple[float, ...]) -> None:
        """The histogram comes after the first requests: give earlier samples empty buckets."""
        if bounds and bounds != self._bounds:
            wide = array("I")
            for start in range(0, len(self._rows), self._width):
                wide.extend(self._rows[start : start + _COUNTERS])
                wide.extend([0] * len(bounds))
            self._bounds, self._rows = bounds, wide

    def _flat(self, traffic: GroupTraffic) -> list[int]:
        buckets = dict(traffic.latency_ms)
        counters = (traffic.requests, traffic.failed, traffic.client_errors)
        return [*counters, *(buckets.get(bound, 0) for bound in self._bounds)]


class TrafficRecorder:
    """Call `run` once and leave it running; ask for windows at any time."""

    def __init__(
        self,
        source: TrafficSource,
        *,
        interval: timedelta = _INTERVAL,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._source = source
        self._interval = interval
        self._clock = clock
        self._wall = wall
        self._timeline = Timeline()
        self._series: dict[tuple[str, str], _Series] = {}
        self._sampled_at: float | None = None
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Sample, until cancelled. Never raises an error of the router: it may come back."""
        while True:
            with suppress(AdapterError):
                await self.sample()
            await asyncio.sleep(self._interval.total_seconds())

    async def sample(self) -> None:
        """Read the counters now. Raises `AdapterError`."""
        async with self._lock:
            counted = await self._source.observe_all_traffic()
            self._note(self._look_at_clocks(), counted)

    async def observe_window(
        self, cluster: str, group: str, since: datetime, until: datetime
    ) -> GroupTraffic:
        """As the port says; setting the wall clock does not matter, not even within the window.
        Raises `AdapterError` when the window reaches until now and nobody counts.
        """
        clock = self._look_at_clocks()
        start, end = self._timeline.place(since), self._timeline.place(until)
        if end > clock - _FRESH and not self._is_fresh(clock):
            await self.sample()
            end = max(end, self._sampled_at or end)
        series = self._series.get((cluster, group))
        return GroupTraffic() if series is None else series.total(start, end)

    def _look_at_clocks(self) -> float:
        clock = self._clock()
        self._timeline.look(self._wall(), clock)
        return clock

    def _is_fresh(self, clock: float) -> bool:
        return self._sampled_at is not None and clock - self._sampled_at < _FRESH

    def _note(self, at: float, counted: Counted) -> None:
        is_first = self._sampled_at is None
        for cluster, groups in counted.items():
            for group, traffic in groups.items():
                self._append(at, (cluster, group), traffic, is_first=is_first)
        self._sampled_at = at
        self._timeline.forget_before(at - _KEPT.total_seconds())
        for key, series in list(self._series.items()):
            series.drop_before(at - _KEPT.total_seconds())
            if key[1] not in counted.get(key[0], {}) and series.is_empty:
                del self._series[key]

    def _append(
        self, at: float, key: tuple[str, str], traffic: GroupTraffic, *, is_first: bool
    ) -> None:
        """Counters that are there at the first look were counted before; those of a group that
        appears later begin at 0.
        """
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series(traffic if is_first else GroupTraffic())
        series.append(at, traffic)
