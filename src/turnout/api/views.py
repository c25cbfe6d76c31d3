"""What the API answers with beyond the values of the model. These bodies only ever grow."""

from __future__ import annotations

from typing import Any, Literal

from turnout.model.deployment import ClusterState
from turnout.model.journal import CheckRecord, DeploymentRecord, SplitRecord, StepRecord
from turnout.model.traffic import GroupTraffic
from turnout.model.value import Value


class Health(Value):
    """Whether the server takes requests."""

    status: Literal["ready", "starting"]
    version: str
    data_folder: str
    target: str = "local"


class ClusterView(Value):
    """One cluster as it is now."""

    state: ClusterState
    traffic: dict[str, GroupTraffic]
    """What the router counted, per server group."""
    running: DeploymentRecord | None
    waiting: tuple[DeploymentRecord, ...]
    """Whose turn comes after it, in this order."""
    address: str | None
    """Where its users come in."""


class DeploymentView(Value):
    """One deployment with everything that is written below it."""

    record: DeploymentRecord
    steps: tuple[StepRecord, ...]
    splits: tuple[SplitRecord, ...]
    checks: tuple[CheckRecord, ...]


class HoldView(Value):
    """Whether automatic deployments of a cluster are held, and why."""

    cluster: str
    held: str
    """Empty = not held."""


class Finding(Value):
    """One thing that the doctor looked at."""

    name: str
    ok: bool
    sentence: str
    hint: str = ""
    """What to do when it is not well."""


class ProblemItem(Value):
    """One mistake in a document or a request. Line and column count from 1, 0 = unknown."""

    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    nearest: str = ""


class ProblemDocument(Value):
    """Why a request was not done (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    """Stable, for programs."""
    detail: str
    """For people: what was tried, what happened, what next."""
    hint: str = ""
    problems: tuple[ProblemItem, ...] = ()
    rule: str = ""
    """Which guard refused."""
    details: dict[str, Any] = {}  # whatever the error carries: its code says what
