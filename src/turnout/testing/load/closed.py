"""A closed loop: so many connections, each sends its next request when its last one is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from time import monotonic

from turnout.testing.load.client import Client, Limits, build_target
from turnout.testing.load.report import Report
from turnout.testing.load.steady import TIMEOUT


async def closed_loop(
    url: str,
    *,
    connections: int,
    requests: int,
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    timeout: timedelta = TIMEOUT,
    strict: bool = False,
    until: asyncio.Event | None = None,
) -> Report:
    """Send so many requests, as fast as the answers come; fewer when `until` is set before.

    For counting losses, not for latencies: a stalled service gets fewer requests.
    """
    run = _Run(requests, until or asyncio.Event())
    target = build_target(url, path=path, method="GET", headers=headers, strict=strict)
    client = Client(target, Limits(connections, timeout), ended=lambda: run.ended(client))
    for _ in range(connections):
        run.go_on(client)
    await run.is_over.wait()
    await client.close(timeout + timedelta(seconds=1))
    return client.report()


class _Run:
    """What is left to be sent."""

    def __init__(self, requests: int, until: asyncio.Event) -> None:
        self.is_over = asyncio.Event()
        self._left = requests
        self._under_way = 0
        self._until = until
        self._loop = asyncio.get_running_loop()

    def go_on(self, client: Client) -> None:
        """Send one more request, if there is one, after the caller is done with its connection."""
        if self._left and not self._until.is_set():
            self._left -= 1
            self._under_way += 1
            self._loop.call_soon(lambda: client.send(monotonic()))
        elif not self._under_way:
            self.is_over.set()

    def ended(self, client: Client) -> None:
        self._under_way -= 1
        self.go_on(client)
