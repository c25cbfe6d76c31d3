"""A deployment: one run of a strategy, or of a single operation, on one cluster."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from turnout.model.analysis import AnalysisMode, AnalysisSettings, OnInconclusive
from turnout.model.checks import Check
from turnout.model.servers import GroupSettings, NonNegative, Positive, ServerGroup, Text
from turnout.model.traffic import Listener, TrafficSplit
from turnout.model.value import Value


class Kind(StrEnum):
    """What a deployment does. All but `deploy` are single operations of a person."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    RESIZE = "resize"
    ENABLE = "enable"
    DISABLE = "disable"
    DESTROY = "destroy"
    SHRINK = "shrink"


class StrategyName(StrEnum):
    """The ways to deploy a version."""

    BLUE_GREEN = "blue_green"
    ROLLING_BLUE_GREEN = "rolling_blue_green"
    HIGHLANDER = "highlander"
    CANARY = "canary"
    DARK = "dark"


class OnFailure(StrEnum):
    """`rollback` takes everything back, `pause` asks a person, `stop` leaves things as they are."""

    ROLLBACK = "rollback"
    PAUSE = "pause"
    STOP = "stop"


class OnBusy(StrEnum):
    """What to do while another deployment of the same cluster runs."""

    QUEUED = "queued"
    REJECTED = "rejected"
    SUPERSEDING = "superseding"


class Scale(StrEnum):
    """How rolling blue/green grows the new group: with its share, or to full size before any
    traffic.
    """

    WITH_TRAFFIC = "with_traffic"
    FULL = "full"


PerMille = Annotated[int, Field(ge=1, le=1000, strict=True)]
ArmShare = Annotated[int, Field(ge=1, le=450, strict=True)]
"""Of the baseline, and of the canary as well: production keeps a tenth at least."""


PROMOTIONS = (
    StrategyName.BLUE_GREEN,
    StrategyName.ROLLING_BLUE_GREEN,
    StrategyName.HIGHLANDER,
)
"""How a canary that is fine may get all traffic."""


class Options(Value):
    """The options of every strategy; those that only some strategies read say so.

    Which strategy takes which option is the table `STRATEGY_OPTIONS`; the document reader refuses
    the rest.
    """

    instances: Annotated[int, Field(ge=1, le=1000, strict=True)] | Literal["source"] = "source"
    """Size of the new group; `source` copies the source's current number (the service's own number
    when there is none).
    """
    on_failure: OnFailure = OnFailure.ROLLBACK
    keep_failed: bool = False
    ready_deadline: Positive = timedelta(minutes=10)
    healthy_share: PerMille = 1000
    """Per mille of the desired instances that must be healthy for a group to be ready."""
    min_healthy_share: Annotated[int, Field(ge=0, le=1000, strict=True)] = 0
    """Floor of the last-healthy guard, per mille of the desired instances of the enabled groups."""
    watch: NonNegative = timedelta(0)
    watch_checks: tuple[Check, ...] = ()
    """Empty = the default trip wires."""
    keep: Annotated[int, Field(ge=1, le=999, strict=True)] = 2
    scale_down_after: Positive | None = None
    """None = never."""
    before_traffic: tuple[Check, ...] = ()
    delay_before_switch: NonNegative = timedelta(0)
    steps: Annotated[tuple[PerMille, ...], Field(min_length=1)] = (100, 250, 500, 1000)
    """Rolling: growing shares in per mille, the last one 1000."""
    scale: Scale = Scale.WITH_TRAFFIC
    step_hold: NonNegative = timedelta(0)
    checks: tuple[Check, ...] = ()
    """Rolling: run during every step's hold."""
    shrink_source: bool = False
    canary_instances: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    """Canary: size of the baseline, and of the canary as well."""
    traffic: ArmShare = 50
    """Canary: the share of each of both."""
    canary_steps: tuple[ArmShare, ...] = ()
    """Canary: growing shares, each one analysed for `duration`. Empty = `traffic` alone."""
    warmup: NonNegative = timedelta(seconds=30)
    duration: Positive = timedelta(minutes=15)
    interval: Positive = timedelta(seconds=5)
    analysis: AnalysisMode = AnalysisMode.AUTOMATIC
    judgment_deadline: Positive = timedelta(hours=4)
    judges: tuple[Text, ...] = ()
    on_inconclusive: OnInconclusive = OnInconclusive.EXTEND
    early_pass: bool = False
    config: str = ""
    """Canary: the name of a stored canary configuration; empty = the one that is built in."""
    promote_with: StrategyName = StrategyName.BLUE_GREEN

    @field_validator("canary_steps")
    @classmethod
    def _canary_steps_grow(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if list(steps) != sorted(set(steps)):
            raise ValueError("canary_steps must grow")
        return steps

    @field_validator("promote_with")
    @classmethod
    def _promotes(cls, strategy: StrategyName) -> StrategyName:
        if strategy not in PROMOTIONS:
            raise ValueError(f"promote_with is one of: {', '.join(PROMOTIONS)}")
        return strategy

    @property
    def analysis_settings(self) -> AnalysisSettings:
        """How a canary is compared."""
        return AnalysisSettings(
            mode=self.analysis,
            warmup=self.warmup,
            duration=self.duration,
            interval=self.interval,
            judgment_deadline=self.judgment_deadline,
            judges=self.judges,
            on_inconclusive=self.on_inconclusive,
            early_pass=self.early_pass,
            config=self.config,
        )

    @field_validator("steps")
    @classmethod
    def _steps_grow(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if list(steps) != sorted(set(steps)) or steps[-1] != 1000:
            raise ValueError("steps must grow and end at 1000 per mille (100 %)")
        return steps


COMMON_OPTIONS = frozenset(
    {
        "instances",
        "on_failure",
        "keep_failed",
        "ready_deadline",
        "healthy_share",
        "min_healthy_share",
        "drain_timeout",  # in the model a field of GroupSettings
        "watch",
        "watch_checks",
        "keep",
        "scale_down_after",
        "before_traffic",
    }
)
_ROLLING_OPTIONS = frozenset({"steps", "scale", "step_hold", "checks", "shrink_source"})

_CANARY_OPTIONS = frozenset(
    {
        "canary_instances",
        "traffic",
        "canary_steps",
        "warmup",
        "duration",
        "interval",
        "analysis",
        "judgment_deadline",
        "judges",
        "on_inconclusive",
        "early_pass",
        "config",
        "promote_with",
    }
)
_FAILURE_OPTIONS = frozenset({"on_failure", "keep_failed"})

STRATEGY_OPTIONS: dict[StrategyName, frozenset[str]] = {
    StrategyName.BLUE_GREEN: COMMON_OPTIONS | {"delay_before_switch"},
    StrategyName.ROLLING_BLUE_GREEN: COMMON_OPTIONS | {"delay_before_switch"} | _ROLLING_OPTIONS,
    StrategyName.HIGHLANDER: COMMON_OPTIONS - {"keep"} | {"delay_before_switch"},
    # A canary that fails is always taken back: nobody wants to leave the users of a bad one there.
    StrategyName.CANARY: (COMMON_OPTIONS - _FAILURE_OPTIONS)
    | {"delay_before_switch"}
    | _ROLLING_OPTIONS
    | _CANARY_OPTIONS,
    StrategyName.DARK: COMMON_OPTIONS - {"watch", "watch_checks"},
}
"""Which options a strategy takes, by the names of the service file."""


class Service(Value):
    """A service file, read: one cluster and how to deploy it."""

    application: str
    stack: str = ""
    detail: str = ""
    target: Text = "local"
    settings: GroupSettings
    instances: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1
    """Size of the first server group, and of every later one unless the options say otherwise."""
    listener: Listener
    strategy: StrategyName = StrategyName.BLUE_GREEN
    options: Options = Options()

    @model_validator(mode="after")
    def _canaries_are_taken_back(self) -> Self:
        given = self.options.on_failure is not OnFailure.ROLLBACK or self.options.keep_failed
        if self.strategy is StrategyName.CANARY and given:
            raise ValueError("a canary that fails is taken back: no on_failure, no keep_failed")
        return self

    @property
    def cluster(self) -> str:
        """The cluster's name."""
        return self.listener.cluster


class Request(Value):
    """What somebody asks for.

    `id` is chosen once, by the caller or the API; repeating it repeats nothing.
    """

    id: Text
    kind: Kind
    cluster: Text
    requested_at: datetime
    by: str = ""
    reason: str = ""
    service: Service | None = None
    """`deploy`: what to deploy."""
    group: str = ""
    """`rollback` (empty = the previous one), `resize`, `enable`, `disable`, `destroy`: which server
    group.
    """
    instances: Annotated[int, Field(ge=0, le=1000, strict=True)] | None = None
    """`resize`: to how many."""
    share: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1000
    """`enable`: the share that the group gets, in per mille."""
    keep: Annotated[int, Field(ge=1, le=999, strict=True)] | None = None
    """`shrink`: how many server groups stay."""
    on_busy: OnBusy = OnBusy.QUEUED
    force: str = ""
    """A reason to override the guards, a hold and a freeze; recorded."""
    fingerprint: str = ""
    """Refuse to run when the state is not the one of the plan with this fingerprint any more."""
    options: Options = Options()
    """For all kinds but `deploy`: deadlines."""
    outlived: str = ""
    """The deployment that this one waited for and that changed nothing in the end: it was taken
    back, cancelled or refused. Filled in by the engine.
    """


class ClusterState(Value):
    """All that a planner needs to know about a cluster; observed, never remembered."""

    cluster: str
    groups: tuple[ServerGroup, ...] = ()
    """Ordered by creation, oldest first."""
    split: TrafficSplit = TrafficSplit()
    listener: Listener | None = None
    previous: tuple[str, ...] = ()
    """Server groups that lost traffic to others, most recent first; some may have it again."""
    held: str = ""
    """Why deployments are held; empty = they are not."""
    frozen: str = ""
    """Which freeze window is open now, in words; empty = none."""
    newest: str = ""
    """The most recently created server group, also when it is gone; numbering goes on from it."""
    options: Options | None = None
    """With which the service was deployed that serves now; None when nobody knows or asked."""

    def group(self, name: str) -> ServerGroup | None:
        """The server group of this name, if it exists."""
        return next((g for g in self.groups if g.name == name), None)

    @property
    def source(self) -> ServerGroup | None:
        """The enabled group with the largest share; among equals the newest."""
        enabled = [g for g in self.groups if self.split.share(g.name)]
        return max(enabled, key=lambda g: (self.split.share(g.name), g.created_at), default=None)


class Status(StrEnum):
    """Where a deployment stands. The table `FOLLOWS` says which may follow which."""

    QUEUED = "queued"
    RUNNING = "running"
    ROLLING_BACK = "rolling_back"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    REFUSED = "refused"
    """By a guard, a stale plan or an impossible wish: nothing was touched."""
    REJECTED = "rejected"
    """The cluster was busy and the request did not want to wait."""
    CANCELED = "canceled"
    """While it still waited for its turn: nothing was touched."""

    @property
    def is_end(self) -> bool:
        """Nothing follows."""
        return not FOLLOWS[self]


FOLLOWS: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset(
        {Status.RUNNING, Status.REFUSED, Status.REJECTED, Status.CANCELED, Status.FAILED}
    ),
    Status.RUNNING: frozenset(
        {
            Status.ROLLING_BACK,
            Status.PAUSED,
            Status.SUCCEEDED,
            Status.ROLLED_BACK,
            Status.FAILED,
            Status.REFUSED,
        }
    ),
    Status.ROLLING_BACK: frozenset({Status.ROLLED_BACK, Status.FAILED, Status.PAUSED}),
    Status.PAUSED: frozenset(
        {Status.RUNNING, Status.ROLLING_BACK, Status.FAILED, Status.ROLLED_BACK, Status.SUCCEEDED}
    ),
    Status.SUCCEEDED: frozenset(),
    Status.ROLLED_BACK: frozenset(),
    Status.FAILED: frozenset(),
    Status.REFUSED: frozenset(),
    Status.REJECTED: frozenset(),
    Status.CANCELED: frozenset(),
}


def follow(now: Status, then: Status) -> Status:
    """Go from one status to the next.

    Raises `ValueError` for a step that the table does not allow.
    """
    if now is then or then in FOLLOWS[now]:
        return then
    raise ValueError(f"a deployment that is {now} cannot become {then}")


def replaces(now: Status, then: Status) -> bool:
    """Whether a record with status `then` takes the place of one with status `now`; False: it comes
    late.

    A record is late when what it says is already history: an end is never overwritten by anything
    but the same end,
    and a way that cannot be gone backwards (a rollback under way does not become a start again) is
    not. Raises
    `ValueError` for a step that could never have happened, as one end after another.
    """
    if now is then or then in FOLLOWS[now]:
        return True
    if (now.is_end and not then.is_end) or now in _later(then):
        return False
    raise ValueError(f"a deployment that is {now} cannot become {then}")


def _later(status: Status) -> frozenset[Status]:
    """All that a deployment may still become."""
    found: set[Status] = set()
    waiting = set(FOLLOWS[status])
    while waiting:
        found |= waiting
        waiting = {after for one in waiting for after in FOLLOWS[one]} - found
    return frozenset(found)


class Choice(StrEnum):
    """What a person may answer to a paused deployment."""

    RETRY = "retry"
    CONTINUE = "continue"
    ROLLBACK = "rollback"
    STOP = "stop"
