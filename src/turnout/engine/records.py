"""From a running deployment to what is written down about it, in values and in words. Pure."""

from __future__ import annotations

from datetime import datetime

from turnout.engine.messages import Receipt, Running, StepOrder
from turnout.engine.options import own_wait
from turnout.model.deployment import Kind, Request, Status
from turnout.model.journal import DeploymentRecord, Event, StepRecord, StepState
from turnout.strategies.progress import Phase, Progress
from turnout.strategies.rollback import newest_of


def describe_request(request: Request) -> str:
    """In words: `d-7 (deploy of version 2.0 by ana)`."""
    match request.kind:
        case Kind.DEPLOY if request.service is not None:
            told = f"deploy of version {request.service.settings.version}"
        case Kind.ROLLBACK:
            told = f"rollback to {request.group}" if request.group else "rollback"
        case Kind.RESIZE:
            told = f"resize of {request.group} to {request.instances}"
        case Kind.ENABLE | Kind.DISABLE | Kind.DESTROY:
            told = f"{request.kind} {request.group}"
        case _:
            told = str(request.kind)
    by = f" by {request.by}" if request.by else ""
    return f"{request.id} ({told}{by})"


def waiting_record(request: Request, ahead: Request | None) -> DeploymentRecord:
    """The record of a request that waits for its turn, saying for whom."""
    sentence = f"waits for {describe_request(ahead)}" if ahead else "is about to begin"
    return DeploymentRecord(request=request, status=Status.QUEUED, sentence=sentence)


def ended_record(
    request: Request, status: Status, sentence: str, now: datetime
) -> DeploymentRecord:
    """The record of a request that ends without ever having begun."""
    return DeploymentRecord(request=request, status=status, sentence=sentence, ended_at=now)


def running_record(running: Running) -> DeploymentRecord:
    """The record of a deployment that has a plan and has not ended. The same state gives the same
    record.
    """
    progress = _progress(running)
    return DeploymentRecord(
        request=running.request,
        status=progress.status,
        sentence=_sentence(progress),
        plan=progress.plan,
        question=progress.question,
        started_at=running.started_at,
        switched_at=progress.moved_at,
        cause=progress.cause,
        detected_at=progress.detected_at,
        decided_at=progress.decided_at,
        returned_at=progress.returned_at,
        failed_requests=running.failed_requests,
    )


def begun_record(running: Running) -> DeploymentRecord:
    """What the record of a deployment was when it began, should nobody have written it then."""
    record = running_record(running)
    title = _progress(running).plan.title
    return record.model_copy(update={"status": Status.RUNNING, "sentence": title})


def final_record(running: Running, now: datetime) -> DeploymentRecord:
    """The record of a deployment that has ended now."""
    return running_record(running).model_copy(update={"ended_at": now})


def receipt_of(record: DeploymentRecord) -> Receipt:
    """What to answer whoever asked."""
    return Receipt(deployment=record.id, status=record.status, sentence=record.sentence)


def cancel_reason(by: str, reason: str) -> str:
    """Why it is taken back, in words."""
    return ": ".join(part for part in (by, reason) if part) or "on request"


def step_order(running: Running) -> StepOrder:
    """The step that was just attempted, as an order. `due` must have filled its operation in."""
    progress = _progress(running)
    return StepOrder(
        deployment=running.request.id,
        cluster=running.request.cluster,
        number=progress.number,
        step=progress.todo[0],
        way_back=progress.phase in (Phase.RETURNING, Phase.CLEANING),
        moved_at=progress.moved_at,
        new_group=newest_of(progress.plan, progress.attempted),
    )


def begun_step(order: StepOrder, now: datetime, attempts: int = 1) -> StepRecord:
    """The record of a step that begins, or began, now."""
    wait = own_wait(order.step.operation)
    return StepRecord(
        deployment=order.deployment,
        number=order.number,
        step=order.step.id,
        title=order.step.title,
        op=order.step.operation.op,
        way_back=order.way_back,
        state=StepState.RUNNING,
        attempts=attempts,
        started_at=now,
        deadline=now + wait if wait else None,
    )


def step_event(record: StepRecord, cluster: str, now: datetime) -> Event:
    """What those who follow are told about a step."""
    begun = record.state is StepState.RUNNING
    return Event(
        at=now,
        cluster=cluster,
        deployment=record.deployment,
        kind="step.started" if begun else "step.ended",
        sentence=record.title if begun or not record.said else f"{record.title}: {record.said}",
        data={
            "step": record.step,
            "number": record.number,
            "op": record.op,
            "state": str(record.state),
            "way_back": record.way_back,
            "attempts": record.attempts,
        },
    )


def status_event(record: DeploymentRecord, now: datetime) -> Event:
    """What those who follow are told about a deployment."""
    service = record.request.service
    return Event(
        at=now,
        cluster=record.request.cluster,
        deployment=record.id,
        kind="deployment.status",
        sentence=record.sentence,
        data={
            "status": str(record.status),
            "kind": str(record.request.kind),
            "version": service.settings.version if service else None,
            "by": record.request.by,
        },
    )


def _progress(running: Running) -> Progress:
    if running.progress is None:
        raise ValueError(f"{running.request.id} has no plan yet")
    return running.progress


def _sentence(progress: Progress) -> str:
    """While it runs, what it is about; what its step is, the steps say. Trouble comes first."""
    if progress.tries or progress.question or progress.status.is_end:
        return progress.sentence
    if progress.status is Status.ROLLING_BACK:
        return f"rolling back: {progress.cause}"
    return progress.plan.title
