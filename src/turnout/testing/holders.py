"""Holds long-lived connections open as patient users do, and notes how each of them ended.

`hold_websockets` and `hold_events` each give a `Holder`. Whenever the service ends a connection,
another one is opened, so that the number stays the same.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Protocol, Self

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

IN_ORDER = frozenset({1000, 1001})
"""Closing codes of a websocket that say: all is well, I am done or going away."""

SECOND = timedelta(seconds=1)
PATIENCE = timedelta(seconds=10)
REOPEN_AFTER = 0.1
"""Seconds between a connection that could not be opened and the next attempt."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How the service ended a connection. `version` is empty when none was ever open."""

    version: str
    opened: datetime
    ended: datetime
    messages: int
    """How many messages had come: echoes or events."""
    in_order: bool
    how: str
    """In words: `1001 going away`, `connection lost`, `no echo within 10 s`."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a holder saw so far. `open` connections are open now; `endings` in their order."""

    open: int
    versions: dict[str, int]
    """How many of the open connections are held to which version."""
    messages: int
    """Echoes or events of all connections together."""
    endings: tuple[Ending, ...]

    @property
    def lost(self) -> tuple[Ending, ...]:
        """The connections that were not ended in order, or could not be opened."""
        return tuple(ending for ending in self.endings if not ending.in_order)


class Line(Protocol):
    """What a way of holding tells about the one connection that it holds."""

    def opened(self, version: str) -> None:
        """The connection is open, to this version."""
        ...

    def message(self) -> None:
        """A message came as it should."""
        ...


Hold = Callable[[Line], Awaitable[tuple[bool, str]]]
"""Opens one connection and holds it until the service ends it: whether in order, and how in words.

Cancelled, it closes its connection in order.
"""


class Holder:
    """Keeps `count` connections open from entering to leaving the context."""

    def __init__(self, hold: Hold, count: int) -> None:
        self._hold = hold
        self._count = count
        self._lines: set[_Line] = set()
        self._messages = 0
        self._endings: list[Ending] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._keep()) for _ in range(self._count)]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def report(self) -> Held:
        """What was seen so far."""
        open_lines = [line for line in self._lines if line.is_open]
        versions = Counter(line.version for line in open_lines)
        return Held(len(open_lines), dict(versions), self._messages, tuple(self._endings))

    async def stop(self) -> Held:
        """Close all connections; those are no endings, and `open` is as it was. May be repeated."""
        held = self.report()
        for task in self._tasks:
            task.cancel()
        failed = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for error in failed:
            if isinstance(error, Exception):
                raise error
        return Held(held.open, held.versions, self._messages, tuple(self._endings))

    async def await_open(self, within: timedelta, version: str | None = None) -> None:
        """Wait until all are open (to this version). Raises `TimeoutError`, saying what lacks."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                while not self._is_all_open(version):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            held = self.report()
            last = f"; the last one ended with: {held.endings[-1].how}" if held.endings else ""
            raise TimeoutError(
                f"{held.open} of {self._count} open after {within.total_seconds():g} s,"
                f" by version {held.versions}{last}"
            ) from None

    def _is_all_open(self, version: str | None) -> bool:
        held = self.report()
        return (held.open if version is None else held.versions.get(version, 0)) == self._count

    async def _keep(self) -> None:
        while True:
            line = _Line(self._heard)
            self._lines.add(line)
            try:
                in_order, how = await self._hold(line)
            finally:
                self._lines.discard(line)
            self._endings.append(line.ending(in_order, how))
            if not line.is_open:
                await asyncio.sleep(REOPEN_AFTER)

    def _heard(self) -> None:
        self._messages += 1


class _Line:
    """One connection, from before it is open to after it ended."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self.is_open = False
        self.version = ""
        self._since = datetime.now(UTC)
        self._messages = 0
        self._heard = heard

    def opened(self, version: str) -> None:
        self.is_open = True
        self.version = version
        self._since = datetime.now(UTC)

    def message(self) -> None:
        self._messages += 1
        self._heard()

    def ending(self, in_order: bool, how: str) -> Ending:
        now = datetime.now(UTC)
        return Ending(self.version, self._since, now, self._messages, in_order, how)


def hold_websockets(
    url: str,
    *,
    count: int,
    every: timedelta = SECOND,
    patience: timedelta = PATIENCE,
    headers: dict[str, str] | None = None,
) -> Holder:
    """Hold websockets (`ws://…`) to a service that says its version first and then echoes.

    Each sends a message every so often; an echo that is wrong or does not come within `patience`
    counts as a loss, as does any end but a close frame with 1000 or 1001.
    """

    async def hold(line: Line) -> tuple[bool, str]:
        try:
            async with connect(
                url,
                additional_headers=headers,
                open_timeout=patience.total_seconds(),
                close_timeout=patience.total_seconds(),
                ping_interval=None,
                proxy=None,
            ) as websocket:
                return await _echo(websocket, line, every, patience)
        except (OSError, TimeoutError, InvalidHandshake, InvalidMessage) as error:
            return False, f"not opened: {_reason(error)}"

    return Holder(hold, count)


def hold_events(
    url: str,
    *,
    count: int,
    patience: timedelta = PATIENCE,
    headers: dict[str, str] | None = None,
) -> Holder:
    """Hold streams of server-sent events (`http://…`) whose data are JSON objects with `version`.

    The end of the stream is in order; a torn connection, an error status, or no event within
    `patience` is a loss.
    """
    timeout = httpx2.Timeout(patience.total_seconds())
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # else every client loads all certificates

    async def hold(line: Line) -> tuple[bool, str]:
        try:
            async with (
                httpx2.AsyncClient(timeout=timeout, trust_env=False, verify=plain) as client,
                client.stream("GET", url, headers=headers) as response,
            ):
                if response.status_code != 200:
                    return False, f"not opened: status {response.status_code}"
                return await _listen(response, line)
        except httpx2.ReadTimeout:
            return False, f"no event within {patience.total_seconds():g} s"
        except httpx2.TransportError as error:
            return False, f"connection lost: {_reason(error)}"
        except (ValueError, KeyError, TypeError) as error:
            return False, f"malformed event: {_reason(error)}"

    return Holder(hold, count)


async def _echo(
    websocket: ClientConnection, line: Line, every: timedelta, patience: timedelta
) -> tuple[bool, str]:
    try:
        async with asyncio.timeout(patience.total_seconds()):
            line.opened(str(await websocket.recv()))
        for number in itertools.count():
            async with asyncio.timeout(patience.total_seconds()):
                await websocket.send(f"message {number}")
                answer = await websocket.recv()
            if answer != f"message {number}":
                return False, f"wrong echo: {answer!r} instead of 'message {number}'"
            line.message()
            await _closed_within(websocket, every)
    except TimeoutError:
        return False, f"no message within {patience.total_seconds():g} s"
    except ConnectionClosed as closed:
        return _read_close(closed)
    raise AssertionError("counting never ends")


async def _closed_within(websocket: ClientConnection, every: timedelta) -> None:
    """Wait for the next round, but notice at once when the service closes."""
    try:
        async with asyncio.timeout(every.total_seconds()):
            await websocket.wait_closed()
    except TimeoutError:
        return


def _read_close(closed: ConnectionClosed) -> tuple[bool, str]:
    if closed.rcvd is None:
        return False, f"connection lost without a closing frame: {closed}"
    reason = f" {closed.rcvd.reason}" if closed.rcvd.reason else ""
    return closed.rcvd.code in IN_ORDER, f"{closed.rcvd.code}{reason}"


async def _listen(response: httpx2.Response, line: Line) -> tuple[bool, str]:
    is_first = True
    async for text in response.aiter_lines():
        if not text.startswith("data:"):
            continue
        if is_first:
            line.opened(str(json.loads(text.removeprefix("data:"))["version"]))
            is_first = False
        line.message()
    return not is_first, "end of the stream" if not is_first else "ended before the first event"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
