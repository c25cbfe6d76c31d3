"""From our errors to Temporal's: what is tried again, and when. One table."""

from __future__ import annotations

from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from turnout.model.errors import (
    AdapterError,
    Conflict,
    Forbidden,
    GuardRefused,
    InvalidDocument,
    NotFound,
    Permanent,
    Temporary,
    TurnoutError,
)

IS_RETRIED: dict[type[TurnoutError], bool] = {
    InvalidDocument: False,
    NotFound: False,
    Conflict: False,
    Forbidden: False,
    GuardRefused: False,
    Temporary: True,
    Permanent: False,
    AdapterError: True,
    TurnoutError: False,
}
"""Whether trying again may help. What is not a `TurnoutError` is a bug, and is tried again too."""


def is_retried(error: Exception) -> bool:
    """Whether trying again may help."""
    kinds = (kind for kind in type(error).__mro__ if kind in IS_RETRIED)
    return next((IS_RETRIED[kind] for kind in kinds), True)


def describe(error: Exception) -> str:
    """In words that a person can use."""
    if isinstance(error, TurnoutError):
        return error.message
    return f"unexpected {type(error).__name__}: {error}"


def failure_of(error: Exception, *, always_retried: bool = False) -> ApplicationError:
    """The same trouble in Temporal's words."""
    after = error.retry_after if isinstance(error, Temporary) else None
    return ApplicationError(
        describe(error),
        type=error.code if isinstance(error, TurnoutError) else "bug",
        non_retryable=not (always_retried or is_retried(error)),
        next_retry_delay=None if after is None else timedelta(seconds=after),
        category=ApplicationErrorCategory.BENIGN,  # it is logged by us, with its fields
    )
