"""What Envoy counted, read from its admin interface's answers. Pure but for the memory of restarts.

The figures of an upstream include its preview requests; those are counted once more under the
preview route's name, and taken off; not so their time-outs and resets, which Envoy counts per
connection.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from turnout.model.traffic import GroupTraffic
from turnout.traffic.envoy.upstreams import group_of

_LINE = re.compile(
    r"^(?:cluster\.(?P<group>[a-z0-9-]+)|vhost\.(?P<host>[a-z0-9-]+)\.route\.(?P<route>[a-z0-9-]+))"
    r"\.upstream_(?P<figure>\w+): (?P<value>.+)$",
    re.MULTILINE,
)
_BUCKET = re.compile(r"B([\d.e+]+)\(\d+,(\d+)\)")


def traffic_query(group: str | None = None) -> str:
    """What to ask for the figures of one group, or of all."""
    names = "[^.]+" if group is None else re.escape(group)
    wanted = rf"^(cluster|vhost\.[^.]+\.route)\.({names})\.upstream_"
    return f"/stats?usedonly&histogram_buckets=cumulative&filter={quote(wanted)}"


def activity_query(group: str) -> str:
    """What to ask for the number of a group's requests in flight."""
    wanted = rf"^cluster\.{re.escape(group)}\.upstream_rq_(active|pending_active)$"
    return f"/stats?usedonly&type=Gauges&filter={quote(wanted)}"


def hosts_query(group: str) -> str:
    """What to ask for a group's requests in flight per instance."""
    return f"/clusters?format=json&filter={quote(f'^{re.escape(group)}#')}"


@dataclass(frozen=True, slots=True)
class Figures:
    """What Envoy counted: under each upstream's group, and under each preview route's."""

    all: dict[str, GroupTraffic] = field(default_factory=dict)
    previews: dict[str, GroupTraffic] = field(default_factory=dict)

    def of_users(self) -> dict[str, GroupTraffic]:
        """Per group, without previews."""
        return {
            group: subtract(traffic, self.previews.get(group, GroupTraffic()))
            for group, traffic in self.all.items()
        }


def parse_traffic(text: str) -> Figures:
    """Read the answer to a traffic query."""
    found: dict[tuple[bool, str], dict[str, str]] = defaultdict(dict)
    for line in _LINE.finditer(text):
        found[bool(line["route"]), line["group"] or line["route"]][line["figure"]] = line["value"]
    traffic = {key: _read(figures) for key, figures in found.items()}
    return Figures(
        all={group: counted for (is_preview, group), counted in traffic.items() if not is_preview},
        previews={group: counted for (is_preview, group), counted in traffic.items() if is_preview},
    )


def _read(figures: dict[str, str]) -> GroupTraffic:
    latency = _BUCKET.findall(figures.get("rq_time", ""))
    connections_late = int(figures.get("cx_connect_timeout", 0))
    refused = int(figures.get("cx_connect_fail", 0)) - connections_late
    return GroupTraffic(
        requests=int(figures.get("rq_completed", 0)),
        failed=int(figures.get("rq_5xx", 0)),
        client_errors=int(figures.get("rq_4xx", 0)),
        timeouts=int(figures.get("rq_timeout", 0)) + connections_late,
        resets=int(figures.get("cx_destroy_remote_with_active_rq", 0)) + max(0, refused),
        active=int(figures.get("rq_active", 0)),
        latency_ms=tuple((float(bound), int(count)) for bound, count in latency),
    )


def subtract(total: GroupTraffic, part: GroupTraffic) -> GroupTraffic:
    """The rest, never below 0; in flight is what is in flight in the total."""
    less = dict(part.latency_ms)
    return GroupTraffic(
        requests=max(0, total.requests - part.requests),
        failed=max(0, total.failed - part.failed),
        client_errors=max(0, total.client_errors - part.client_errors),
        timeouts=max(0, total.timeouts - part.timeouts),
        resets=max(0, total.resets - part.resets),
        active=total.active,
        latency_ms=tuple(
            (bound, max(0, count - less.get(bound, 0))) for bound, count in total.latency_ms
        ),
    )


def add(first: GroupTraffic, second: GroupTraffic) -> GroupTraffic:
    """Both together; in flight is what is in flight in the second, the later one."""
    latency: dict[float, int] = defaultdict(int)
    for bound, count in (*first.latency_ms, *second.latency_ms):
        latency[bound] += count
    return GroupTraffic(
        requests=first.requests + second.requests,
        failed=first.failed + second.failed,
        client_errors=first.client_errors + second.client_errors,
        timeouts=first.timeouts + second.timeouts,
        resets=first.resets + second.resets,
        active=second.active,
        latency_ms=tuple(sorted(latency.items())),
    )


class Counters:
    """Keeps counters growing where Envoy starts from 0: because it was started again, or because it
    had forgotten a group without instances.
    """

    def __init__(self) -> None:
        self._run: object = None
        self._before: dict[str, GroupTraffic] = {}
        self._last: dict[str, GroupTraffic] = {}

    def note(self, run: object, seen: Mapping[str, GroupTraffic]) -> dict[str, GroupTraffic]:
        """The figures since the beginning, given those of this run of Envoy."""
        gone = set(self._last) if run != self._run else set()
        fallen = {g for g, t in seen.items() if t.requests < self._last.get(g, t).requests}
        for group in gone | fallen:
            self._before[group] = self._total(group).model_copy(update={"active": 0})
            del self._last[group]
        self._run = run
        self._last |= seen
        for group in self._last.keys() - seen.keys():
            self._last[group] = self._last[group].model_copy(update={"active": 0})
        return {group: self._total(group) for group in {*self._before, *self._last}}

    def keep(self, groups: Container[str]) -> None:
        """Forget all other groups."""
        self._before = {g: t for g, t in self._before.items() if g in groups}
        self._last = {g: t for g, t in self._last.items() if g in groups}

    def _total(self, group: str) -> GroupTraffic:
        none = GroupTraffic()
        return add(self._before.get(group, none), self._last.get(group, none))


def parse_activity(text: str) -> int:
    """A group's requests in flight, those still waiting for a connection included."""
    return sum(int(line.rpartition(": ")[2]) for line in text.splitlines() if ": " in line)


def parse_hosts(text: str) -> dict[str, dict[tuple[str, int], int]]:
    """Per upstream and address: requests in flight, those waiting for a connection included."""
    return {
        upstream["name"]: {
            (
                host["address"]["socket_address"]["address"],
                host["address"]["socket_address"]["port_value"],
            ): _in_flight(host)
            for host in upstream.get("host_statuses", [])
        }
        for upstream in json.loads(text).get("cluster_statuses", [])
    }


def _in_flight(host: dict[str, list[dict[str, str]]]) -> int:
    return sum(
        int(stat.get("value", 0))
        for stat in host.get("stats", [])
        if stat["name"] in {"rq_active", "rq_pending_active"}
    )


def groups_in_flight(hosts: dict[str, dict[tuple[str, int], int]]) -> dict[str, int]:
    """Requests in flight per group."""
    total: dict[str, int] = defaultdict(int)
    for upstream, counted in hosts.items():
        total[group_of(upstream)] += sum(counted.values())
    return dict(total)
