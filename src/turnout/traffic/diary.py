"""What the router's counters stood at, second by second, in files that outlive this process.

Two files: the present one, and the one before. Each begins with all groups; after that every line
has those whose counters have moved. A line that a crash cut short is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turnout.model.traffic import GroupTraffic

Key = tuple[str, str]
"""Cluster and server group."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The counters at one moment (Unix time in seconds), as counted by one run of the router."""

    at: float
    run: str
    seen: Mapping[Key, GroupTraffic]


class TrafficDiary:
    """Append-only. Both methods raise `OSError`."""

    def __init__(self, folder: Path, *, keep: float) -> None:
        self._folder = folder
        self._present, self._past = folder / "traffic.jsonl", folder / "traffic.1.jsonl"
        self._keep = keep
        self._began: float | None = None
        self._run = ""
        self._written: dict[Key, GroupTraffic] = {}

    def read(self) -> Iterator[Entry]:
        """All entries, oldest first."""
        for file in (self._past, self._present):
            if file.exists():
                for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                    entry = _parse(line)
                    if entry is not None:
                        yield entry

    def write(self, entry: Entry) -> None:
        """Note an entry; `seen` has all groups. A file is full after `keep` seconds: what lies
        further back than that is forgotten with the file before it.
        """
        if self._began is None or not 0 <= entry.at - self._began < self._keep:
            self._begin(entry.at)
        if entry.run != self._run:  # the same figures as before are others now
            self._run, self._written = entry.run, {}
        moved = {key: t for key, t in entry.seen.items() if self._written.get(key) != t}
        with self._present.open("a", encoding="utf-8") as file:
            file.write(_format(Entry(entry.at, entry.run, moved)))
        self._written = dict(entry.seen)

    def _begin(self, at: float) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._present.exists():
            self._present.replace(self._past)
        self._began, self._written = at, {}


def _format(entry: Entry) -> str:
    seen = [
        [*key, t.requests, t.failed, t.client_errors, t.active, t.latency_ms, t.timeouts, t.resets]
        for key, t in entry.seen.items()
    ]
    return json.dumps([entry.at, entry.run, seen], separators=(",", ":")) + "\n"


def _parse(line: str) -> Entry | None:
    try:
        at, run, seen = json.loads(line)
        return Entry(at, run, dict(_parse_group(*one) for one in seen))
    except (TypeError, ValueError):
        return None


def _parse_group(
    cluster: str,
    group: str,
    *figures: Any,  # JSON
) -> tuple[Key, GroupTraffic]:
    """Lines of an earlier version end before the time-outs."""
    requests, failed, client_errors, active, latency_ms, *more = figures
    timeouts, resets = more or (0, 0)
    return (cluster, group), GroupTraffic(
        requests=requests,
        failed=failed,
        client_errors=client_errors,
        timeouts=timeouts,
        resets=resets,
        active=active,
        latency_ms=tuple((float(bound), int(count)) for bound, count in latency_ms),
    )
