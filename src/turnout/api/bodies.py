"""What may be sent to the API. Strict: unknown fields and loosely typed values are refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints, model_validator

from turnout.canary.interval_plans import LONGEST
from turnout.model.deployment import Choice, OnBusy
from turnout.model.value import Value

MOST_TEXT = 256 * 1024
"""Characters of a document."""

_PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_ABSOLUTE = r"^/[^\x00-\x1f\x7f]*$"


Line = Annotated[str, StringConstraints(max_length=1000, pattern=_PRINTABLE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PRINTABLE)]
Unread = Annotated[str, StringConstraints(max_length=1000)]
"""A text whose rules are those of the service file: its reader judges it."""
Folder = Annotated[str, StringConstraints(max_length=4096, pattern=_ABSOLUTE)]
"""Absolute: the server does not know where its callers are."""
ClusterPath = Annotated[str, StringConstraints(max_length=58, pattern=r"^[a-z0-9-]+$")]
GroupPath = Annotated[str, StringConstraints(max_length=63, pattern=r"^[a-z0-9-]+$")]
ConfigPath = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9,_-]+$")]
DeploymentPath = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]*$")
]
AnalysisPath = Annotated[str, StringConstraints(max_length=300, pattern=r"^[^/\x00-\x1f\x7f]+$")]
InstancePath = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9._~-]+$")]


class Document(Value):
    """A service file as it was read, and where it lies: its relative paths start there."""

    text: Annotated[str, StringConstraints(max_length=MOST_TEXT)]
    folder: Folder
    name: Name = "service.yaml"


class CheckBody(Document):
    """A service file to be checked, with what the command line would override."""

    version: Unread | None = None
    strategy: Unread | None = None


class CanaryConfigText(Value):
    """A canary configuration as it was read, YAML or JSON."""

    text: Annotated[str, StringConstraints(max_length=MOST_TEXT)]
    name: Name = "canary.yaml"
    """What messages call the document."""


class CanaryConfigBody(CanaryConfigText):
    """A canary configuration to be kept."""

    by: Line = ""


class ChosenConfig(Value):
    """A canary configuration: a stored one by its name, or with `text` this one."""

    name: Name = "default"
    text: Annotated[str, StringConstraints(max_length=MOST_TEXT)] | None = None
    """YAML or JSON; then the name is what messages call it."""


Scope = Annotated[str, StringConstraints(max_length=500, pattern=_PRINTABLE)]
"""A server group, or what a metrics system calls one."""


class CompareBody(Value):
    """A comparison in the past. Groups of ours by `cluster`; for a metrics system name both scopes.

    Without a control, the group that served before the experiment, in its last `duration` before
    the switch. Without a start, the last `duration` that has passed, or the first one after the
    switch.

    With `every` the compatible judge is asked each time so much more has passed, on a window that
    grows, or with `lookback` slides. Then the time may be to come, and begins now without a start.
    """

    cluster: Annotated[str, StringConstraints(max_length=58, pattern=r"^[a-z0-9-]*$")] = ""
    config: ChosenConfig = ChosenConfig()
    experiment: Scope = ""
    control: Scope = ""
    location: Scope = ""
    """Where a metrics system wants one; ours is the cluster."""
    before: Annotated[bool, Field(strict=True)] = False
    """The control's window is its last one before the switch to the experiment."""
    start: AwareDatetime | None = None
    control_start: AwareDatetime | None = None
    duration: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(minutes=15)
    every: Annotated[timedelta, Field(gt=timedelta(0), le=LONGEST)] | None = None
    """Between two judgements; None = one judgement, of what has passed."""
    lookback: Annotated[timedelta, Field(ge=timedelta(0), le=LONGEST)] = timedelta(0)
    """How far each judgement looks back; 0 = to the beginning."""
    begin_after: Annotated[timedelta, Field(ge=timedelta(0), le=LONGEST)] = timedelta(0)
    """How much later than `start` the first window begins, to leave out a warm-up."""
    parameters: dict[str, str] = {}

    @model_validator(mode="after")
    def _has_intervals(self) -> CompareBody:
        if self.every is None and (self.lookback or self.begin_after):
            raise ValueError("lookback and begin_after need every")
        return self


class QueryBody(Value):
    """The query of a metric in a configuration, or with `query` one that is sent, as JSON has it
    there. Without times the last 15 minutes.
    """

    config: ChosenConfig = ChosenConfig()
    metric: Line = ""
    exposure: Annotated[bool, Field(strict=True)] = False
    """The metric's `exposureQuery` instead."""
    query: dict[str, JsonValue] | None = None
    scope: Scope = ""
    location: Scope = ""
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    step: Annotated[int, Field(ge=1, le=86_400, strict=True)] | None = None
    parameters: dict[str, str] = {}


Share = Annotated[int, Field(ge=1, le=500, strict=True)]
"""Of each of two arms, in per mille."""


class ReplayBody(Value):
    """A replay over the last hours: of whoever served the cluster, split at random into two arms
    of this share; or of two groups (or scopes of a metrics system) that are named.
    """

    cluster: Annotated[str, StringConstraints(max_length=58, pattern=r"^[a-z0-9-]*$")] = ""
    config: ChosenConfig = ChosenConfig()
    past: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=8))] = timedelta(hours=24)
    window: Annotated[timedelta, Field(ge=timedelta(seconds=30), le=timedelta(hours=12))] = (
        timedelta(minutes=15)
    )
    share: Share = 50
    control: Scope = ""
    experiment: Scope = ""
    location: Scope = ""
    seed: Annotated[int, Field(ge=0, le=2**31, strict=True)] = 1


class DurationBody(Value):
    """How long until a regression is found: `regression` is a ratio (1.5 for 50 % more), `to` the
    share of errors that it ends at. From `rate` and `errors`, or from a cluster's last hours.
    """

    cluster: Annotated[str, StringConstraints(max_length=58, pattern=r"^[a-z0-9-]*$")] = ""
    config: ChosenConfig = ChosenConfig()
    past: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(hours=24))] = timedelta(hours=3)
    rate: Annotated[float, Field(gt=0, le=1e9, strict=True)] | None = None
    """Requests per second, of everybody."""
    errors: Annotated[float, Field(gt=0, lt=1, strict=True)] | None = None
    shares: Annotated[tuple[Share, ...], Field(min_length=1, max_length=8)] = (50, 100, 500)
    regression: Annotated[float, Field(ge=1.001, le=1000, strict=True)] | None = None
    to: Annotated[float, Field(gt=0, lt=1, strict=True)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31, strict=True)] = 1

    @model_validator(mode="after")
    def _asks_something(self) -> DurationBody:
        if not self.cluster and (self.rate is None or self.errors is None):
            raise ValueError("name a cluster, or the rate of requests and the share of errors")
        return self


class DeployBody(Value):
    """A deployment, or the wish for its plan."""

    document: Document
    version: Unread | None = None
    strategy: Unread | None = None
    instances: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = None
    on_busy: OnBusy = OnBusy.QUEUED
    by: Line = ""
    reason: Line = ""
    force: Line = ""
    """Why guards, a hold and a freeze may be overridden."""
    fingerprint: Line = ""


class _Operation(Value):
    """What may be said about any single operation."""

    on_busy: OnBusy = OnBusy.QUEUED
    by: Line = ""
    reason: Line = ""
    force: Line = ""
    """Why guards may be overridden."""
    fingerprint: Line = ""
    plan_only: Annotated[bool, Field(strict=True)] = False


class RollbackBody(_Operation):
    """All traffic back to the previous server group, or to a named one."""

    kind: Literal["rollback"]
    group: GroupPath | None = None


class ResizeBody(_Operation):
    """Another number of instances."""

    kind: Literal["resize"]
    group: GroupPath
    instances: Annotated[int, Field(ge=0, le=1000, strict=True)]


class EnableBody(_Operation):
    """A share of the traffic, in per mille; all of it unless said otherwise."""

    kind: Literal["enable"]
    group: GroupPath
    share: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1000


class DisableBody(_Operation):
    """No traffic any more."""

    kind: Literal["disable"]
    group: GroupPath


class DestroyBody(_Operation):
    """The end of a server group."""

    kind: Literal["destroy"]
    group: GroupPath


class ShrinkBody(_Operation):
    """The end of the oldest disabled server groups beyond `keep`."""

    kind: Literal["shrink"]
    keep: Annotated[int, Field(ge=1, le=999, strict=True)] | None = None


OperationBody = Annotated[
    RollbackBody | ResizeBody | EnableBody | DisableBody | DestroyBody | ShrinkBody,
    Field(discriminator="kind"),
]


class CancelBody(Value):
    """Who takes a deployment back, and why."""

    by: Line = ""
    reason: Line = ""


class AnswerBody(Value):
    """What a person says to a paused deployment."""

    choice: Choice
    by: Line = ""
    comment: Line = ""


class JudgmentBody(Value):
    """What a person says about a canary."""

    choice: Literal["pass", "fail"]
    by: Line = ""
    comment: Line = ""


class HoldBody(Value):
    """Why automatic deployments of a cluster are to be held."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=_PRINTABLE)]
    by: Line = ""


class ReleaseBody(Value):
    """Who lets them go on."""

    by: Line = ""
