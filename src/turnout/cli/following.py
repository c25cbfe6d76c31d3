"""Watching a deployment until it ends, also across a restart of the server."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from turnout.cli.answers import ClusterView, DeploymentView, read_answer
from turnout.cli.client import Client, Json
from turnout.cli.errors import CommandError, Unreachable
from turnout.cli.sse import Message, parse_messages
from turnout.model.deployment import Status
from turnout.model.journal import Event

QUIET = 25.0
"""The server sends a sign of life every 10 s; a stream silent for this long is dead."""

REFRESH = 1.0
"""Seconds between looks when no event comes."""

_RECONNECT = 0.3

_BREATH = 0.05
"""Seconds between looks while events come in numbers."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the server says about a deployment at one moment."""

    document: Json
    view: DeploymentView
    cluster: ClusterView | None = None
    lost: str = ""
    """Why the server does not answer now; the rest is what it said last."""


class News:
    """Listens to events in a thread of its own, which ends with the stream or the process."""

    def __init__(self, client: Client, cluster: str) -> None:
        self.messages: deque[Message] = deque(maxlen=1000)
        self._client = client
        self._cluster = cluster
        self._last = ""
        self._came = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="turnout-events", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening at the next sign of life."""
        self._closed.set()

    def wait(self, seconds: float) -> bool:
        """Wait for an event, at most so long; whether one came."""
        came = self._came.wait(seconds)
        self._came.clear()
        return came

    def _listen(self) -> None:
        while not self._closed.is_set():
            with suppress(CommandError):  # whoever looks at the deployment notices and says so
                try:
                    self._read()
                except RuntimeError:  # the client was closed between the question and the request
                    if not self._closed.is_set():
                        raise
            self._closed.wait(_RECONNECT)

    def _read(self) -> None:
        with self._client.events(quiet=QUIET, last=self._last, cluster=self._cluster) as lines:
            self._came.set()  # what happened before is seen by looking
            for message in parse_messages(lines):
                if self._closed.is_set():
                    break
                if message is not None:
                    self._last = message.id or self._last
                    self.messages.append(message)
                    self._came.set()


@contextmanager
def listening(client: Client, cluster: str) -> Iterator[News]:
    """News of a cluster, for as long as the block lasts."""
    news = News(client, cluster)
    news.start()
    try:
        yield news
    finally:
        news.close()


def follow(
    client: Client,
    deployment: str,
    news: News,
    *,
    cluster: str,
    state: bool,
    tick: float,
    patience: float,
) -> Iterator[Snapshot]:
    """A snapshot every `tick` seconds and at every event, until it has ended.

    Of the cluster's state too: with `state` always, otherwise only while it waits for its turn.
    Raises `Unreachable` when the server has not answered for `patience` seconds.
    """
    snapshot, looked, heard = None, 0.0, time.monotonic()
    woken = False
    while True:
        now = time.monotonic()
        if snapshot is None or now - looked >= (_BREATH if woken else REFRESH):
            looked, woken = now, False
            try:
                snapshot = _look(client, deployment, cluster, state=state)
                heard = now
            except Unreachable as error:
                if snapshot is None or now - heard > patience:
                    raise
                snapshot = Snapshot(
                    snapshot.document, snapshot.view, snapshot.cluster, error.message
                )
        yield snapshot
        if snapshot.view.record.status.is_end:
            return
        woken = news.wait(_BREATH if woken else tick) or woken


def _look(client: Client, deployment: str, cluster: str, *, state: bool) -> Snapshot:
    document = client.deployment(deployment)
    view = read_answer(DeploymentView, document)
    if not state and view.record.status is not Status.QUEUED:
        return Snapshot(document, view)
    found: ClusterView | None
    try:
        found = read_answer(ClusterView, client.cluster(cluster))
    except Unreachable:
        raise
    except CommandError:
        found = None  # a first deployment may not have a cluster yet
    return Snapshot(document, view, found)


def every_event(client: Client, cluster: str, *, patience: float) -> Iterator[tuple[Event, Json]]:
    """All events from now on. Raises `Unreachable` when the server is away for so many seconds."""
    wanted = {"cluster": cluster} if cluster else {}
    last, heard = "", time.monotonic()
    while True:
        try:
            with client.events(quiet=QUIET, last=last, **wanted) as lines:
                for message in parse_messages(lines):
                    heard = time.monotonic()
                    if message is None:
                        continue
                    last = message.id or last
                    document = json.loads(message.data)
                    yield read_answer(Event, document), document
        except Unreachable:
            if not last or time.monotonic() - heard > patience:
                raise
        time.sleep(_RECONNECT)
