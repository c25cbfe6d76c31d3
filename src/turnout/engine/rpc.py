"""Temporal's errors in our words, and the one way to talk to a cluster's workflow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio.client import (
    RPCTimeoutOrCancelledError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from turnout.model.errors import Conflict, NotFound, Permanent, Temporary, TurnoutError

Answer = TypeVar("Answer")

PASSING = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.FAILED_PRECONDITION,  # decisions of the workflow timed out: a busy machine
        RPCStatusCode.CANCELLED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.UNKNOWN,
    }
)
"""What may be over when it is tried again."""

ERRORS: dict[str, type[TurnoutError]] = {NotFound.code: NotFound, Conflict.code: Conflict}
"""What a workflow may answer to an update, by its code."""

AGAIN_AFTER = 0.05


def translate(error: Exception, tried: str) -> TurnoutError:
    """The same trouble in our words."""
    if isinstance(error, WorkflowUpdateFailedError):
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.type in ERRORS:
            return ERRORS[cause.type](cause.message)
        return Temporary(f"{tried}: {cause}")
    if isinstance(error, RPCError) and error.status not in PASSING:
        if error.status is RPCStatusCode.NOT_FOUND:
            return NotFound(f"{tried}: {error.message}")
        return Permanent(f"{tried}: {error.message}")
    return Temporary(
        f"{tried}: Temporal does not answer ({error})",
        hint="It is restarted when it runs inside Turnout; see `turnout doctor`.",
    )


async def insist(call: Callable[[], Awaitable[Answer]], tried: str, within: timedelta) -> Answer:
    """Call until it works or what it says is final. Safe only for what may be repeated.

    A workflow that ends, or goes on in a new run, just when it is called, is called again.
    Raises `Temporary` when time is up.
    """
    last: TurnoutError = Temporary(f"{tried}: no answer within {within.total_seconds():g} s")
    try:
        async with asyncio.timeout(within.total_seconds()):
            while True:
                try:
                    return await call()
                except (RPCError, RPCTimeoutOrCancelledError, WorkflowUpdateFailedError) as error:
                    _pass_on_cancellation(error)
                    last = translate(error, tried)
                    if not isinstance(last, Temporary):
                        raise last from error
                await asyncio.sleep(AGAIN_AFTER)
    except TimeoutError:
        raise last from None


def _pass_on_cancellation(error: Exception) -> None:
    """Temporal's client takes our own cancellation, by a time-out say, for an error of the call."""
    task = asyncio.current_task()
    if isinstance(error, RPCTimeoutOrCancelledError) and task is not None and task.cancelling():
        raise asyncio.CancelledError from error
