"""What a workflow notes by itself: news for the journal, and steps that no activity closes."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from turnout.engine import options
from turnout.engine.messages import News, StepOrder, StepResult
from turnout.engine.records import begun_step, step_event
from turnout.model.deployment import ClusterState, Request
from turnout.model.errors import TurnoutError
from turnout.model.journal import StepState
from turnout.model.plan import Plan, StepAnswer
from turnout.strategies import plan_deployment


def plan_or_refuse(request: Request, state: ClusterState) -> Plan:
    """The plan; what cannot be planned is a plan that says so."""
    try:
        return plan_deployment(request, state)
    except (TurnoutError, ValueError) as error:
        return Plan(
            deployment=request.id,
            cluster=request.cluster,
            title=f"{request.kind} {request.cluster}",
            before=state.split,
            refused=str(error),
            refused_rule="cannot_be_planned",
        )


async def write_down(news: News) -> bool:
    """Write down what others want to read but nothing depends on. False when it is not possible:
    a journal in trouble must not hold up the way back.
    """
    try:
        await workflow.execute_activity(options.RECORD, news, **options.record_options())
    except FailureError:
        return False
    return True


async def note_step(order: StepOrder, began: datetime, state: StepState, said: str = "") -> None:
    """Write down how a step stands that no activity writes down."""
    now = workflow.now()
    record = begun_step(order, began)
    if state is not StepState.RUNNING:
        record = record.model_copy(update={"state": state, "said": said, "ended_at": now})
    notices = (order.notice,) if order.notice and state is StepState.RUNNING else ()
    event = step_event(record, order.cluster, now)
    await write_down(News(notices=notices, steps=(record,), events=(event,)))


async def unanswered(order: StepOrder, began: datetime, error: FailureError) -> StepResult:
    """What came of a step whose activity ended between two attempts: nobody closed its record."""
    canceled = is_cancelled_exception(error)
    said = "cancelled" if canceled else f"did not answer: {error.cause or error}"
    state = StepState.CANCELED if canceled else StepState.FAILED
    await note_step(order, began, state, said)
    return StepResult(answer=StepAnswer(ok=False, sentence=said), canceled=canceled)
