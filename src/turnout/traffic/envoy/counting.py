"""What Envoy counts and has in flight, asked for when somebody wants to know."""

from __future__ import annotations

from collections.abc import Collection

from turnout.model.traffic import GroupTraffic
from turnout.traffic.envoy.admin import AdminUnavailable, EnvoyAdmin
from turnout.traffic.envoy.figures import (
    Counters,
    Figures,
    activity_query,
    hosts_query,
    parse_activity,
    parse_hosts,
    parse_traffic,
    traffic_query,
)
from turnout.traffic.envoy.process import EnvoyProcess

Address = tuple[str, int]


class TrafficCounts:
    """Reads figures. Those of an Envoy that has died are remembered and added."""

    def __init__(self, admin: EnvoyAdmin, process: EnvoyProcess) -> None:
        self._admin = admin
        self._process = process
        self._all, self._previews = Counters(), Counters()

    async def read(self, groups: Collection[str]) -> dict[str, GroupTraffic]:
        """The figures of these groups; all others are forgotten. Raises `AdminUnavailable`."""
        run, seen = await self._read()
        totals = Figures(
            all=self._all.note(run, seen.all), previews=self._previews.note(run, seen.previews)
        ).of_users()
        self._all.keep(groups)
        self._previews.keep(groups)
        return {group: totals.get(group, GroupTraffic()) for group in groups}

    async def read_run(self, groups: Collection[str]) -> tuple[str, dict[str, GroupTraffic]]:
        """What this run of Envoy has counted for these groups, and which run that is. Raises
        `AdminUnavailable`.
        """
        run, seen = await self._read()
        totals = seen.of_users()
        return str(run), {group: totals.get(group, GroupTraffic()) for group in groups}

    async def _read(self) -> tuple[object, Figures]:
        run = self._process.run_id
        seen = parse_traffic(await self._admin.get(traffic_query()))
        if run != self._process.run_id:
            raise AdminUnavailable("Envoy was started again while it was asked")
        return run, seen

    async def read_in_flight(self, group: str, addresses: Collection[Address] | None) -> int:
        """Requests in flight to these instances of a group (None: to the whole group), those that
        wait for a connection included. Raises `AdminUnavailable`.
        """
        if not self._process.is_alive():
            return 0
        if addresses is None:
            return parse_activity(await self._admin.get(activity_query(group)))
        hosts = parse_hosts(await self._admin.get(hosts_query(group)))
        return sum(
            in_flight
            for upstream in hosts.values()
            for address, in_flight in upstream.items()
            if address in addresses
        )
