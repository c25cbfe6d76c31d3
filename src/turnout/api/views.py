"""What the API answers with beyond the values of the model. These bodies only ever grow."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from turnout.documents.canary import Change
from turnout.model.canary.stored import ConfigView
from turnout.model.deployment import ClusterState
from turnout.model.errors import Problem, Severity
from turnout.model.journal import CheckRecord, DeploymentRecord, SplitRecord, StepRecord
from turnout.model.samples import Series
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
    severity: Severity = Severity.ERROR
    """A document with warnings only is taken."""

    @classmethod
    def of(cls, problem: Problem) -> ProblemItem:
        """The same, for an answer."""
        return cls(
            message=problem.message,
            path=problem.path,
            line=problem.line,
            column=problem.column,
            nearest=problem.nearest,
            severity=problem.severity,
        )


class ConfigKept(Value):
    """The version that now is the newest, and what was probably not meant in the document."""

    config: ConfigView
    warnings: tuple[ProblemItem, ...] = ()


class ConfigChecked(Value):
    """A document that can be used, and what was probably not meant in it."""

    document: dict[str, Any]  # may hold properties that we do not know
    warnings: tuple[ProblemItem, ...] = ()


class ConfigDiff(Value):
    """What differs between two versions; metrics are compared by name."""

    name: str
    before: int
    after: int
    changes: tuple[Change, ...]


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


class QueryView(Value):
    """What a query is for its source, and what that answered. NaN = missing."""

    type: str
    text: str
    """The query with everything filled in."""
    start: datetime
    end: datetime
    step_seconds: int
    series: tuple[Series, ...]
    warnings: tuple[str, ...]
    """What is wrong with sources that answer."""
