"""What can go wrong, sorted by who can mend it and whether trying again may help.

TurnoutError                     code, message, details, hint
├── InvalidDocument              the author: line, column, nearest valid name
├── NotFound · Conflict · Forbidden
├── GuardRefused                 the operation would break a safety rule; names the rule
└── AdapterError                 the outside world
    ├── Temporary(retry_after)   try again
    └── Permanent                do not
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class TurnoutError(Exception):
    """Catch it at the edge of a process, to tell a person.

    Message: what was tried, what happened, what next.
    """

    code = "turnout_error"

    def __init__(
        self, message: str, *, hint: str = "", details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details or {}


class Severity(StrEnum):
    """A document with an error cannot be used; one with warnings can."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a document.

    `path` is dotted (`run.command`); line and column count from 1, 0 = unknown.
    """

    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    nearest: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}: " if self.line else ""
        subject = f"{self.path}: " if self.path else ""
        nearest = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{place}{subject}{self.message}{nearest}"


class InvalidDocument(TurnoutError):
    """Catch it to show an author every mistake of a document at once."""

    code = "invalid_document"

    def __init__(self, message: str, problems: tuple[Problem, ...], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class NotFound(TurnoutError):
    """Catch it when a named thing may not exist."""

    code = "not_found"


class Conflict(TurnoutError):
    """Catch it when somebody else may have been first: a stale generation, a stale plan, a busy
    cluster.
    """

    code = "conflict"


class Forbidden(TurnoutError):
    """Catch it when the caller may lack the right to do this."""

    code = "forbidden"


class Rule(StrEnum):
    """What a refusal names: a rule that keeps users from harm, or why a wish cannot be met."""

    HELD = "held"
    FROZEN = "frozen"
    LAST_HEALTHY = "last_healthy"
    HAS_TRAFFIC = "has_traffic"
    PINNED = "pinned"
    LISTENER_MOVED = "listener_moved"
    NO_LISTENER = "no_listener"
    STALE_PLAN = "stale_plan"
    NOTHING_TO_ROLL_BACK_TO = "nothing_to_roll_back_to"
    UNKNOWN_GROUP = "unknown_group"
    NO_SIZE = "no_size"
    CANNOT_BE_PLANNED = "cannot_be_planned"


class GuardRefused(TurnoutError):
    """Catch it when an operation may break a safety rule. `rule` names the rule."""

    code = "guard_refused"

    def __init__(self, message: str, *, rule: str, hint: str = "") -> None:
        super().__init__(message, hint=hint, details={"rule": rule})
        self.rule = rule


class AdapterError(TurnoutError):
    """Catch it around any call to the outside world."""

    code = "adapter_error"


class Temporary(AdapterError):
    """Catch it to try again, after `retry_after` seconds when given."""

    code = "temporary"

    def __init__(self, message: str, *, retry_after: float | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class Permanent(AdapterError):
    """Catch it when trying again cannot help."""

    code = "permanent"
