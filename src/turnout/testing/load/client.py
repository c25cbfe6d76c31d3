"""Sends requests over kept-alive connections and records how each of them ended, exactly once.

One request per connection at a time. Connections are opened as they are needed, up to a bound;
beyond it requests wait, and their latency goes on counting. A request without a free connection is
bound to the new one that is opened for it: when that fails, the request has failed, as it would
have for a user who comes just then.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic, time
from typing import cast
from urllib.parse import urlsplit

from turnout.testing.load.record import Columns, Row
from turnout.testing.load.reply import MalformedReply, Reply, ReplyReader
from turnout.testing.load.report import Counts, Report

SWEEP_EVERY = 0.1
"""Seconds between two looks for requests that have run out of time."""

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, and how they look on the wire."""

    host: str
    port: int
    payload: bytes
    may_repeat: bool
    """Whether a request may be sent again when its kept-alive connection turns out to be closed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a client."""

    connections: int
    """At most so many at once."""
    timeout: timedelta
    """A request that has no answer by then has failed."""


def build_target(
    url: str, *, path: str, method: str, headers: Mapping[str, str] | None, strict: bool
) -> Target:
    """Build the request that is sent over and over. Raises `ValueError` for anything but http."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"cannot put load on {url!r}: expected http://host:port")
    if method == "HEAD":
        raise ValueError("HEAD is not supported: its answers announce a body that never comes")
    fields = {"host": parts.netloc, "user-agent": "turnout-load"}
    fields |= {name.lower(): value for name, value in (headers or {}).items()}
    if method not in {"GET", "OPTIONS", "DELETE"}:
        fields["content-length"] = "0"
    lines = [f"{method} {parts.path.rstrip('/')}{path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    payload = "\r\n".join([*lines, "", ""]).encode("latin-1")
    may_repeat = method in IDEMPOTENT and not strict
    return Target(parts.hostname, parts.port or 80, payload, may_repeat)


class _Request:
    """A request under way. Times on the monotonic clock: uvloop's own knows only milliseconds."""

    __slots__ = ("connection", "due", "is_repeated", "sent")

    def __init__(self, due: float) -> None:
        self.due = due
        self.sent = 0.0
        self.is_repeated = False
        self.connection: _Connection | None = None


class Client:
    """The connections to one target. `ended` is called after each request's end.

    Belongs to the running loop. `send` never blocks and never raises: whatever happens to the
    request is in the report.
    """

    def __init__(self, target: Target, limits: Limits, ended: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoch = time() - monotonic()
        self._target = target
        self._limits = limits
        self._timeout = limits.timeout.total_seconds()
        self._ended = ended
        self._columns = Columns()
        self._started = self._reconnects = self._idle_closed = self._opened = 0
        self._lag = 0.0
        self._under_way: set[_Request] = set()
        self._waiting: deque[_Request] = deque()
        self._idle: list[_Connection] = []
        self._connections: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._sweeper = self._loop.call_later(SWEEP_EVERY, self._sweep)

    @property
    def under_way(self) -> int:
        """How many requests have not ended."""
        return len(self._under_way)

    @property
    def columns(self) -> Columns:
        """The rows so far; they go on growing."""
        return self._columns

    def report(self) -> Report:
        """Everything so far."""
        counts = Counts(
            started=self._started,
            reconnects=self._reconnects,
            idle_closed=self._idle_closed,
            connections=self._opened,
            lag=self._lag,
        )
        return Report(self._columns.copy(), counts)

    def send(self, due: float) -> None:
        """Send a request that was due at this time of the monotonic clock."""
        request = _Request(due)
        self._started += 1
        self._lag = max(self._lag, monotonic() - due)
        self._under_way.add(request)
        self._dispatch(request)

    async def close(self, within: timedelta) -> None:
        """Wait for what is under way, record as failed what has not ended in time, disconnect."""
        deadline = monotonic() + within.total_seconds()
        while self._under_way and monotonic() < deadline:
            await asyncio.sleep(0.005)
        self._is_closed = True
        self._sweeper.cancel()
        for request in list(self._under_way):
            waited = monotonic() - request.due
            self._fail(request, f"no answer after {waited:.1f} s, when the load was stopped")
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for connection in self._connections:
            connection.retire()
        while self._connections:
            await asyncio.sleep(0)

    def _dispatch(self, request: _Request) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                self._put(request, connection)
                return
        if self._has_room:
            self._open_for(request)
        else:
            self._waiting.append(request)

    @property
    def _has_room(self) -> bool:
        return len(self._connections) + len(self._opening) < self._limits.connections

    def _open_for(self, request: _Request) -> None:
        task = self._loop.create_task(self._open(request))
        self._opening.add(task)
        task.add_done_callback(self._opening_ended)

    def _opening_ended(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        self._serve_waiting()

    def _put(self, request: _Request, connection: _Connection) -> None:
        request.connection = connection
        request.sent = monotonic()
        connection.send(request, self._target.payload)

    async def _open(self, request: _Request) -> None:
        host, port = self._target.host, self._target.port
        try:
            async with asyncio.timeout(self._timeout):
                _, connection = await self._loop.create_connection(
                    lambda: _Connection(self), host, port
                )
        except TimeoutError:
            self._fail(request, f"no connection to {host}:{port} within {self._timeout:g} s")
            return
        except OSError as error:
            self._fail(request, f"no connection to {host}:{port}: {_reason(error)}")
            return
        self._opened += 1
        if request not in self._under_way:
            self._free(connection)
        elif connection.is_usable:
            self._put(request, connection)
        else:
            self._fail(request, "connection closed as soon as it was open")

    def replied(self, connection: _Connection, request: _Request, reply: Reply) -> None:
        """A connection has read the answer to its request."""
        self._end(request, reply.status, reply.version, reply.excerpt)
        if reply.keeps_alive:
            self._free(connection)
        else:
            connection.retire()

    def broken(self, request: _Request, error: str, *, may_repeat: bool) -> None:
        """A connection was lost under its request.

        `may_repeat`: it was a reused connection, and no byte of the answer had come.
        """
        if request not in self._under_way:
            return
        if may_repeat and self._target.may_repeat and not request.is_repeated:
            self._reconnects += 1
            request.is_repeated = True
            request.connection = None
            self._open_for(request)  # takes the place of the one just lost
        else:
            self._fail(request, error)

    def made(self, connection: _Connection) -> None:
        """A connection is open."""
        self._connections.add(connection)

    def lost(self, connection: _Connection, *, was_idle: bool) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        self._idle_closed += was_idle
        if was_idle and connection in self._idle:
            self._idle.remove(connection)
        self._serve_waiting()

    def _serve_waiting(self) -> None:
        """There is room for new connections."""
        while self._has_room and not self._is_closed and (request := self._next_waiting()):
            self._open_for(request)

    def _free(self, connection: _Connection) -> None:
        request = self._next_waiting()
        if request:
            self._put(request, connection)
        else:
            self._idle.append(connection)

    def _next_waiting(self) -> _Request | None:
        while self._waiting:
            request = self._waiting.popleft()
            if request in self._under_way:
                return request
        return None

    def _sweep(self) -> None:
        limit = monotonic() - self._timeout
        for request in [r for r in self._under_way if r.due < limit]:
            connection = request.connection
            waited = "answer" if connection else "free connection"
            self._fail(request, f"no {waited} within {self._timeout:g} s")
            if connection:
                connection.retire()
        self._sweeper = self._loop.call_later(SWEEP_EVERY, self._sweep)

    def _fail(self, request: _Request, error: str) -> None:
        if request in self._under_way:
            self._end(request, 0, "", error)

    def _end(self, request: _Request, status: int, version: str, error: str) -> None:
        self._under_way.discard(request)
        now, due = monotonic(), request.due
        wait = (request.sent or now) - due
        row = Row(due + self._epoch, wait, now - due, status, version, error, request.is_repeated)
        self._columns.append(row)
        self._ended()


class _Connection(asyncio.Protocol):
    """One connection: at most one request at a time."""

    __slots__ = ("_client", "_has_served", "_is_retired", "_reader", "_request", "_transport")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reader = ReplyReader()
        self._request: _Request | None = None
        self._has_served = False
        self._is_retired = False
        self._transport: asyncio.Transport

    @property
    def is_usable(self) -> bool:
        """Whether a request may be sent: nothing tells of an end yet."""
        return not self._is_retired and not self._transport.is_closing()

    def send(self, request: _Request, payload: bytes) -> None:
        self._request = request
        self._transport.write(payload)

    def retire(self) -> None:
        """Close; the request that it may still have is somebody else's business now."""
        self._is_retired = True
        self._request = None
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._client.made(self)

    def data_received(self, data: bytes) -> None:
        request = self._request
        if request is None:
            self._is_retired = True
            self._transport.abort()
            return
        try:
            reply = self._reader.feed(data)
        except MalformedReply as error:
            self.retire()
            self._client.broken(request, f"malformed answer: {error}", may_repeat=False)
            return
        if reply is not None:
            self._replied(request, reply)

    def connection_lost(self, exc: Exception | None) -> None:
        request, self._request = self._request, None
        was_idle = request is None and not self._is_retired
        self._is_retired = True
        if request is not None:
            self._torn(request, exc)
        self._client.lost(self, was_idle=was_idle)

    def _replied(self, request: _Request, reply: Reply) -> None:
        self._request = None
        self._has_served = True
        self._client.replied(self, request, reply)

    def _torn(self, request: _Request, exc: Exception | None) -> None:
        reply = self._reader.end() if exc is None else None
        if reply is not None:
            self._replied(request, reply)
            return
        has_begun = self._reader.has_begun
        when = "in mid-answer" if has_begun else "before any byte of an answer"
        reason = f": {_reason(exc)}" if exc else ""
        reused = " (a reused connection)" if self._has_served else ""
        may_repeat = self._has_served and not has_begun
        error = f"connection closed {when}{reused}{reason}"
        self._client.broken(request, error, may_repeat=may_repeat)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)  # asyncio and uvloop put it in different words
    return str(error) or type(error).__name__
