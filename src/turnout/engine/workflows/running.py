"""One deployment under way: the machine of `strategies.progress`, with activities for hands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

from turnout.engine import options
from turnout.engine.messages import (
    Ending,
    Glance,
    Interruption,
    News,
    Notice,
    Receipt,
    Running,
    Sight,
    StepOrder,
    StepResult,
)
from turnout.engine.records import (
    begun_record,
    ended_record,
    final_record,
    receipt_of,
    running_record,
    step_order,
    waiting_record,
)
from turnout.engine.workflows.noting import note_step, plan_or_refuse, unanswered, write_down
from turnout.model.deployment import Choice, Request, Status
from turnout.model.journal import DeploymentRecord, Event, StepState
from turnout.model.plan import Delay, StepAnswer
from turnout.strategies.progress import (
    Progress,
    advance,
    attempt,
    begin,
    cancel,
    decide,
    due,
    may_cancel,
    pause_before,
)

FLUSH = timedelta(milliseconds=1)
"""Any timer has Temporal write down first what was decided so far."""


@dataclass(slots=True)
class Wish:
    """Somebody wants the deployment taken back. `late` says why that is not possible any more."""

    reason: str
    is_settled: bool = False
    late: str = ""


class DeploymentRun:
    """Carries one deployment out, to its end or until its workflow must begin a new run.

    Whatever changes the progress does so without awaiting in between; steps are begun only after
    everything decided before them has been written down.
    """

    def __init__(self, running: Running, must_move_on: Callable[[], bool]) -> None:
        self._running = running
        self._must_move_on = must_move_on
        self._published: DeploymentRecord | None = None
        self._publishing = asyncio.Lock()
        self._wish: Wish | None = None
        self._is_busy = False
        self._interrupt: Callable[[], object] | None = None
        self._interruptions: set[asyncio.Task[None]] = set()
        self._ended: Receipt | None = None

    @property
    def request(self) -> Request:
        """What was asked for."""
        return self._running.request

    @property
    def receipt(self) -> Receipt:
        """Where it stands, by the journal."""
        if self._ended is not None:
            return self._ended
        if self._running.progress is None:
            return receipt_of(waiting_record(self.request, None))
        return receipt_of(running_record(self._running))

    def remembered(self) -> Running:
        """All that a new run of the workflow needs to go on."""
        return self._running

    def why_not_cancel(self) -> str:
        """Why it is too late to cancel; empty when it is not."""
        progress = self._running.progress
        return may_cancel(progress) if progress else ""

    def why_not_answer(self, choice: Choice) -> str:
        """Why this is not an answer now; empty when it is."""
        question = self._running.progress.question if self._running.progress else None
        if question is None:
            return "it is not paused: there is nothing to answer"
        if choice not in question.choices:
            return f"the answers are: {', '.join(question.choices)}"
        return ""

    def cancel(self, reason: str) -> Wish:
        """Wish it taken back: at once, or when the step that cannot be interrupted has ended."""
        if self._wish is not None:
            return self._wish
        wish = Wish(reason)
        self._wish = wish
        if self._running.progress is not None and not self._is_busy:
            self._settle_wish()
        elif self._interrupt is not None:
            self._interrupt()
        return wish

    def answer(self, choice: Choice) -> None:
        """Answer the question. Ask `why_not_answer` first."""
        self._progress = decide(self._progress, choice, workflow.now())

    async def publish(self, *events: Event) -> None:
        """See to it that everything decided so far is written down, the end too."""
        async with self._publishing:
            notice = self._unpublished()
            if notice or events:
                news = News(notices=(notice,) if notice else (), events=events)
                if not await write_down(news):
                    self._published = None  # the next step tries again
        if self._has_end:
            await workflow.wait_condition(lambda: self._ended is not None)

    async def carry_on(self) -> bool:
        """Go on until it has ended and the journal knows (True), or the history is long (False)."""
        if self._running.progress is None and not await self._plan():
            return True
        while not self._has_end:
            if self._must_move_on():
                return False
            if self._progress.question is not None:
                await self._await_answer()
            elif await self._pause():
                await self._take_step()
        await self._finish()
        return True

    @property
    def _has_end(self) -> bool:
        progress = self._running.progress
        return progress is not None and progress.status.is_end

    @property
    def _progress(self) -> Progress:
        if self._running.progress is None:
            raise ValueError(f"{self.request.id} has no plan yet")
        return self._running.progress

    @_progress.setter
    def _progress(self, progress: Progress) -> None:
        self._running = self._running.model_copy(update={"progress": progress})

    # Planning: nothing has been touched yet.

    async def _plan(self) -> bool:
        """Observe and plan. False when it ended there."""
        sight = await self._observe()
        if self._wish is not None:
            sentence = f"cancelled before it began: {self._wish.reason}"
            await self._end_unplanned(Status.CANCELED, sentence)
            self._wish.is_settled = True
            return False
        if sight.state is None:
            sentence = f"{self.request.cluster} cannot be observed: {sight.problem}"
            await self._end_unplanned(Status.FAILED, f"{sentence}. Nothing was touched")
            return False
        plan = plan_or_refuse(self.request, sight.state)
        now = workflow.now()
        self._running = self._running.model_copy(
            update={"progress": begin(plan, self.request, now), "started_at": now}
        )
        return True

    async def _observe(self) -> Sight:
        """In passing at first, for that is fast; then as long as it takes."""
        glance = Glance(cluster=self.request.cluster)
        try:
            sight: Sight = await workflow.execute_local_activity(
                options.OBSERVE, glance, result_type=Sight, **options.passing_options()
            )
            return sight
        except FailureError:
            if self._wish is not None:
                return Sight()
        handle = workflow.start_activity(
            options.OBSERVE, glance, result_type=Sight, **options.observe_options()
        )
        self._interrupt = handle.cancel
        try:
            observed: Sight = await handle
        except FailureError as error:
            observed = Sight(problem=str(error.cause or error))
        finally:
            self._interrupt = None
        return observed

    async def _end_unplanned(self, status: Status, sentence: str) -> None:
        record = ended_record(self.request, status, sentence, workflow.now())
        await self._end(Ending(notice=Notice(record=record, announce=True)))

    async def _end(self, ending: Ending) -> None:
        self._ended = await workflow.execute_activity(
            options.FINISH, ending, result_type=Receipt, **options.finish_options()
        )

    # Steps.

    async def _take_step(self) -> None:
        """Begin the due step, wait for its answer, and go on from it."""
        async with self._publishing:
            pass  # an answer or a cancel is being written down; what follows from it comes after
        if self._progress.question is not None or self._has_end:
            return
        notice = self._unpublished()
        self._progress = attempt(self._progress)
        step = due(self._progress)
        order = step_order(self._running).model_copy(update={"step": step, "notice": notice})
        self._is_busy = True
        if isinstance(step.operation, Delay):
            result = await self._delay(order, step.operation.duration)
        else:
            result = await self._perform(order)
        self._is_busy = False
        await self._go_on(result)

    async def _go_on(self, result: StepResult) -> None:
        if result.failed_requests is not None:
            self._running = self._running.model_copy(
                update={"failed_requests": result.failed_requests}
            )
        if result.answer.ok or self._wish is None:
            self._progress = advance(self._progress, result.answer, workflow.now())
        if self._wish is not None:
            self._settle_wish()
            if not self._has_end:
                await self.publish()

    async def _perform(self, order: StepOrder) -> StepResult:
        handle = workflow.start_activity(
            options.PERFORM, order, result_type=StepResult, **options.step_options(order.step)
        )

        def interrupt() -> None:
            handle.cancel()
            task = asyncio.create_task(self._interrupt_now(order, handle))
            self._interruptions.add(task)
            task.add_done_callback(self._interruptions.discard)

        if options.is_interruptible(order.step.operation):
            self._interrupt = interrupt
        began = workflow.now()
        try:
            result: StepResult = await handle
            return result
        except FailureError as error:
            return await unanswered(order, began, error)
        finally:
            self._interrupt = None

    async def _interrupt_now(
        self, order: StepOrder, handle: workflow.ActivityHandle[StepResult]
    ) -> None:
        """A cancelled activity hears of it with its next heartbeat; if it is here, it can hear of
        it now. Temporal must know first, or an activity that a crash repeats would know nothing.
        """
        await workflow.sleep(FLUSH)
        if handle.done():
            return
        interruption = Interruption(deployment=order.deployment, number=order.number)
        with contextlib.suppress(FailureError):
            await workflow.execute_local_activity(
                options.INTERRUPT, interruption, **options.passing_options()
            )

    async def _delay(self, order: StepOrder, duration: timedelta) -> StepResult:
        began = workflow.now()
        await note_step(order, began, StepState.RUNNING)
        try:
            await workflow.wait_condition(lambda: self._wish is not None, timeout=duration)
        except TimeoutError:
            await note_step(order, began, StepState.SUCCEEDED)
            return StepResult(answer=StepAnswer(ok=True))
        await note_step(order, began, StepState.CANCELED, "cancelled")
        return StepResult(answer=StepAnswer(ok=False, sentence="cancelled"), canceled=True)

    def _settle_wish(self) -> None:
        """No step is under way: take the deployment back, or say why it is too late."""
        wish = self._wish
        if wish is None:
            return
        wish.late = may_cancel(self._progress)
        if not wish.late:
            self._progress = cancel(self._progress, wish.reason, workflow.now())
        wish.is_settled = True
        self._wish = None

    # Waits.

    async def _pause(self) -> bool:
        """Wait before trying a failed step again. False when something was decided meanwhile."""
        progress = self._progress
        wait = pause_before(progress)
        if not wait:
            return True
        await self.publish()
        return not await self._await_change(wait)

    async def _await_answer(self) -> None:
        """Wait for a person, and decide without them when the time is up."""
        question = self._progress.question
        if question is None:
            return
        await self.publish()
        left = question.until - workflow.now()
        if self._progress.question is not question or await self._await_change(left):
            return
        self._progress = decide(self._progress, question.default, workflow.now())

    async def _await_change(self, wait: timedelta) -> bool:
        """Wait until something is decided, or a new run must begin; False when the time is up."""
        before = self._progress
        try:
            await workflow.wait_condition(
                lambda: self._progress is not before or self._must_move_on(),
                timeout=max(wait, timedelta(0)),
            )
        except TimeoutError:
            return False
        return True

    # Writing down.

    def _unpublished(self) -> Notice | None:
        """What the journal does not know yet. From here on somebody else writes it down."""
        if self._running.progress is None or self._has_end:
            return None
        record = running_record(self._running)
        if record == self._published:
            return None
        announce = record.status is not self._running.announced
        self._published = record
        self._running = self._running.model_copy(update={"announced": record.status})
        return Notice(record=record, announce=announce)

    async def _finish(self) -> None:
        async with self._publishing:
            unseen = self._running.announced is None and self._progress.status is not Status.REFUSED
            before = begun_record(self._running) if unseen else None
            record = final_record(self._running, workflow.now())
            ending = Ending(
                notice=Notice(record=record, announce=True),
                before=Notice(record=before, announce=True) if before else None,
            )
            await self._end(ending)
