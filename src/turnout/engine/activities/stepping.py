"""Performing steps: one activity each, its record from beginning to end included."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import structlog
from temporalio import activity

from turnout.engine import options
from turnout.engine.activities.attempts import Attempt, Attempts
from turnout.engine.activities.failures import describe, failure_of, is_retried
from turnout.engine.activities.progressing import ProgressLine, keeping_alive, read_worked
from turnout.engine.activities.writing import Writer
from turnout.engine.messages import Interruption, StepOrder, StepResult
from turnout.engine.operations import OperationContext, Operations
from turnout.engine.records import begun_step
from turnout.model.errors import AdapterError, Temporary
from turnout.model.journal import StepRecord, StepState
from turnout.model.plan import AwaitReady, DrainGroup, Operation, StepAnswer, Watch
from turnout.model.units import format_duration
from turnout.ports import Clock

log = structlog.get_logger(__name__)

RECOVERY = timedelta(seconds=30)
"""A wait for readiness that goes on after a break gets at least this long: nobody may have tended
the instances meanwhile."""


END_WRITES = (0.1, 0.4, 1.5)
"""Seconds between the attempts to write down how a step ended."""


class StepActivities:
    """Performs the steps of deployments, and interrupts them."""

    def __init__(self, operations: Operations, writer: Writer, clock: Clock) -> None:
        self._operations = operations
        self._writer = writer
        self._clock = clock
        self._attempts = Attempts()

    @activity.defn(name=options.PERFORM)
    async def perform(self, order: StepOrder) -> StepResult:
        """Write down that the step begins, do it, and write down what came of it.

        Raises only to be tried again; a step in trouble for too long answers that it has failed.
        """
        attempt = Attempt(
            order.deployment, order.number, options.is_interruptible(order.step.operation)
        )
        performance = _Performance(
            order, attempt, operations=self._operations, writer=self._writer, clock=self._clock
        )
        return await self._attempts.run(attempt, performance.run())

    @activity.defn(name=options.INTERRUPT)
    async def interrupt(self, interruption: Interruption) -> bool:
        """End a waiting step of this process now. False when it is not here."""
        return self._attempts.interrupt(interruption.deployment, interruption.number)


class _Performance:
    """One attempt at one step, from its first record to its last."""

    def __init__(
        self,
        order: StepOrder,
        attempt: Attempt,
        *,
        operations: Operations,
        writer: Writer,
        clock: Clock,
    ) -> None:
        self._order, self._attempt = order, attempt
        self._operations, self._writer, self._clock = operations, writer, clock
        self._began = clock.elapsed()
        self._spent_before = _spent_before()
        self._worked_before = read_worked()
        record = begun_step(order, clock.now() - self._spent_before, activity.info().attempt)
        self._line = ProgressLine(record)

    async def run(self) -> StepResult:
        """Answer, or raise to be tried again."""
        try:
            async with keeping_alive(self._line, self._writer, self._order.cluster, self._worked):
                await self._write_begin()
                answer = await self._operate()
        except asyncio.CancelledError:
            if not self._attempt.is_canceled:
                raise
            answer = StepAnswer(ok=False, sentence="cancelled")
        except Exception as error:  # the edge: a bug must not hang a deployment
            answer = await self._give_up(error)
        return await self._end(answer)

    async def _write_begin(self) -> None:
        """On the way back traffic comes first, also when the journal cannot be written."""
        order, record = self._order, self._line.record
        try:
            if order.notice is not None:
                await self._writer.write_notice(order.notice)
            await self._writer.write_step(record, order.cluster, tell=record.attempts == 1)
        except AdapterError as error:
            if not order.way_back:
                raise
            self._warn("journal.unwritten", error)

    async def _operate(self) -> StepAnswer:
        order = self._order
        operation = _shortened(order.step.operation, self._spent_before, self._worked_before)
        context = OperationContext(
            deployment=order.deployment,
            cluster=order.cluster,
            step=order.step.id,
            number=order.number,
            moved_at=order.moved_at,
        )
        limit = options.attempt_limit(operation)
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await self._operations.perform(operation, context, self._line.report)
        except TimeoutError as error:
            told = f"no answer within {format_duration(limit)}"
            raise Temporary(f"{order.step.title}: {told}") from error

    async def _give_up(self, error: Exception) -> StepAnswer:
        """The answer of a step in trouble. Raises while it may still be tried again."""
        if not is_retried(error) or self._is_stuck():
            self._warn("step.failed", error)
            return StepAnswer(ok=False, sentence=describe(error))
        self._warn("step.tried_again", error)
        record = self._line.record.model_copy(update={"said": describe(error)})
        with contextlib.suppress(AdapterError):
            await self._writer.write_step(record, self._order.cluster, tell=False)
        raise failure_of(error) from error

    async def _end(self, answer: StepAnswer) -> StepResult:
        record = self._line.record.model_copy(
            update={
                "state": self._state(answer),
                "said": answer.sentence,
                "figures": answer.figures,
                "ended_at": self._clock.now(),
                "waiting_for": "",
            }
        )
        await self._write_end(record)
        return StepResult(
            answer=answer,
            canceled=self._attempt.is_canceled,
            failed_requests=await self._count_failed(answer),
        )

    async def _write_end(self, record: StepRecord) -> None:
        """It is done, whatever the journal says: that is tried for a while, and not done again."""
        waits = () if self._order.way_back else END_WRITES
        for wait in (*waits, None):
            try:
                await self._writer.write_step(record, self._order.cluster, tell=True)
                return
            except AdapterError as error:
                self._warn("journal.unwritten", error)
            if wait is not None:
                await asyncio.sleep(wait)

    def _state(self, answer: StepAnswer) -> StepState:
        if self._attempt.is_canceled and not answer.ok:
            return StepState.CANCELED
        return StepState.SUCCEEDED if answer.ok else StepState.FAILED

    async def _count_failed(self, answer: StepAnswer) -> int | None:
        """What the new group failed, asked while its figures are there."""
        order = self._order
        if not (order.way_back and answer.split and answer.at and order.moved_at):
            return None
        try:
            return await self._operations.count_failed(
                order.cluster, order.new_group, order.moved_at, answer.at
            )
        except AdapterError as error:
            self._warn("requests.uncounted", error)
            return None

    def _worked(self) -> timedelta:
        return self._worked_before + self._clock.elapsed() - self._began

    def _is_stuck(self) -> bool:
        patience = max(options.STUCK_AFTER, options.own_wait(self._order.step.operation))
        return self._spent_before + self._clock.elapsed() - self._began >= patience

    def _warn(self, event: str, error: Exception) -> None:
        log.warning(
            event,
            cluster=self._order.cluster,
            deployment=self._order.deployment,
            step=self._order.step.id,
            attempt=self._line.record.attempts,
            reason=describe(error),
            exc_info=None if isinstance(error, AdapterError) else error,
        )


def _spent_before() -> timedelta:
    """How long ago the first attempt was due, by Temporal's clock alone."""
    info = activity.info()
    return info.current_attempt_scheduled_time - info.scheduled_time


def _shortened(operation: Operation, spent: timedelta, worked: timedelta) -> Operation:
    """An operation that goes on after a break does not wait all over again. But a watch is over
    only when somebody has watched for so long.
    """
    if not spent:
        return operation
    match operation:
        case AwaitReady():
            left = max(operation.deadline - spent, min(operation.deadline, RECOVERY))
            return operation.model_copy(update={"deadline": left})
        case Watch():
            left = max(operation.duration - worked, timedelta(0))
            return operation.model_copy(update={"duration": left})
        case DrainGroup():
            left = max(operation.timeout - spent, timedelta(0))
            return operation.model_copy(update={"timeout": left})
        case _:
            return operation
