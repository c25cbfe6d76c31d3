"""One attempt at a time: whoever works on a deployment is alone with it, and really stops.

Temporal counts an attempt as dead when it does not hear of it, but a coroutine that lives on could
still change the world. So an attempt's work is a task of its own with an owner here: it is ended
before another one begins, and before its activity returns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field

from temporalio import activity

from turnout.engine.activities.failures import failure_of
from turnout.engine.messages import StepResult
from turnout.model.errors import Temporary


@dataclass(slots=True, eq=False)
class Attempt:
    """One try at one step. `is_canceled`: somebody asked for its end, so it ends in good order."""

    deployment: str
    number: int
    interruptible: bool
    is_canceled: bool = False
    task: asyncio.Task[StepResult] | None = field(default=None, repr=False)


class Attempts:
    """All attempts of this process that are under way."""

    def __init__(self) -> None:
        self._running: dict[str, Attempt] = {}

    def interrupt(self, deployment: str, number: int) -> bool:
        """Ask the attempt at this step to end, if it is here and can be interrupted."""
        found = self._running.get(deployment)
        if found is None or found.number != number or not found.interruptible:
            return False
        _cancel(found)
        return True

    async def run(
        self, attempt: Attempt, work: Coroutine[object, object, StepResult]
    ) -> StepResult:
        """Do the work after ending an earlier attempt at the same deployment.

        Cancelled on request, interruptible work is interrupted and anything else finishes; its
        answer counts in both cases. Cancelled because nobody waits any more, all work is stopped
        before the cancellation is passed on.
        """
        earlier = self._running.get(attempt.deployment)
        try:
            if earlier is not None:
                await _stop(earlier)
        except asyncio.CancelledError:
            work.close()
            raise
        attempt.task = asyncio.create_task(work)
        self._running[attempt.deployment] = attempt
        try:
            return await _supervise(attempt, attempt.task)
        finally:
            if self._running.get(attempt.deployment) is attempt:
                del self._running[attempt.deployment]


async def _supervise(attempt: Attempt, task: asyncio.Task[StepResult]) -> StepResult:
    stopping = asyncio.create_task(activity.wait_for_worker_shutdown())
    try:
        return await _see_through(attempt, task, stopping)
    finally:
        stopping.cancel()


async def _see_through(
    attempt: Attempt, task: asyncio.Task[StepResult], stopping: asyncio.Task[None]
) -> StepResult:
    ends = {task, stopping} if attempt.interruptible else {task}
    while not task.done():
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if not _is_requested():
                await _stop(attempt)  # nobody waits for it any more
            elif attempt.interruptible:
                _cancel(attempt)
        else:
            await _stop(attempt)  # it is done, or the worker stops
    if not task.cancelled():
        return task.result()
    if stopping.done():
        # Raised as a cancellation, it would count as one, and nobody would do it again.
        raise failure_of(Temporary("its worker is stopping", retry_after=0.1))
    raise asyncio.CancelledError


def _is_requested() -> bool:
    """Whether the workflow asked for the end, and waits for the answer."""
    details = activity.cancellation_details()
    return details is not None and details.cancel_requested


def _cancel(attempt: Attempt) -> None:
    if not attempt.is_canceled and attempt.task is not None:
        attempt.is_canceled = True
        attempt.task.cancel()


async def _stop(attempt: Attempt) -> None:
    """End the work and see it end, however often we are cancelled ourselves."""
    task = attempt.task
    canceled = False
    while task is not None and not task.done():
        task.cancel()
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            canceled = True
    if canceled:
        raise asyncio.CancelledError
