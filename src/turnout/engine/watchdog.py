"""Sees to it that the journal and Temporal agree on what is under way.

`take_over`: what a dead worker was doing is done again at once, not when its time is up.
`reconcile`: a deployment that no workflow knows, say because Temporal's database was lost, is
cleared up after, and ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import structlog
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import ResetStickyTaskQueueRequest
from temporalio.client import WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from turnout.engine import options
from turnout.engine.client import Engine, workflow_id
from turnout.engine.rpc import translate
from turnout.model.deployment import Status
from turnout.model.errors import Conflict, TurnoutError
from turnout.model.journal import DeploymentRecord
from turnout.ports import Archive

log = structlog.get_logger(__name__)

OPEN = frozenset(status for status in Status if not status.is_end)
EVERY = timedelta(minutes=1)
PATIENCE = timedelta(seconds=10)
PAGE = 200


class Watchdog:
    """Looks after all open deployments: when it starts, and then every minute."""

    def __init__(self, engine: Engine, archive: Archive) -> None:
        self._engine = engine
        self._archive = archive

    async def run(self) -> None:
        """Until cancelled. Trouble is logged; the next round may have better luck."""
        await _attempt("engine.take_over", self.take_over)
        while True:
            await _attempt("engine.reconcile", self.reconcile)
            await asyncio.sleep(EVERY.total_seconds())

    async def take_over(self) -> int:
        """Have steps that another worker began tried again now; to be called when that worker is
        known to be dead. Returns how many there were. Raises `TurnoutError`.
        """
        records = await self._open_records()
        clusters = sorted({r.request.cluster for r in records if r.status is not Status.QUEUED})
        taken = await asyncio.gather(*(self._take_over(cluster) for cluster in clusters))
        if sum(taken):
            log.info("engine.taken_over", steps=sum(taken))
        return sum(taken)

    async def reconcile(self) -> tuple[str, ...]:
        """Clear up after lost deployments. Returns their ids. Raises `TurnoutError`."""
        lost = [record for record in await self._open_records() if await self._is_lost(record)]
        for record in lost:
            log.warning("deployment.lost", deployment=record.id, cluster=record.request.cluster)
            try:
                await self._engine.abandon(record)
            except Conflict as error:
                log.info("deployment.found", deployment=record.id, reason=error.message)
        return tuple(record.id for record in lost)

    async def _open_records(self) -> list[DeploymentRecord]:
        found: list[DeploymentRecord] = []
        before: str | None = None
        while True:
            page = await self._archive.list_deployments(statuses=OPEN, before=before, limit=PAGE)
            found += page
            if len(page) < PAGE:
                return found
            before = page[-1].id

    async def _is_lost(self, record: DeploymentRecord) -> bool:
        """A workflow forgets a deployment only after the journal has its end: so one that is
        unknown now, and open even after that, is lost.
        """
        if record.id in await self._known(record.request.cluster):
            return False
        again = await self._archive.read_deployment(record.id)
        return not again.status.is_end

    async def _known(self, cluster: str) -> Iterable[str]:
        try:
            known: list[str] = await self._engine.handle(cluster).query(
                options.KNOWN,
                result_type=list[str],
                reject_condition=QueryRejectCondition.NOT_OPEN,
                rpc_timeout=PATIENCE,
            )
            return known
        except WorkflowQueryRejectedError:
            return ()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return ()
            raise translate(error, f"asking what runs for {cluster}") from error

    async def _take_over(self, cluster: str) -> int:
        try:
            found = await self._engine.handle(cluster).describe(rpc_timeout=PATIENCE)
            steps = [
                pending
                for pending in found.raw_description.pending_activities
                if self._is_orphan(pending)
            ]
            await self._forget_worker(cluster)
            for step in steps:
                await self._give_back(cluster, found.run_id, step.activity_id)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return 0
            raise translate(error, f"taking over what runs for {cluster}") from error
        return len(steps)

    async def _forget_worker(self, cluster: str) -> None:
        """What is to be decided next does not wait for the worker that decided last."""
        client = self._engine.client
        request = ResetStickyTaskQueueRequest(namespace=client.namespace)
        request.execution.workflow_id = workflow_id(cluster)
        await client.workflow_service.reset_sticky_task_queue(request, timeout=PATIENCE)

    def _is_orphan(self, pending: PendingActivityInfo) -> bool:
        return (
            pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
            and pending.last_worker_identity != self._engine.client.identity
        )

    async def _give_back(self, cluster: str, run: str | None, step: str) -> None:
        handle = self._engine.client.get_async_activity_handle(
            workflow_id=workflow_id(cluster), run_id=run, activity_id=step
        )
        reason = ApplicationError(
            "its worker was restarted",
            type="restarted",
            next_retry_delay=timedelta(milliseconds=1),
        )
        await handle.fail(reason, rpc_timeout=PATIENCE)


async def _attempt(event: str, call: Callable[[], Awaitable[object]]) -> None:
    try:
        await call()
    except TurnoutError as error:
        log.warning(f"{event}_failed", reason=error.message)
