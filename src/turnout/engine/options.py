"""Every name, time-out and retry of the engine, in tables.

Pure but for Temporal's own types: workflows read it, so it must not change under a running
deployment in a way that matters to its history (time-outs may change, names may not).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityConfig, LocalActivityConfig

from turnout.model.plan import (
    Analyse,
    AwaitReady,
    CloseListener,
    CreateGroup,
    Delay,
    DestroyGroup,
    DrainGroup,
    GuardHealthy,
    OpenListener,
    Operation,
    PinGroup,
    ReplaceSplit,
    ResizeGroup,
    RunChecks,
    ScheduleCold,
    SetHold,
    Step,
    Watch,
)
from turnout.model.value import Value

TASK_QUEUE = "turnout"
NAMESPACE = "turnout"

# Names are part of every history: they never change.
CLUSTER = "cluster"
SUBMIT, CANCEL, ANSWER, ABANDON = "submit", "cancel", "answer", "abandon"
KNOWN = "known"
OBSERVE, PERFORM, INTERRUPT = "observe", "perform", "interrupt"
ACCEPT, RECORD, FINISH, CLEAR = "accept", "record", "finish", "clear"

TASK_TIMEOUT = timedelta(seconds=2)
"""How soon a dead worker is noticed while it decides."""

STICKY_TIMEOUT = timedelta(seconds=2)
"""How long a decision waits for the worker that made the one before. Shorter, and a busy worker
would lose its own decisions to itself, and read whole histories again; after a restart nobody
waits for the dead (`take_over`)."""

HEARTBEAT = timedelta(seconds=6)
"""How soon a dead worker is noticed while it acts. A restarted one does not wait for it: it says
itself that its predecessor's work is void (`take_over`)."""

HEARTBEAT_EVERY = timedelta(seconds=2)
"""Each one is a transaction of the Temporal server: with many waiting clusters they add up."""

QUEUE_LIMIT = 100
"""How many deployments of one cluster may wait: what a workflow remembers has a limit of size."""

HISTORY_LIMIT = 1000
"""Events after which a cluster's workflow goes on in a new run, with a short history."""

STUCK_AFTER = timedelta(seconds=20)
"""How long a step that meets temporary trouble is tried before its answer is: it failed."""

MARGIN = timedelta(seconds=10)
"""By how much Temporal's time-out is longer than ours, so that ours comes first and really ends
the work."""

RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=5),
    maximum_attempts=0,
)
"""For all: never given up by Temporal, for a worker may be away for hours. Steps give up by
themselves (`STUCK_AFTER`), the journal never."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How long one attempt at an operation may take, and whether a cancel interrupts it."""

    work: timedelta
    """Not counting what the operation waits by its own settings."""
    interruptible: bool = False


LIMITS: dict[type[Value], Limit] = {
    OpenListener: Limit(timedelta(seconds=30)),
    CloseListener: Limit(timedelta(seconds=30)),
    CreateGroup: Limit(timedelta(seconds=60)),
    ResizeGroup: Limit(timedelta(seconds=60)),
    PinGroup: Limit(timedelta(seconds=30)),
    ScheduleCold: Limit(timedelta(seconds=30)),
    AwaitReady: Limit(timedelta(seconds=30), interruptible=True),
    ReplaceSplit: Limit(timedelta(seconds=30)),
    RunChecks: Limit(timedelta(seconds=30), interruptible=True),
    Watch: Limit(timedelta(seconds=30), interruptible=True),
    # Counted from its first look, not from that of an attempt: it knows itself when it is over.
    Analyse: Limit(timedelta(minutes=5), interruptible=True),
    Delay: Limit(timedelta(seconds=0), interruptible=True),
    DrainGroup: Limit(timedelta(seconds=30), interruptible=True),
    # Its instances are drained and stopped, each with time-outs of its own.
    DestroyGroup: Limit(timedelta(minutes=15)),
    GuardHealthy: Limit(timedelta(seconds=30)),
    SetHold: Limit(timedelta(seconds=30)),
}


def own_wait(operation: Operation) -> timedelta:  # noqa: PLR0911 - a table
    """How long the operation waits at most by its own settings."""
    match operation:
        case AwaitReady():
            return operation.deadline
        case RunChecks():
            return sum((c.timeout for c in operation.checks), timedelta(0))
        case Watch():
            last_look = max((c.timeout for c in operation.checks), default=timedelta(0))
            return operation.duration + last_look
        case Analyse():
            return operation.settings.longest
        case DrainGroup():
            return operation.timeout
        case Delay():
            return operation.duration
        case _:
            return timedelta(0)


def attempt_limit(operation: Operation) -> timedelta:
    """How long one attempt at the operation may take, all in all."""
    return LIMITS[type(operation)].work + own_wait(operation)


def is_interruptible(operation: Operation) -> bool:
    """Whether a cancel ends it at once; the others are waited for, then the cancel acts."""
    return LIMITS[type(operation)].interruptible


def step_options(step: Step) -> ActivityConfig:
    """How a step's activity is run."""
    return ActivityConfig(
        start_to_close_timeout=attempt_limit(step.operation) + MARGIN,
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RETRY,
        # A step that is cancelled still has its record to write.
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=step.title,
    )


OBSERVING = timedelta(minutes=10)
"""How long a cluster that cannot be observed is tried before its deployment fails."""


def observe_options() -> ActivityConfig:
    """How a cluster is observed when the first look, in passing, did not succeed."""
    return ActivityConfig(
        start_to_close_timeout=timedelta(seconds=30),
        schedule_to_close_timeout=OBSERVING,
        retry_policy=RETRY,
        cancellation_type=ActivityCancellationType.TRY_CANCEL,
    )


WRITING = timedelta(seconds=5)
"""How long a journal in trouble is waited for where things can go on without it."""


def finish_options() -> ActivityConfig:
    """How an end is written down: until it is done."""
    return ActivityConfig(start_to_close_timeout=timedelta(seconds=30), retry_policy=RETRY)


def record_options() -> ActivityConfig:
    """How anything else is written down: if that is possible."""
    return ActivityConfig(
        start_to_close_timeout=WRITING, schedule_to_close_timeout=WRITING, retry_policy=RETRY
    )


def clear_options() -> ActivityConfig:
    """How a lost deployment is cleared up after: until it is done."""
    return ActivityConfig(start_to_close_timeout=timedelta(seconds=60), retry_policy=RETRY)


def passing_options() -> LocalActivityConfig:
    """How something short is done in passing, within the decision: one quick try.

    Only what may be done again when the decision is, for a crash may forget both: looking, and
    writing down what no end depends on.
    """
    return LocalActivityConfig(
        start_to_close_timeout=timedelta(seconds=1),
        retry_policy=RetryPolicy(maximum_attempts=1),
    )
