"""What the rest of Turnout asks the engine for."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
import uuid
from datetime import timedelta

import structlog
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode

from turnout.engine import options
from turnout.engine.messages import Cancellation, ClusterStart, Loss, Receipt, Reply
from turnout.engine.operations import Operations
from turnout.engine.rpc import AGAIN_AFTER, insist, translate
from turnout.model.deployment import Choice, Request
from turnout.model.errors import Conflict, NotFound, Temporary
from turnout.model.journal import DeploymentRecord
from turnout.model.plan import Plan
from turnout.model.value import Value
from turnout.ports import Archive
from turnout.strategies import plan_deployment

log = structlog.get_logger(__name__)

PATIENCE = timedelta(seconds=30)
"""How long Temporal may take to answer."""

AT_ONCE = 20
"""How many requests Temporal is asked to take at the same time: more would only be slower each."""

CANCEL_PATIENCE = timedelta(seconds=90)
"""A step that cannot be interrupted is waited for."""


def workflow_id(cluster: str) -> str:
    """The id of a cluster's workflow: Temporal lets only one with it run."""
    return f"cluster/{cluster}"


class Engine:
    """Runs deployments, one at a time per cluster, through every crash.

    Needs a running worker somewhere (`running_engine` has one).
    """

    def __init__(
        self,
        client: Client,
        *,
        operations: Operations,
        archive: Archive,
        task_queue: str = options.TASK_QUEUE,
        history_limit: int = 0,
    ) -> None:
        self.client = client
        self._operations = operations
        self._archive = archive
        self._task_queue = task_queue
        self._history_limit = history_limit
        self._room = asyncio.Semaphore(AT_ONCE)

    async def submit(self, request: Request) -> DeploymentRecord:
        """Have a request carried out; the answer says whether it waits, runs, or was rejected.

        The same id again changes nothing and answers how it stands. Raises `Conflict` when too
        many wait, `Temporary` when the engine does not answer: it may have been taken all the same.
        """
        known = await self._known(request.id)
        if known is not None and known.status.is_end:
            return known
        await self._update_or_start(request.cluster, options.SUBMIT, request)
        return await self._archive.read_deployment(request.id)

    async def plan(self, request: Request) -> Plan:
        """What carrying the request out now would do. Nothing is touched. Raises `AdapterError`,
        and `Conflict` when no name is free."""
        return plan_deployment(request, await self._operations.observe_to_plan(request.cluster))

    async def cancel(self, deployment: str, *, by: str = "", reason: str = "") -> DeploymentRecord:
        """Take a deployment out of the queue, or back. Answers when that is decided and written.

        Raises `NotFound`, `Conflict` when it is too late, `Temporary`.
        """
        record = await self._open_record(deployment, "cancelled")
        wish = Cancellation(deployment=deployment, by=by, reason=reason)
        return await self._update(record, options.CANCEL, wish, within=CANCEL_PATIENCE)

    async def answer(
        self, deployment: str, choice: Choice, *, by: str = "", comment: str = ""
    ) -> DeploymentRecord:
        """Answer the question of a paused deployment.

        Raises `NotFound`, `Conflict` when there is no such question, `Temporary`.
        """
        record = await self._open_record(deployment, "answered")
        reply = Reply(deployment=deployment, choice=choice, by=by, comment=comment)
        return await self._update(record, options.ANSWER, reply, within=PATIENCE)

    async def abandon(self, record: DeploymentRecord) -> None:
        """Have a lost deployment cleared up after. Raises `Conflict` when it is not lost."""
        loss = Loss(deployment=record.id)
        await self._update_or_start(record.request.cluster, options.ABANDON, loss)

    def handle(self, cluster: str) -> WorkflowHandle[object, object]:
        """The workflow of a cluster, running or not."""
        return self.client.get_workflow_handle(workflow_id(cluster))

    async def _known(self, deployment: str) -> DeploymentRecord | None:
        try:
            return await self._archive.read_deployment(deployment)
        except NotFound:
            return None

    async def _open_record(self, deployment: str, done: str) -> DeploymentRecord:
        record = await self._archive.read_deployment(deployment)
        if record.status.is_end:
            raise Conflict(
                f"deployment {deployment} cannot be {done}: it has ended: {record.sentence}"
            )
        return record

    async def _update(
        self, record: DeploymentRecord, update: str, value: Value, *, within: timedelta
    ) -> DeploymentRecord:
        """Ask the workflow that must be there; when it is not, the deployment has just ended."""
        tried = f"{update} of deployment {record.id}"
        update_id = uuid.uuid4().hex

        async def ask() -> None:
            await self.handle(record.request.cluster).execute_update(
                update, value, id=update_id, result_type=Receipt
            )

        try:
            await insist(ask, tried, within)
        except NotFound as error:
            done = "cancelled" if update == options.CANCEL else "answered"
            await self._open_record(record.id, done)
            raise Temporary(
                f"{tried}: the engine does not know it",
                hint="If it was lost, it is cleared up after within a minute.",
            ) from error
        return await self._archive.read_deployment(record.id)

    async def _update_or_start(self, cluster: str, update: str, value: Value) -> None:
        """Ask a workflow that is started for it if need be, for what may be asked twice."""
        start = ClusterStart(cluster=cluster, history_limit=self._history_limit)

        async def ask() -> None:
            operation: WithStartWorkflowOperation[object, object] = WithStartWorkflowOperation(
                options.CLUSTER,
                start,
                id=workflow_id(cluster),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                task_timeout=options.TASK_TIMEOUT,
            )
            try:
                await self.client.execute_update_with_start_workflow(
                    update, value, start_workflow_operation=operation
                )
            except BaseException:
                # It has the same error for whoever asks for the workflow; nobody will.
                with contextlib.suppress(Exception, asyncio.CancelledError):
                    async with asyncio.timeout(0):
                        await operation.workflow_handle()
                raise

        async with self._room:
            await insist(ask, f"{update} for {cluster}", PATIENCE)


async def connect(
    address: str,
    *,
    namespace: str = options.NAMESPACE,
    identity: str = "",
    patience: timedelta = timedelta(0),
) -> Client:
    """A client of the Temporal server at this address, once it knows the namespace.

    Raises `Temporary` when it is not there, `NotFound` when it does not know the namespace; both
    only after `patience`, for a server that starts.
    """
    end = time.monotonic() + patience.total_seconds()
    runtime = _build_runtime()
    while True:
        try:
            return await _connect(address, namespace=namespace, identity=identity, runtime=runtime)
        except (NotFound, Temporary):
            if time.monotonic() >= end:
                raise
        await asyncio.sleep(AGAIN_AFTER)


def _build_runtime() -> Runtime:
    """Temporal's core writes straight to the terminal: only what is an error may. That a server
    that restarts is tried again is none.
    """
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter="error")))


def _cause(error: RuntimeError) -> str:
    """The last thing that was said inside of the library's dump, which is written for its authors:
    `… ConnectError("tcp connect error", Os { code: 111, message: "Connection refused" }) …`."""
    said = re.findall(r'"([^"]+)"', str(error))
    return said[-1] if said else str(error)


async def _connect(address: str, *, namespace: str, identity: str, runtime: Runtime) -> Client:
    try:
        client = await Client.connect(
            address,
            namespace=namespace,
            data_converter=pydantic_data_converter,
            identity=identity or None,
            runtime=runtime,
        )
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=namespace)
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NotFound(
                f"Temporal at {address} has no namespace {namespace!r}",
                hint=f"Create it: temporal operator namespace create {namespace}",
            ) from error
        raise translate(error, f"asking Temporal at {address} for its namespace") from error
    except RuntimeError as error:
        raise Temporary(
            f"connecting to Temporal at {address}: {_cause(error)}",
            hint="Check the address, or leave it out to use the embedded server.",
        ) from error
    return client
