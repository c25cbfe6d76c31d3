"""A plan: operations in order, with what holds after each, made before anything is touched."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from turnout.model.analysis import AnalysisSettings
from turnout.model.checks import Check
from turnout.model.servers import GroupSettings, Role
from turnout.model.traffic import Listener, TrafficSplit
from turnout.model.value import Value


class OpenListener(Value):
    """Make the router listen for the cluster, with the split that it has (at first none)."""

    op: Literal["open_listener"] = "open_listener"
    listener: Listener


class CloseListener(Value):
    """Stop listening for a cluster that has no server group left."""

    op: Literal["close_listener"] = "close_listener"


class CreateGroup(Value):
    """Create a server group at share 0. Doing it twice makes one."""

    op: Literal["create_group"] = "create_group"
    group: str
    settings: GroupSettings
    instances: int
    role: Role = Role.PRODUCTION


class ResizeGroup(Value):
    """Set how many instances a group has. Instances that go are drained first."""

    op: Literal["resize_group"] = "resize_group"
    group: str
    instances: int


class PinGroup(Value):
    """Keep a group from going below `minimum` instances; 0 releases the pin. A group that is gone
    has no pin.
    """

    op: Literal["pin_group"] = "pin_group"
    group: str
    minimum: int


class ScheduleCold(Value):
    """Scale a disabled group to zero after this long; None keeps it warm."""

    op: Literal["schedule_cold"] = "schedule_cold"
    group: str
    after: timedelta | None


class AwaitReady(Value):
    """Wait until `ready` instances are healthy, at the latest until the deadline."""

    op: Literal["await_ready"] = "await_ready"
    group: str
    ready: int
    deadline: timedelta
    unless_dead: str = ""
    """Give up waiting, successfully, as soon as this group has no healthy instance: anything is
    better than that.
    """


class ReplaceSplit(Value):
    """Replace the split in one step and have it confirmed.

    Fails without effect when a group in `ready` has fewer healthy instances than stated, unless
    `unless_dead`
    names a group without a healthy instance, or when the split in force is not of generation
    `replaces`
    (None = whatever is in force: only for the way back, where the write also fences off late ones).
    """

    op: Literal["replace_split"] = "replace_split"
    shares: dict[str, int]
    ready: dict[str, int] = {}
    replaces: int | None = None
    unless_dead: str = ""


class RunChecks(Value):
    """Make checks against a group, once each, until one fails."""

    op: Literal["run_checks"] = "run_checks"
    checks: tuple[Check, ...]
    group: str
    source: str = ""


class Watch(Value):
    """Keep making checks against a group that has traffic, for `duration`; ends early when one
    fails.

    Fails too when the group has no healthy instance.
    """

    op: Literal["watch"] = "watch"
    checks: tuple[Check, ...]
    group: str
    source: str = ""
    duration: timedelta
    since: datetime | None = None
    """When traffic first moved: the source's figures are taken from before it. Filled in when the
    step is due.
    """


class Analyse(Value):
    """Compare the canary with the baseline until there is a verdict. Only a pass is a success.

    Fails at once when the canary has no healthy instance, and is inconclusive, which is no success
    either, when the baseline has none.
    """

    op: Literal["analyse"] = "analyse"
    group: str
    """The canary."""
    baseline: str
    source: str
    share: int
    """Of each of both, in per mille."""
    settings: AnalysisSettings


class Delay(Value):
    """Wait, touching nothing."""

    op: Literal["delay"] = "delay"
    duration: timedelta
    reason: str


class DrainGroup(Value):
    """Wait until a group without share has no request in flight, at most `timeout`. Never fails."""

    op: Literal["drain_group"] = "drain_group"
    group: str
    timeout: timedelta


class DestroyGroup(Value):
    """End all instances of a group without share, drained first, and forget it.

    A group that is gone is fine.
    """

    op: Literal["destroy_group"] = "destroy_group"
    group: str


class GuardHealthy(Value):
    """Refuse to go on when taking `taking` instances of `group` leaves the cluster without a
    healthy enabled one.
    """

    op: Literal["guard_healthy"] = "guard_healthy"
    group: str
    remaining: int
    floor: int = 0
    """Per mille of the desired instances of the enabled groups that must stay healthy."""


class SetHold(Value):
    """Hold automatic deployments of the cluster, with a reason; an empty reason releases them."""

    op: Literal["set_hold"] = "set_hold"
    reason: str


Operation = Annotated[
    OpenListener
    | CloseListener
    | CreateGroup
    | ResizeGroup
    | PinGroup
    | ScheduleCold
    | AwaitReady
    | ReplaceSplit
    | RunChecks
    | Watch
    | Analyse
    | Delay
    | DrainGroup
    | DestroyGroup
    | GuardHealthy
    | SetHold,
    Field(discriminator="op"),
]


class Step(Value):
    """One operation of a plan, in words and with what holds after it."""

    id: str
    """Stable within the plan: `create`, `shift-250`, `back-split`."""
    title: str
    operation: Operation
    split_after: TrafficSplit = TrafficSplit()
    sizes_after: dict[str, int] = {}
    longest: timedelta = timedelta(0)
    """How long it may take at most; 0 = moments."""


class Plan(Value):
    """What a deployment will do. `refused` not empty = it will not, and why."""

    deployment: str
    cluster: str
    title: str
    steps: tuple[Step, ...] = ()
    commit: int = 0
    """How many steps can be taken back. The ones after them retire what is not needed any more:
    they are
    retried until done, and a rollback is then a deployment of its own."""
    notes: tuple[str, ...] = ()
    """What a person should know before confirming: first deployment, cold group, what rolls back to
    where.
    """
    refused: str = ""
    refused_rule: str = ""
    new_group: str = ""
    canary: str = ""
    """The small group of the new version that is tried first; empty when none is."""
    source: str = ""
    before: TrafficSplit = TrafficSplit()
    """The split before the deployment: where a rollback returns to."""
    sizes_before: dict[str, int] = {}
    listener_before: Listener | None = None
    peak_instances: int = 0
    destroys: tuple[str, ...] = ()
    longest: timedelta = timedelta(0)
    fingerprint: str = ""
    """Of the state that the plan was made from."""


class StepAnswer(Value):
    """What came of a step. `ok` or not, in words, with figures for the journal."""

    ok: bool
    sentence: str = ""
    figures: dict[str, float] = {}
    split: TrafficSplit | None = None
    """ReplaceSplit: the split now in force."""
    at: datetime | None = None
    """When the effect was confirmed, by the clock of the process that asked. UTC."""
    ask: bool = False
    """Not ok, but for a person to judge: a check could not be made and its `on_error` says pause.
    """
    refused: str = ""
    """Not ok: the guard that refused."""
    dead: bool = False
    """Not ok: the group with the traffic has no healthy instance, so it cannot be left as it is."""
