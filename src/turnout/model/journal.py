"""What is written down about a deployment, for ever."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from turnout.model.checks import CheckAnswer
from turnout.model.deployment import Choice, Request, Status
from turnout.model.plan import Plan
from turnout.model.value import Value


class Question(Value):
    """Why a deployment is paused, and what may be answered."""

    sentence: str
    choices: tuple[Choice, ...]
    asked_at: datetime
    until: datetime
    default: Choice
    """Taken when nobody has answered by `until`."""


class DeploymentRecord(Value):
    """One deployment as the journal knows it. Written whole at each change of status."""

    request: Request
    status: Status
    sentence: str
    """What it does, waits for, or how it ended, in one sentence."""
    plan: Plan | None = None
    question: Question | None = None
    reverses: str = ""
    """A rollback: id of the deployment whose change it takes back."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    switched_at: datetime | None = None
    """When the first share of traffic on the new group was confirmed."""
    cause: str = ""
    """Why it was taken back or failed."""
    detected_at: datetime | None = None
    """When the trouble was noticed."""
    decided_at: datetime | None = None
    """When the way back was decided."""
    returned_at: datetime | None = None
    """When the split from before was confirmed again."""
    failed_requests: int | None = None
    """Requests that the new group failed between its first traffic and the confirmed way back."""

    @property
    def id(self) -> str:
        """The deployment's id."""
        return self.request.id


class StepState(StrEnum):
    """How a step went."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class StepRecord(Value):
    """One step of a deployment as it really went. `number` counts the steps taken, from 1."""

    deployment: str
    number: int
    step: str
    title: str
    op: str
    way_back: bool = False
    """Part of the way back or of the clean-up, not of the plan."""
    state: StepState
    attempts: int = 1
    started_at: datetime
    ended_at: datetime | None = None
    waiting_for: str = ""
    deadline: datetime | None = None
    said: str = ""
    """Its answer, or the last error, in a sentence."""
    figures: dict[str, float] = {}


class SplitRecord(Value):
    """One change of traffic, with its proof."""

    cluster: str
    generation: int
    shares: dict[str, int]
    deployment: str
    requested_at: datetime
    confirmed_at: datetime


class CheckRecord(Value):
    """One answer of a check, made in a step of a deployment."""

    deployment: str
    step: str
    at: datetime
    answer: CheckAnswer


class Event(Value):
    """One line of what happened, for people who watch.

    `sequence` is given by the store and only grows.
    """

    sequence: int = 0
    at: datetime
    cluster: str
    deployment: str = ""
    kind: str
    """`deployment.status`, `step.started`, `step.ended`, `split.confirmed`, `instance.died`,
    `router.restarted` …
    """
    sentence: str
    data: dict[str, str | int | float | bool | None] = {}
