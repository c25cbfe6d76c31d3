"""What the instances of each server group use, every few seconds, kept like the router's figures;
and the port `MetricSource` for queries of the type `process`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from turnout.history import Grid, History, Look, Means, Values
from turnout.history.asking import grid_of, group_of, invalid, read_scope
from turnout.model.canary.queries import PROCESS_FIGURES, ProcessQuery, Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Permanent
from turnout.model.samples import Series
from turnout.processes import Process
from turnout.processes.identity import Identity
from turnout.processes.usage import Usage, observe_usage

INTERVAL = timedelta(seconds=5)
_LONG = 3.0
"""Intervals; a mean over more than that says nothing of any moment in it."""

Running = Callable[[], Mapping[str, Sequence[Process]]]
"""The processes of the instances that run now, per server group."""


class InstanceGauges:
    """Call `run` once and leave it running.

    Of each group the mean over its instances, each with all that it has started: `cpu` in per mille
    of one core, `memory` in resident bytes, `open_files`.
    """

    def __init__(
        self,
        running: Running,
        history: History,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._running = running
        self._history = history
        self._clock, self._wall = clock, wall
        self._sampled_at: float | None = None
        self._cpu_seconds: dict[Identity, float] = {}

    async def run(self) -> None:
        """Sample, until cancelled; what is not yet written is written then."""
        try:
            while True:
                await self.sample()
                await asyncio.sleep(INTERVAL.total_seconds())
        finally:
            await self._history.flush()

    async def sample(self) -> None:
        """Look at all instances now."""
        shims = {
            group: [process.shim for process in processes]
            for group, processes in self._running().items()
        }
        roots = [shim.pid for found in shims.values() for shim in found]
        usage = await asyncio.to_thread(observe_usage, roots)
        now, wall = self._clock(), self._wall()
        took = 0.0 if self._sampled_at is None else now - self._sampled_at
        groups = {
            group: self._measure({shim: usage[shim.pid] for shim in found}, took)
            for group, found in shims.items()
            if found
        }
        self._sampled_at = now
        self._cpu_seconds = {
            shim: usage[shim.pid].cpu_seconds for found in shims.values() for shim in found
        }
        await self._history.note(Look(wall.timestamp(), min(took, self._longest), groups))

    @property
    def _longest(self) -> float:
        return _LONG * INTERVAL.total_seconds()

    def _measure(self, used: Mapping[Identity, Usage], took: float) -> Values:
        spent = [
            max(0.0, usage.cpu_seconds - self._cpu_seconds[shim])
            for shim, usage in used.items()
            if shim in self._cpu_seconds
        ]
        is_known = spent and 0 < took <= self._longest
        return {
            "cpu": round(1000 * sum(spent) / len(spent) / took, 1) if is_known else None,
            "memory": sum(usage.memory for usage in used.values()) // len(used),
            "open_files": round(sum(usage.open_files for usage in used.values()) / len(used), 1),
        }


class ProcessSource:
    """What `InstanceGauges` has kept, also of groups that are gone."""

    def __init__(self, history: History) -> None:
        self._history = history

    def complete_until(self) -> datetime | None:
        """Steps that end at or before this moment get no more samples; None = none was taken."""
        return self._history.complete_until()

    def describe(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        """As the port says; there is nothing to expand in these queries."""
        column, group = _column(query), group_of(scope)
        what = {"cpu": "cpu in per mille of one core", "memory": "memory in bytes"}
        return f"{what.get(column, 'open files')} of {group}, per instance, every {scope.step} s"

    async def fetch(
        self, query: Query, scope: CanaryScope, templates: Mapping[str, str]
    ) -> tuple[Series, ...]:
        """As the port says. A step between two samples is NaN."""
        try:
            grid: Grid = grid_of(scope)
            means = Means(grid, _column(query))
            is_known = await read_scope(self._history, scope, means.add)
        except InvalidDocument as error:
            raise Permanent(error.message) from error
        step = timedelta(seconds=scope.step)
        return (Series(start=scope.start, step=step, values=means.values()),) if is_known else ()


def _column(query: Query) -> str:
    if not isinstance(query, ProcessQuery):
        raise invalid(f"{query.type!r} is nothing for the instances", "query.type")
    if query.metric_name not in PROCESS_FIGURES:
        known = ", ".join(PROCESS_FIGURES)
        raise invalid(f"{query.metric_name!r} is not one of {known}", "query.metricName")
    return query.metric_name
