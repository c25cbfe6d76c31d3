"""Protocols for everything outside Turnout: where groups run, how traffic flows, what is written
down.

What can be set can be read back; every `apply_*` may be repeated safely, also after a crash
between its effect and
its answer. Adapters raise `Temporary` for what may pass, `Permanent` for what will not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from turnout.model.analysis import (
    Analysis,
    AnalysisRecord,
    ConfigVersion,
    Finding,
    Judgment,
)
from turnout.model.canary.queries import Query
from turnout.model.canary.request import CanaryScope
from turnout.model.checks import Check, CheckAnswer
from turnout.model.deployment import Status
from turnout.model.journal import CheckRecord, DeploymentRecord, Event, SplitRecord, StepRecord
from turnout.model.samples import Series
from turnout.model.servers import GroupSettings, Role, ServerGroup
from turnout.model.traffic import (
    Confirmation,
    DrainReport,
    Endpoint,
    GroupTraffic,
    Listener,
    TrafficSplit,
)
from turnout.model.value import Value

WAY_BACK = "back-split"
"""Id of the step that returns traffic; ends `TrafficSplit.changed_by` of its change."""

SWITCH_BACK = "switch-back"
"""Id of the step by which a person's rollback moves traffic; ends `changed_by`, too."""


class Order(Value):
    """Fences off late commands: within one deployment, a provider ignores a command numbered below
    the last it obeyed
    for the same server group.
    """

    deployment: str
    number: int


class Groups(Value):
    """The server groups of one cluster, oldest first, and the most recently created one's name even
    when gone.
    """

    groups: tuple[ServerGroup, ...] = ()
    newest: str = ""


class GroupWish(Value):
    """A server group to be created."""

    name: str
    cluster: str
    settings: GroupSettings
    instances: int
    created_at: datetime
    role: Role = Role.PRODUCTION


class ListenerState(Value):
    """A listener and the split in force.

    `previous`: groups that lost traffic to others, most recent first; some may have it again.
    """

    listener: Listener
    split: TrafficSplit
    previous: tuple[str, ...] = ()

    def with_split(self, split: TrafficSplit) -> ListenerState:
        """The state after another split.

        Groups that lose their share become previous ones, except on the way back of a deployment
        and by a rollback: what was taken back is nothing to go back to. None is forgotten because
        it gets traffic again: that may be taken back, too.
        """
        returning = split.changed_by.endswith((f":{WAY_BACK}", f":{SWITCH_BACK}"))
        left = () if returning else tuple(g for g in self.split.shares if g not in split.shares)
        earlier = (g for g in self.previous if g not in left)
        return ListenerState(listener=self.listener, split=split, previous=(*left, *earlier))


class Provider(Protocol):
    """Runs server groups on one target."""

    async def observe_groups(self, cluster: str) -> Groups:
        """All server groups of the cluster with their instances as they are now; none is fine."""
        ...

    async def apply_group(self, wish: GroupWish, order: Order) -> None:
        """Have the group exist, pinned to nothing. A group of that name made by the same deployment
        is adopted; one
        that this deployment destroyed stays gone. Raises `Conflict` for a group of another
        deployment.
        """
        ...

    async def apply_size(self, group: str, instances: int, order: Order) -> None:
        """Have the group strive for this many instances; surplus ones leave the endpoints, drain,
        then stop.
        Returns when the wish is recorded. Raises `NotFound`, `GuardRefused` below the pin.
        """
        ...

    async def apply_pin(self, group: str, minimum: int, order: Order) -> None:
        """Forbid sizes below `minimum`; 0 releases. A group that is gone is fine for 0, `NotFound`
        otherwise.
        """
        ...

    async def apply_cold_at(self, group: str, when: datetime | None, order: Order) -> None:
        """Note when a disabled group shall go cold; None = never. A group that is gone is fine."""
        ...

    async def apply_destroyed(self, group: str, order: Order) -> None:
        """Returns when all instances have been drained and ended and the group is forgotten.

        Gone is fine.
        """
        ...


class Inventory(Protocol):
    """What runs on a target, for people."""

    async def observe_clusters(self) -> tuple[str, ...]:
        """Names of all clusters that have a server group here, sorted."""
        ...

    def read_log(
        self, group: str, instance: str, *, lines: int, follow: bool
    ) -> AsyncIterator[str]:
        """The last lines of an instance's output, oldest first, then new ones as they come when
        `follow`.
        Raises `NotFound`.
        """
        ...


class Router(Protocol):
    """Shares a listener's requests out to server groups."""

    async def observe_listener(self, cluster: str) -> ListenerState | None:
        """The listener and the split last accepted; None when the cluster has no listener."""
        ...

    async def apply_listener(self, cluster: str, listener: Listener | None) -> None:
        """Listen for the cluster (or stop: None). Keeps the split. Raises `Permanent` when the port
        is taken.
        """
        ...

    async def apply_endpoints(
        self, cluster: str, endpoints: Mapping[str, Sequence[Endpoint]]
    ) -> None:
        """Replace the instances of every group of the cluster. Returns when the router has them."""
        ...

    async def apply_split(
        self, cluster: str, shares: Mapping[str, int], replaces: int | None, changed_by: str
    ) -> TrafficSplit:
        """Replace the split if the one in force has generation `replaces` (None: in any case); the
        new one has the next
        generation. A split already made by `changed_by` is returned as it is. Raises `Conflict`
        when stale,
        `NotFound` without a listener, `Permanent` for a group without endpoints.
        """
        ...

    async def confirm_split(self, cluster: str, generation: int) -> Confirmation:
        """Wait, for seconds at most, until the router proves that this generation is in force.
        Raises `Temporary` when it
        does not, `Conflict` when a later one is.
        """
        ...

    async def observe_traffic(self, cluster: str) -> dict[str, GroupTraffic]:
        """Counters per server group since its first request."""
        ...


class Drainer(Protocol):
    """Lets requests finish."""

    async def await_drained(
        self, cluster: str, group: str, instances: Sequence[str] | None, timeout: timedelta
    ) -> DrainReport:
        """Wait until the instances (None: the whole group, which must have no share) have no
        request in flight, at most
        `timeout`. Named instances get no new requests from the moment of the call.
        """
        ...


class Metrics(Protocol):
    """Figures of the router over a window of time."""

    async def observe_window(
        self, cluster: str, group: str, since: datetime, until: datetime
    ) -> GroupTraffic:
        """What happened in the window (differences, histogram too), as finely as sampled."""
        ...


class MetricSource(Protocol):
    """Where figures come from: the router, the instances, a metrics system."""

    def describe(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        """The query as it will be sent, templates expanded, for people.

        Raises `InvalidDocument` naming the place.
        """
        ...

    async def fetch(
        self, query: Query, scope: CanaryScope, templates: Mapping[str, str]
    ) -> tuple[Series, ...]:
        """The series in [scope.start, scope.end) on the grid of scope.step that begins at
        scope.start: every series has exactly (end - start) / step values.

        No data: an empty tuple or series of NaN, never zeros for a store that does not count.
        Raises `Temporary` (down, slow, 429, half a page: worth asking again) or `Permanent` (bad
        query, no permission).
        """
        ...


class CheckContext(Value):
    """Against what a check is made."""

    cluster: str
    group: str
    source: str = ""
    listener: Listener
    switched_at: datetime | None = None
    """When traffic first moved to the group; None before."""
    folder: str = ""
    """Where the group runs: commands of checks run there too. Empty = the home folder."""
    occasion: str = ""
    """The deployment and its step: what is to be told apart from other checks of that name."""
    shares: dict[str, int] = {}
    """Who has traffic now, in per mille."""
    lasts: timedelta | None = None
    """How long the check is made again and again; None = it is made once."""


class Checker(Protocol):
    """Makes checks."""

    async def answer(self, check: Check, context: CheckContext) -> CheckAnswer:
        """Answer within the check's timeout.

        An unreachable source of figures is the verdict `error`, never an exception.
        """
        ...


class Analyst(Protocol):
    """Compares a canary with its baseline."""

    async def look(self, analysis: Analysis) -> Finding:
        """Take in what has happened since the last look, and say how it stands. The first look of
        an id begins it. After its end the answer stays the same. Raises `Temporary`.
        """
        ...


class CanaryArchive(Protocol):
    """What is kept of canaries: configurations, analyses with their evidence, judgments."""

    async def record_analysis(self, record: AnalysisRecord) -> None:
        """Keep or replace it, by the id of its analysis."""
        ...

    async def read_analysis(self, analysis: str) -> AnalysisRecord:
        """Raises `NotFound`."""
        ...

    async def list_analyses(
        self,
        *,
        cluster: str = "",
        deployment: str = "",
        unfinished: bool = False,
        limit: int = 50,
    ) -> tuple[AnalysisRecord, ...]:
        """Newest first; `unfinished` = only those without an end."""
        ...

    async def append_evidence(self, analysis: str, number: int, evidence: str) -> bool:
        """Keep the evidence of one look; False, and nothing is changed, when this number is there:
        no sample counts twice.
        """
        ...

    async def read_evidence(self, analysis: str, first: int = 0) -> tuple[str, ...]:
        """That of the looks from this number on, by number."""
        ...

    async def record_judgment(self, judgment: Judgment) -> Judgment:
        """Keep it, unless there is one already: that one is returned."""
        ...

    async def read_judgment(self, analysis: str) -> Judgment | None:
        """A person's answer, if there is one."""
        ...

    async def record_config(
        self, name: str, document: Mapping[str, Any], *, by: str, at: datetime
    ) -> ConfigVersion:
        """Keep a new version of it; the same document as the newest one is that one again."""
        ...

    async def read_config(self, name: str, version: int | None = None) -> ConfigVersion:
        """The newest version, or the one that is asked for. Raises `NotFound`, with the nearest
        name.
        """
        ...

    async def list_configs(self) -> tuple[ConfigVersion, ...]:
        """The newest version of each, by name."""
        ...

    async def list_config_versions(self, name: str) -> tuple[ConfigVersion, ...]:
        """All versions of one, oldest first. Raises `NotFound`."""
        ...

    async def delete_config(self, name: str) -> None:
        """Forget it with all its versions; analyses keep their own copy. Raises `NotFound`."""
        ...


class Clock(Protocol):
    """Time for code that waits."""

    def now(self) -> datetime:
        """The time in UTC."""
        ...

    def elapsed(self) -> timedelta:
        """Time since some fixed moment; never jumps."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait."""
        ...


class Journal(Protocol):
    """Writes down what happened. Every `record_*` replaces what has the same key."""

    async def record_deployment(self, record: DeploymentRecord) -> None:
        """Key: the request's id."""
        ...

    async def record_step(self, record: StepRecord) -> None:
        """Key: deployment and number."""
        ...

    async def record_split(self, record: SplitRecord) -> None:
        """Key: cluster and generation."""
        ...

    async def record_check(self, record: CheckRecord) -> None:
        """Key: deployment, step, time and the check's name."""
        ...

    async def record_event(self, event: Event) -> Event:
        """Give the event its sequence number; wakes those who follow."""
        ...

    async def record_hold(self, cluster: str, reason: str) -> None:
        """Hold a cluster, or release it with an empty reason."""
        ...


class Archive(Protocol):
    """Reads what was written down."""

    async def read_deployment(self, deployment: str) -> DeploymentRecord:
        """Raises `NotFound`."""
        ...

    async def read_steps(
        self, deployment: str
    ) -> tuple[tuple[StepRecord, ...], tuple[SplitRecord, ...], tuple[CheckRecord, ...]]:
        """Everything below one deployment, in order."""
        ...

    async def list_deployments(
        self,
        *,
        cluster: str | None = None,
        statuses: frozenset[Status] | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> tuple[DeploymentRecord, ...]:
        """Newest first; `before` is the id of the last one of the page before."""
        ...

    async def read_events(
        self,
        *,
        after: int,
        cluster: str | None = None,
        deployment: str | None = None,
        limit: int = 500,
    ) -> tuple[Event, ...]:
        """Events with a greater sequence number, in order."""
        ...

    async def observe_hold(self, cluster: str) -> str:
        """Why the cluster is held; empty = it is not."""
        ...

    async def await_event(self, after: int, timeout: timedelta) -> bool:
        """Wait until an event with a greater sequence number exists; False if none came."""
        ...
