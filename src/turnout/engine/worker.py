"""The worker: registers workflows and activities with Temporal, and says what the sandbox lets
through.
"""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from turnout.engine import options
from turnout.engine.activities import (
    ClusterActivities,
    JournalActivities,
    StepActivities,
    Writer,
)
from turnout.engine.operations import Operations
from turnout.engine.workflows.cluster import ClusterWorkflow
from turnout.ports import Archive, Clock, Journal

PURE = (
    "turnout.model",
    "turnout.strategies",
    "turnout.engine.messages",
    "turnout.engine.options",
    "turnout.engine.records",
    "pydantic",
    "pydantic_core",
    "annotated_types",
)
"""What workflows use as it is. Never `turnout` as a whole, and never the workflows themselves:
what passes through is not checked for clocks and chance (ruff and import-linter check these)."""

ROOM = 1000
"""How many steps may wait at once: one for each cluster that deploys, with room to spare."""

GRACE = timedelta(seconds=5)
"""How long a stopping worker lets changes under way finish; waits go on at the next start."""


def build_runner() -> SandboxedWorkflowRunner:
    """The sandbox that workflows run and are replayed in."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PURE)
    )


def build_worker(
    client: Client,
    *,
    operations: Operations,
    journal: Journal,
    archive: Archive,
    clock: Clock,
    task_queue: str = options.TASK_QUEUE,
) -> Worker:
    """A worker that has yet to be run."""
    writer = Writer(journal, clock)
    steps = StepActivities(operations, writer, clock)
    notes = JournalActivities(operations, writer, archive, clock)
    clusters = ClusterActivities(operations, writer, archive, clock)
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[ClusterWorkflow],
        activities=[
            steps.perform,
            steps.interrupt,
            notes.accept,
            notes.record,
            notes.finish,
            clusters.observe,
            clusters.clear,
        ],
        workflow_runner=build_runner(),
        # A bug, or a history that this version cannot follow, must not leave a deployment running
        # for ever with nobody at work: its workflow fails, and the watchdog clears up.
        workflow_failure_exception_types=[Exception],
        max_cached_workflows=ROOM,
        max_concurrent_activities=ROOM,
        max_concurrent_local_activities=ROOM,
        sticky_queue_schedule_to_start_timeout=options.STICKY_TIMEOUT,
        max_heartbeat_throttle_interval=options.HEARTBEAT_EVERY,
        default_heartbeat_throttle_interval=options.HEARTBEAT_EVERY,
        graceful_shutdown_timeout=GRACE,
        # For Temporal's own pages. Left out, a hash of all code is computed: a fifth of a second.
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment_name="turnout", build_id=version("turnout")),
            use_worker_versioning=False,
        ),
    )
