"""An open loop: requests at a steady rate, whatever the service does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from time import monotonic
from types import TracebackType
from typing import Self

from turnout.testing.load.client import Client, Limits, build_target
from turnout.testing.load.report import Answer, Report

TIMEOUT = timedelta(seconds=30)
CONNECTIONS = 500
TICK = 0.001
"""Seconds. Event loops wait in whole milliseconds; less would spin."""


class Load:
    """`rate` requests a second from entering to leaving the context; every one of them is recorded.

    The n-th request is due n / rate seconds after the start, and its latency counts from then: a
    service that stalls cannot slow the load down and so hide its stall.

    A kept-alive connection may be closed by the service just as the next request is sent. With
    `strict` that request has failed; without, an idempotent one is sent once more on a new
    connection, as serious clients do, and counted in `reconnects`.
    """

    def __init__(
        self,
        url: str,
        *,
        rate: float,
        path: str = "/",
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        connections: int = CONNECTIONS,
        timeout: timedelta = TIMEOUT,
        strict: bool = False,
    ) -> None:
        self._target = build_target(url, path=path, method=method, headers=headers, strict=strict)
        self._limits = Limits(connections, timeout)
        self._rate = rate
        self._client: Client
        self._sent = 0
        self._start = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._final: Report | None = None

    async def __aenter__(self) -> Self:
        self._client = Client(self._target, self._limits, ended=_nothing)
        self._start = monotonic()
        self._tick()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop(timedelta(0) if kind else None)

    def report(self) -> Report:
        """Everything so far; after `stop`, everything."""
        return self._final or self._client.report()

    async def stop(self, within: timedelta | None = None) -> Report:
        """Send no more and wait for the answers under way, at most `within` (default: `timeout`).

        What has not been answered by then is recorded as failed. May be repeated.
        """
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._final is None:
            within = self._limits.timeout + timedelta(seconds=1) if within is None else within
            await self._client.close(within)
            self._final = self._client.report()
        return self._final

    async def await_answers(self, count: int, within: timedelta) -> None:
        """Wait until so many requests have ended. Raises `TimeoutError`, saying how far it got."""
        columns = self._client.columns
        await self._await(
            lambda: len(columns) >= count,
            within,
            lambda: f"{len(columns)} of {count} requests ended",
        )

    async def await_version(self, version: str, within: timedelta) -> Answer:
        """Wait until this version answers. Raises `TimeoutError`, saying which ones do."""
        texts = self._client.columns.versions.texts
        await self._await(
            lambda: version in texts, within, lambda: f"only versions {texts[1:]} answer"
        )
        found = self.report().first_of(version)
        assert found is not None  # noqa: S101 - a text is kept with its first row
        return found

    async def _await(
        self, holds: Callable[[], bool], within: timedelta, state: Callable[[], str]
    ) -> None:
        try:
            async with asyncio.timeout(within.total_seconds()):
                while not holds():
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise TimeoutError(f"{state()} within {within.total_seconds():g} s") from None

    def _tick(self) -> None:
        now = monotonic()
        while (due := self._start + self._sent / self._rate) <= now:
            self._client.send(due)
            self._sent += 1
        delay = max(due - now, TICK)
        self._timer = asyncio.get_running_loop().call_later(delay, self._tick)


def _nothing() -> None:
    """Nobody waits for single requests."""
