"""The journal and the archive in memory: same promises as the one in SQL, gone with the process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta

from turnout.model.deployment import Status, replaces
from turnout.model.errors import Conflict, NotFound
from turnout.model.journal import CheckRecord, DeploymentRecord, Event, SplitRecord, StepRecord


class MemoryJournal:
    """Implements `Journal` and `Archive`. One event loop only."""

    def __init__(self) -> None:
        self._deployments: dict[str, DeploymentRecord] = {}
        self._steps: dict[tuple[str, int], StepRecord] = {}
        self._splits: dict[tuple[str, int], SplitRecord] = {}
        self._checks: dict[tuple[object, ...], CheckRecord] = {}
        self._events: list[Event] = []
        self._holds: dict[str, str] = {}
        self._news = asyncio.Condition()

    async def record_deployment(self, record: DeploymentRecord) -> None:
        known = self._deployments.get(record.id)
        try:
            if known is None or replaces(known.status, record.status):
                self._deployments[record.id] = record
        except ValueError as error:
            raise Conflict(f"Deployment {record.id} was not recorded: {error}") from error

    async def record_step(self, record: StepRecord) -> None:
        self._steps[record.deployment, record.number] = record

    async def record_split(self, record: SplitRecord) -> None:
        self._splits[record.cluster, record.generation] = record

    async def record_check(self, record: CheckRecord) -> None:
        self._checks[record.deployment, record.step, record.at, record.answer.check] = record

    async def record_event(self, event: Event) -> Event:
        numbered = event.model_copy(update={"sequence": len(self._events) + 1})
        self._events.append(numbered)
        async with self._news:
            self._news.notify_all()
        return numbered

    async def record_hold(self, cluster: str, reason: str) -> None:
        self._holds[cluster] = reason

    async def read_deployment(self, deployment: str) -> DeploymentRecord:
        if deployment not in self._deployments:
            raise NotFound(f"There is no deployment {deployment!r}")
        return self._deployments[deployment]

    async def read_steps(
        self, deployment: str
    ) -> tuple[tuple[StepRecord, ...], tuple[SplitRecord, ...], tuple[CheckRecord, ...]]:
        steps = (s for s in self._steps.values() if s.deployment == deployment)
        splits = (s for s in self._splits.values() if s.deployment == deployment)
        checks = (c for c in self._checks.values() if c.deployment == deployment)
        return (
            tuple(sorted(steps, key=lambda s: s.number)),
            tuple(sorted(splits, key=lambda s: (s.generation, s.cluster))),
            tuple(sorted(checks, key=lambda c: (c.at, c.step, c.answer.check))),
        )

    async def list_deployments(
        self,
        *,
        cluster: str | None = None,
        statuses: frozenset[Status] | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> tuple[DeploymentRecord, ...]:
        found: Iterable[DeploymentRecord] = self._deployments.values()
        if before is not None:
            last = _place(await self.read_deployment(before))
            found = [record for record in found if _place(record) < last]
        if cluster is not None:
            found = [record for record in found if record.request.cluster == cluster]
        if statuses is not None:
            found = [record for record in found if record.status in statuses]
        return tuple(sorted(found, key=_place, reverse=True)[:limit])

    async def read_events(
        self,
        *,
        after: int,
        cluster: str | None = None,
        deployment: str | None = None,
        limit: int = 500,
    ) -> tuple[Event, ...]:
        found = [
            event
            for event in self._events[max(after, 0) :]
            if cluster in (None, event.cluster) and deployment in (None, event.deployment)
        ]
        return tuple(found[:limit])

    async def observe_hold(self, cluster: str) -> str:
        return self._holds.get(cluster, "")

    async def await_event(self, after: int, timeout: timedelta) -> bool:
        try:
            async with asyncio.timeout(timeout.total_seconds()), self._news:
                await self._news.wait_for(lambda: len(self._events) > after)
        except TimeoutError:
            return len(self._events) > after
        return True


def _place(record: DeploymentRecord) -> tuple[object, ...]:
    return (record.request.requested_at, record.id)
