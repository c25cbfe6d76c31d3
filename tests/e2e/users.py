"""Users of a service: requests at a steady rate, slow ones, websockets and event streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from turnout.testing.holders import Holder, hold_events, hold_websockets
from turnout.testing.load import Answer, LoadProcess, Report, merge

RATE = 100.0
SLOW = 3.0
"""Requests a second; each takes one."""

WITHIN = timedelta(seconds=60)


@dataclass
class Users:
    """All users of one service, still at it."""

    fast: LoadProcess
    slow: LoadProcess
    websockets: Holder
    streams: Holder

    async def leave(self) -> Seen:
        """Wait for all answers; what they saw."""
        fast, slow = await self.fast.stop(), await self.slow.stop()
        torn = [*(await self.websockets.stop()).lost, *(await self.streams.stop()).lost]
        return Seen(merge(fast, slow), tuple(f"version {e.version or '-'}: {e.how}" for e in torn))


@dataclass(frozen=True)
class Seen:
    """What users saw, every request accounted for."""

    report: Report
    torn: tuple[str, ...]
    """Websockets and streams that did not end in order."""

    @property
    def lost(self) -> int:
        """Requests without an answer, or with one of 500 and above."""
        return self.report.failed + self.report.unaccounted

    def tell(self, name: str, *, kills: int = 0, resumed: float | None = None) -> None:
        """The one line about a test under fire."""
        worst = "" if resumed is None else f", worst resume {resumed:.2f} s"
        print(  # noqa: T201 - the figures that are asked for
            f"\nUNDER FIRE {name}: {self.report.requests} requests, {self.lost} lost,"
            f" {len(self.torn)} connections torn, {kills} kills{worst},"
            f" p99 {self.report.latency_ms(99, version=None):.0f} ms,"
            f" own lag {self.report.lag_ms:.0f} ms"
        )

    def assert_nothing_lost(self) -> None:
        """Not one request, and no connection that was not ended in order."""
        assert self.report.requests > 0
        assert self.lost == 0, "\n".join(map(str, self.report.failures()))
        assert not self.torn, self.torn

    def failures(self) -> list[Answer]:
        """Every single request that was lost."""
        return list(self.report.failures(limit=1_000_000))


@asynccontextmanager
async def using(port: int, *, rate: float = RATE) -> AsyncIterator[Users]:
    """Users of the service on this port, until they leave or the block ends."""
    url = f"http://127.0.0.1:{port}"
    fast = LoadProcess(url, rate=rate, strict=True, timeout=WITHIN)
    slow = LoadProcess(url, rate=SLOW, path="/slow?ms=1000", strict=True, timeout=WITHIN)
    websockets = hold_websockets(f"ws://127.0.0.1:{port}/ws", count=3, patience=WITHIN)
    streams = hold_events(f"{url}/events", count=2, patience=WITHIN)
    async with AsyncExitStack() as stack:
        for one in (fast, slow, websockets, streams):
            await stack.enter_async_context(one)
        await websockets.await_open(WITHIN)
        await streams.await_open(WITHIN)
        yield Users(fast, slow, websockets, streams)
