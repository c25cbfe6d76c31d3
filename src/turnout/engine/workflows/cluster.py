"""One workflow per cluster: its queue, and one deployment at a time.

Begins with the first request and ends when nothing is left to do. Temporal lets only one workflow
of an id run, and that is what keeps two deployments of a cluster apart.
"""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from turnout.engine import options
from turnout.engine.messages import (
    Acceptance,
    Cancellation,
    Clearance,
    ClusterStart,
    Ending,
    Loss,
    News,
    Notice,
    Receipt,
    Reply,
    Running,
)
from turnout.engine.records import (
    cancel_reason,
    describe_request,
    ended_record,
    receipt_of,
    waiting_record,
)
from turnout.engine.workflows.noting import write_down
from turnout.engine.workflows.running import DeploymentRun
from turnout.model.deployment import Kind, OnBusy, Request, Status
from turnout.model.errors import Conflict, NotFound
from turnout.model.journal import DeploymentRecord, Event

_WITHOUT_EFFECT = frozenset({Status.ROLLED_BACK, Status.CANCELED, Status.REFUSED})


@workflow.defn(name=options.CLUSTER)
class ClusterWorkflow:
    """Takes requests for one cluster and carries them out one after the other."""

    @workflow.init
    def __init__(self, start: ClusterStart) -> None:
        self._cluster = start.cluster
        self._limit = start.history_limit or options.HISTORY_LIMIT
        self._queue = list(start.queue)
        self._lost = list(start.lost)
        self._handled: set[str] = set()
        self._queueing = asyncio.Lock()
        self._noted: dict[str, str] = {}
        self._run = DeploymentRun(start.running, self._is_long) if start.running else None

    @workflow.run
    async def run(self, start: ClusterStart) -> None:
        """Work until nothing is left."""
        while True:
            await workflow.wait_condition(self._may_go_on)
            if not self._has_work():
                return
            if self._is_long():
                self._begin_new_run(start)
            elif self._run is None and self._lost:
                await self._clear_up()
            else:
                await self._work()

    # What others may ask.

    @workflow.query(name=options.KNOWN)
    def known(self) -> list[str]:
        """Ids of all deployments that are waiting or under way here."""
        running = [self._run.request.id] if self._run else []
        return [*running, *(r.id for r in self._queue), *sorted(self._handled)]

    @workflow.update(name=options.SUBMIT)
    async def submit(self, request: Request) -> Receipt:
        """Take a request, and say whether it waits, is about to begin, or is rejected."""
        self._handled.add(request.id)
        try:
            async with self._queueing:
                return self._find(request.id) or await self._take(request)
        finally:
            self._handled.discard(request.id)

    @submit.validator
    def _may_submit(self, request: Request) -> None:
        if request.cluster != self._cluster:
            raise _refused(f"{request.cluster} is not {self._cluster}", Conflict.code)
        if len(self._queue) >= options.QUEUE_LIMIT and not self._find(request.id):
            waiting = f"{len(self._queue)} deployments of {self._cluster} wait already"
            raise _refused(f"{waiting}: cancel some, or try again later", Conflict.code)

    @workflow.update(name=options.CANCEL)
    async def cancel(self, wish: Cancellation) -> Receipt:
        """Take a deployment out of the queue, or back."""
        waiting = next((r for r in self._queue if r.id == wish.deployment), None)
        if waiting is not None:
            return await self._cancel_waiting(waiting, wish)
        run = self._run
        if run is None or run.request.id != wish.deployment:
            raise _unknown(wish.deployment)
        asked = run.cancel(cancel_reason(wish.by, wish.reason))
        if not asked.is_settled:
            await workflow.wait_condition(lambda: asked.is_settled)
        if asked.late:
            raise _too_late(wish.deployment, asked.late)
        await run.publish()
        return run.receipt

    @cancel.validator
    def _may_cancel(self, wish: Cancellation) -> None:
        if any(r.id == wish.deployment for r in self._queue):
            return
        if self._run is None or self._run.request.id != wish.deployment:
            raise _unknown(wish.deployment)
        late = self._run.why_not_cancel()
        if late:
            raise _too_late(wish.deployment, late)

    @workflow.update(name=options.ANSWER)
    async def answer(self, reply: Reply) -> Receipt:
        """Answer the question of a paused deployment."""
        run = self._run
        if run is None or run.request.id != reply.deployment:
            raise _unknown(reply.deployment)
        wrong = run.why_not_answer(reply.choice)
        if wrong:
            raise _wrong_answer(reply, wrong)
        run.answer(reply.choice)
        await run.publish(_answered(reply, self._cluster))
        return run.receipt

    @answer.validator
    def _may_answer(self, reply: Reply) -> None:
        if self._run is None or self._run.request.id != reply.deployment:
            raise _unknown(reply.deployment)
        wrong = self._run.why_not_answer(reply.choice)
        if wrong:
            raise _wrong_answer(reply, wrong)

    @workflow.update(name=options.ABANDON)
    async def abandon(self, loss: Loss) -> None:
        """Clear up after a deployment that no workflow knows, as soon as nothing runs here."""
        if loss.deployment not in self._lost:
            self._lost.append(loss.deployment)

    @abandon.validator
    def _may_abandon(self, loss: Loss) -> None:
        if loss.deployment in self.known():
            raise _refused(f"{loss.deployment} is not lost", Conflict.code)

    # The main line.

    def _is_long(self) -> bool:
        info = workflow.info()
        return (
            info.get_current_history_length() >= self._limit or info.is_continue_as_new_suggested()
        )

    def _has_work(self) -> bool:
        return bool(self._run or self._queue or self._lost)

    def _may_go_on(self) -> bool:
        """There is work and room in the history for it, or else nobody is being served."""
        return (self._has_work() and not self._is_long()) or workflow.all_handlers_finished()

    def _begin_new_run(self, start: ClusterStart) -> None:
        workflow.continue_as_new(
            start.model_copy(
                update={
                    "queue": tuple(self._queue),
                    "running": self._run.remembered() if self._run else None,
                    "lost": tuple(self._lost),
                }
            )
        )

    async def _work(self) -> None:
        """Carry out the deployment under way, or the next one."""
        if self._run is None:
            self._run = DeploymentRun(Running(request=self._queue.pop(0)), self._is_long)
        if await self._run.carry_on():
            self._tell_queue(self._run.request, self._run.receipt.status)
            self._run = None

    def _tell_queue(self, ended: Request, status: Status) -> None:
        """Those who wait learn whether what they waited for has come to nothing."""
        outlived = ended.id if status in _WITHOUT_EFFECT else ""
        if ended.kind is Kind.ROLLBACK and not outlived:
            outlived = ended.outlived  # it only held the cluster: the next one goes no further
        self._queue = [r.model_copy(update={"outlived": outlived}) for r in self._queue]

    async def _clear_up(self) -> None:
        """Lost ones come before new ones: what they left may be in the way."""
        clearance = Clearance(deployment=self._lost[0], cluster=self._cluster)
        await workflow.execute_activity(options.CLEAR, clearance, **options.clear_options())
        self._lost.pop(0)

    # The queue.

    def _find(self, deployment: str) -> Receipt | None:
        if self._run is not None and self._run.request.id == deployment:
            return self._run.receipt
        for place, request in enumerate(self._queue):
            if request.id == deployment:
                return receipt_of(waiting_record(request, self._ahead(place)))
        return None

    def _ahead(self, place: int) -> Request | None:
        """For whom the request at this place of the queue waits."""
        if place:
            return self._queue[place - 1]
        return self._run.request if self._run else None

    async def _take(self, request: Request) -> Receipt:
        is_busy = self._run is not None or bool(self._queue)
        if is_busy and request.on_busy is OnBusy.REJECTED:
            return await self._reject(request)
        first = request.on_busy is OnBusy.SUPERSEDING
        ahead = self._ahead(0 if first else len(self._queue))
        notice = Notice(record=waiting_record(request, ahead), announce=True)
        receipt: Receipt = await workflow.execute_local_activity(
            options.ACCEPT,
            Acceptance(notice=notice),
            result_type=Receipt,
            **options.passing_options(),
        )
        if receipt.status is not Status.QUEUED:
            return receipt  # it was here before, and has ended
        self._queue.insert(0 if first else len(self._queue), request)
        self._noted[request.id] = notice.record.sentence
        if first and self._run is not None and not self._run.why_not_cancel():
            self._run.cancel(f"superseded by {describe_request(request)}")
        await self._note_queue()
        return self._find(request.id) or receipt

    async def _reject(self, request: Request) -> Receipt:
        ahead = self._run.request if self._run else self._queue[0]
        sentence = f"not begun: {self._cluster} is busy with {describe_request(ahead)}"
        record = ended_record(request, Status.REJECTED, sentence, workflow.now())
        return await self._end_waiting(record)

    async def _cancel_waiting(self, request: Request, wish: Cancellation) -> Receipt:
        self._handled.add(request.id)
        self._queue.remove(request)
        try:
            async with self._queueing:
                why = cancel_reason(wish.by, wish.reason)
                sentence = f"cancelled while it waited: {why}"
                now = workflow.now()
                receipt = await self._end_waiting(
                    ended_record(request, Status.CANCELED, sentence, now)
                )
                await self._note_queue()
                return receipt
        finally:
            self._handled.discard(request.id)

    async def _end_waiting(self, record: DeploymentRecord) -> Receipt:
        """End a request that never began; the journal may know better, and wins."""
        receipt: Receipt = await workflow.execute_activity(
            options.FINISH,
            Ending(notice=Notice(record=record, announce=True)),
            result_type=Receipt,
            **options.finish_options(),
        )
        return receipt

    async def _note_queue(self) -> None:
        """Write down for whom everybody waits now, where that has changed."""
        records = [waiting_record(r, self._ahead(n)) for n, r in enumerate(self._queue)]
        changed = [r for r in records if self._noted.get(r.id) != r.sentence]
        self._noted = {r.id: r.sentence for r in records}
        if changed:
            await write_down(News(notices=tuple(Notice(record=r) for r in changed)))


def _answered(reply: Reply, cluster: str) -> Event:
    who = reply.by or "somebody"
    comment = f": {reply.comment}" if reply.comment else ""
    return Event(
        at=workflow.now(),
        cluster=cluster,
        deployment=reply.deployment,
        kind="deployment.answered",
        sentence=f"{who} answered {reply.choice}{comment}",
        data={"choice": str(reply.choice), "by": reply.by},
    )


def _refused(message: str, code: str) -> ApplicationError:
    return ApplicationError(message, type=code, non_retryable=True)


def _unknown(deployment: str) -> ApplicationError:
    return _refused(f"deployment {deployment} neither runs nor waits", NotFound.code)


def _too_late(deployment: str, late: str) -> ApplicationError:
    return _refused(f"deployment {deployment} cannot be cancelled: {late}", Conflict.code)


def _wrong_answer(reply: Reply, wrong: str) -> ApplicationError:
    return _refused(
        f"{reply.choice} does not answer deployment {reply.deployment}: {wrong}", Conflict.code
    )
