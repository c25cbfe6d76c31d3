"""Tells Envoy what the facts say, in the order in which no request is lost.

An upstream is confirmed before a route leads to it, and goes only when no route leads to it and its
last request is done. Facts and routes change together: both are on disk beside their places before
either is put in place.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import structlog

from turnout.model.errors import AdapterError, Temporary
from turnout.traffic.envoy.admin import EnvoyAdmin
from turnout.traffic.envoy.bootstrap import (
    LISTENERS_FILE,
    SHARDS,
    STAT_PREFIX,
    UPSTREAMS_FILE,
    routes_file,
    routes_name,
    shard_of,
)
from turnout.traffic.envoy.document import (
    Question,
    Versions,
    WatchedFile,
    ask_routes,
    ask_subscription,
)
from turnout.traffic.envoy.fact import ClusterFact
from turnout.traffic.envoy.figures import parse_hosts
from turnout.traffic.envoy.ledger import Ledger
from turnout.traffic.envoy.listeners import build_listeners
from turnout.traffic.envoy.resources import Document
from turnout.traffic.envoy.routes import build_routes, read_facts
from turnout.traffic.envoy.upstreams import build_upstreams, group_of, routed

log = structlog.get_logger(__name__)

CONFIRMATION = timedelta(seconds=5)
"""How long Envoy may take to confirm; it needs milliseconds, a restart of it a second."""

_RETIREMENT = 2.0
"""Seconds for which an upstream must have been needed by nobody before it goes: Envoy's workers may
lead requests to it for some milliseconds more."""

_RETIRED = 20
"""So many old upstreams of a group stay for their last requests. Those of older ones finish too,
but are not seen any more when single instances are drained."""


class Publisher:
    """Owns the files that Envoy watches."""

    def __init__(self, folder: Path, admin: EnvoyAdmin, ledger: Ledger, log_file: Path) -> None:
        self._admin = admin
        self._ledger = ledger
        self._staging = folder / "new"
        self._versions = Versions()
        self._upstream_texts: dict[str, str] = {}
        self._confirmed_upstreams: frozenset[str] = frozenset()
        self._claims: dict[str, frozenset[str]] = {}
        """Upstreams of facts that are about to be put in place."""
        self._unneeded_since: dict[str, float] = {}
        self._has_changed = True
        self._listeners_asked = 0
        self._listeners_done = 0
        places = {"staging": self._staging, "log_file": log_file}
        cds, lds = ask_subscription("cluster_manager.cds"), ask_subscription("listener_manager.lds")
        self._upstreams = WatchedFile(folder / UPSTREAMS_FILE, cds, **places)
        self._listeners = WatchedFile(folder / LISTENERS_FILE, lds, **places)
        self._routes = tuple(
            WatchedFile(folder / routes_file(shard), _question(shard), **places)
            for shard in range(SHARDS)
        )

    def recover(self, known_broken: frozenset[str]) -> dict[str, bool]:
        """Learn lost facts again from what Envoy was last told. Says for each broken or missing
        cluster whether that worked.
        """
        found: dict[str, ClusterFact] = {}
        for file in self._routes:
            document = file.read()
            if document is not None:
                found |= _read_facts(file, document)
        lost = known_broken | {name for name in found if self._ledger.get(name) is None}
        for cluster in lost & found.keys():
            self._ledger.write(found[cluster])
        return {cluster: cluster in found for cluster in lost}

    async def restore(self, *, is_running: bool) -> None:
        """Have all files say what the facts say. Those that do already stay untouched."""
        self._staging.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in self._staging.iterdir():
            leftover.unlink(missing_ok=True)
        await self._restore_upstreams(is_running)
        for shard, file in enumerate(self._routes):
            wanted = build_routes("", shard, self._of_shard(shard))
            if not _says(file.read(), wanted):
                await self._write_routes(shard)
        if not _says(self._listeners.read(), build_listeners("", self._ledger)):
            await self._write_listeners()
            if is_running:
                # A listener that cannot be opened is no reason not to start.
                with contextlib.suppress(AdapterError):
                    await self._listeners.confirm(self._admin, CONFIRMATION)

    async def _restore_upstreams(self, is_running: bool) -> None:
        document = self._upstreams.read()
        present = {} if document is None else {u["name"]: u for u in document["resources"]}
        wanted = {name: u for f in self._ledger for name, u in build_upstreams(f).items()}
        self._upstream_texts = {n: _encode(u) for n, u in {**present, **wanted}.items()}
        if document is not None and wanted.keys() <= present.keys():
            self._confirmed_upstreams = frozenset(present)
            return
        async with self._upstreams.lock:
            await self._write_upstreams()
            if is_running:
                await self._upstreams.confirm(self._admin, CONFIRMATION)
            self._confirmed_upstreams = frozenset(self._upstream_texts)

    async def note_rejections(self) -> None:
        """Take what Envoy has rejected so far as known. Call it when an Envoy was found running."""
        for file in (self._upstreams, self._listeners, *self._routes):
            await file.note_rejections(self._admin)

    async def ensure_upstreams(self, fact: ClusterFact, *, is_running: bool) -> None:
        """Have Envoy confirm all upstreams that the fact needs, or, when it does not run, find them
        when it starts. Calls at the same time share the work. Raises `Temporary` and `Permanent`.
        """
        needed = build_upstreams(fact)
        self._claims[fact.cluster] = frozenset(needed)
        for name, upstream in needed.items():
            self._unneeded_since.pop(name, None)
            if name not in self._upstream_texts:
                self._upstream_texts[name] = _encode(upstream)
        async with self._upstreams.lock:
            if needed.keys() <= self._confirmed_upstreams:
                return
            written = frozenset(self._upstream_texts)
            await self._write_upstreams()
            if is_running:
                await self._upstreams.confirm(self._admin, CONFIRMATION)
            self._confirmed_upstreams = written

    async def switch(self, fact: ClusterFact) -> None:
        """Put the fact and its routes in place, together. Raises `Temporary`: nothing changed."""
        shard = shard_of(fact.cluster)
        file = self._routes[shard]
        async with file.lock:
            facts = (f for f in self._ledger.having(fact) if shard_of(f.cluster) == shard)
            version = self._versions.next()
            data = _encode(build_routes(version, shard, facts)).encode()

            def put() -> None:
                staged = file.stage(version, data)
                try:
                    self._ledger.write(fact)
                except Temporary:
                    staged.discard()
                    raise
                staged.commit()

            await _in_thread(put)
            self._claims.pop(fact.cluster, None)
            self._has_changed = True

    async def confirm_routes(self, cluster: str, timeout: timedelta = CONFIRMATION) -> None:
        """Wait until the routes in place are in force. Raises `Temporary` and `Permanent`."""
        await self._routes[shard_of(cluster)].confirm(self._admin, timeout)

    async def publish_listeners(self) -> None:
        """Have Envoy listen as the facts say now. Calls at the same time share the work. Raises
        `Permanent` when Envoy refuses a listener, whosever; all others are as the facts say.
        """
        self._listeners_asked += 1
        mine = self._listeners_asked
        async with self._listeners.lock:
            if self._listeners_done >= mine:
                return
            asked = self._listeners_asked
            await self._write_listeners()
            await self._listeners.confirm(self._admin, CONFIRMATION)
            self._listeners_done = asked

    async def collect(self) -> None:
        """Let upstreams go that nobody has needed for a while and that have no request in flight.

        Raises `AdminUnavailable` and `Temporary`: then they stay.
        """
        if self._has_changed:
            self._note_unneeded()
        now = time.monotonic()
        due = [n for n, since in self._unneeded_since.items() if now - since >= _RETIREMENT]
        if due:
            hosts = parse_hosts(await self._admin.get("/clusters?format=json"))
            idle = {name for name in due if not any(hosts.get(name, {}).values())}
            await self._drop(idle | _surplus(due))

    def _note_unneeded(self) -> None:
        self._has_changed = False
        routed_now = (routed(f).values() for f in self._ledger if f.listener is not None)
        needed = {name for names in (*routed_now, *self._claims.values()) for name in names}
        now = time.monotonic()
        self._unneeded_since = {
            name: self._unneeded_since.get(name, now)
            for name in self._upstream_texts
            if name not in needed
        }

    async def _drop(self, names: set[str]) -> None:
        async with self._upstreams.lock:
            # Somebody may have come to need one meanwhile.
            dropped = names & self._unneeded_since.keys()
            if not dropped:
                return
            for name in dropped:
                del self._unneeded_since[name]
                self._upstream_texts.pop(name, None)
            self._confirmed_upstreams -= dropped
            await self._write_upstreams()

    def _of_shard(self, shard: int) -> tuple[ClusterFact, ...]:
        return tuple(f for f in self._ledger if shard_of(f.cluster) == shard)

    async def _write_upstreams(self) -> None:
        version = self._versions.next()
        upstreams = ",\n".join(self._upstream_texts.values())
        text = f'{{"version_info": "{version}", "resources": [\n{upstreams}\n]}}\n'
        await _in_thread(lambda: self._upstreams.stage(version, text.encode()).commit())

    async def _write_routes(self, shard: int) -> None:
        file = self._routes[shard]
        async with file.lock:
            version = self._versions.next()
            data = _encode(build_routes(version, shard, self._of_shard(shard))).encode()
            await _in_thread(lambda: file.stage(version, data).commit())

    async def _write_listeners(self) -> None:
        version = self._versions.next()
        data = _encode(build_listeners(version, self._ledger)).encode()
        await _in_thread(lambda: self._listeners.stage(version, data).commit())


def _question(shard: int) -> Question:
    name = routes_name(shard)
    return ask_routes(name, f"http.{STAT_PREFIX}.rds.{name}")


def _surplus(upstreams: list[str]) -> set[str]:
    """All but the last ones of each group; the longest unneeded ones come first."""
    groups: dict[str, list[str]] = {}
    for name in upstreams:
        groups.setdefault(group_of(name), []).append(name)
    return {name for names in groups.values() for name in names[:-_RETIRED]}


def _read_facts(file: WatchedFile, document: Document) -> dict[str, ClusterFact]:
    try:
        return read_facts(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("router.file_broken", file=str(file.path), why=str(error))
        return {}


def _says(document: Document | None, wanted: Document) -> bool:
    """Whether a file has this content, whatever its version."""
    return document is not None and document.get("resources") == json.loads(
        json.dumps(wanted["resources"])
    )


def _encode(document: Document) -> str:
    return json.dumps(document, indent=1)


async def _in_thread(work: Callable[[], None]) -> None:
    """Write files without holding up the loop; when cancelled, only after the work is done: half of
    it must not go on behind the back of whoever comes next.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
