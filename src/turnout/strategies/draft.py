"""A plan while it is being written: every added step knows the split and the sizes that hold after
it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from turnout.model.analysis import AnalysisMode
from turnout.model.checks import Check
from turnout.model.deployment import ClusterState, Request
from turnout.model.errors import Rule
from turnout.model.names import next_group
from turnout.model.plan import (
    Analyse,
    AwaitReady,
    CloseListener,
    CreateGroup,
    Delay,
    DestroyGroup,
    DrainGroup,
    OpenListener,
    Operation,
    PinGroup,
    Plan,
    ReplaceSplit,
    ResizeGroup,
    RunChecks,
    ScheduleCold,
    Step,
    Watch,
)
from turnout.model.servers import GroupSettings, Role
from turnout.model.traffic import Listener, TrafficSplit
from turnout.model.units import format_duration, format_share

_BESIDE = {"id", "requested_at", "by", "reason", "on_busy", "force", "fingerprint", "outlived"}
"""What of a request does not change what is done."""


def fingerprint(request: Request, state: ClusterState) -> str:
    """Tell plans apart by all that they depend on: what is asked for, and the groups, sizes, split,
    listener and hold that it meets. Health is left out.
    """
    parts = [
        request.model_dump_json(exclude=_BESIDE),
        str(bool(request.force)),
        state.cluster,
        state.newest,
        state.held,
        repr(sorted(state.split.shares.items())),
        str(state.split.generation),
        state.listener.model_dump_json() if state.listener else "",
        *(f"{g.name} {g.desired} {g.settings.model_dump_json()}" for g in state.groups),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@dataclass(slots=True)
class Draft:
    """Collects steps for one plan. `refuse` ends it."""

    request: Request
    state: ClusterState
    title: str
    new_group: str = ""
    source: str = ""
    """Which group is replaced; at first the source of the state."""
    canary: str = ""
    """The small group of the new version; empty when there is none."""
    arms: list[str] = field(default_factory=list)
    """Small groups that this plan creates and destroys at its end: baseline and canary."""
    notes: list[str] = field(default_factory=list)
    _steps: list[Step] = field(default_factory=list)
    _commit: int | None = None
    _split: TrafficSplit = field(init=False)
    _sizes: dict[str, int] = field(init=False)
    _pins: dict[str, int] = field(default_factory=dict)
    _peak: int = field(init=False)

    def __post_init__(self) -> None:
        source = self.state.source
        self.source = source.name if source else ""
        self._split = TrafficSplit(shares=self.state.split.shares)
        self._sizes = {g.name: g.desired for g in self.state.groups}
        self._peak = sum(self._sizes.values())

    @property
    def split(self) -> TrafficSplit:
        """The split after the steps so far."""
        return self._split

    def next_group(self) -> str:
        """A free name for one more server group. Raises `Conflict` when there is none."""
        made = [s.operation.group for s in self._steps if isinstance(s.operation, CreateGroup)]
        newest = made[-1] if made else self.state.newest
        return next_group(self.state.cluster, newest or None, self._sizes)

    def size(self, group: str) -> int:
        """The size of a group after the steps so far."""
        return self._sizes.get(group, 0)

    def commit(self) -> None:
        """From here on nothing is taken back any more: the rest retires what the deployment
        replaced.
        """
        if self._commit is None:
            self._commit = len(self._steps)

    def finish(self) -> Plan:
        """The plan."""
        return Plan(
            deployment=self.request.id,
            cluster=self.state.cluster,
            title=self.title,
            steps=tuple(self._steps),
            commit=len(self._steps) if self._commit is None else self._commit,
            notes=tuple(self.notes),
            new_group=self.new_group,
            canary=self.canary,
            source=self.source,
            before=self.state.split,
            sizes_before={g.name: g.desired for g in self.state.groups},
            listener_before=self.state.listener,
            peak_instances=self._peak,
            destroys=tuple(
                s.operation.group for s in self._steps if isinstance(s.operation, DestroyGroup)
            ),
            longest=sum((s.longest for s in self._steps), timedelta(0)),
            fingerprint=fingerprint(self.request, self.state),
        )

    def refuse(self, sentence: str, rule: Rule) -> Plan:
        """A plan that does nothing, and says why."""
        return Plan(
            deployment=self.request.id,
            cluster=self.state.cluster,
            title=self.title,
            notes=tuple(self.notes),
            refused=sentence,
            refused_rule=rule,
            before=self.state.split,
            fingerprint=fingerprint(self.request, self.state),
        )

    def open_listener(self, listener: Listener) -> None:
        """Open the listener, unless it is open just like that, or opened already."""
        now = self.state.listener
        opened = any(isinstance(s.operation, OpenListener) for s in self._steps)
        if listener != now and not opened:
            same = now and (now.host, now.port) == (listener.host, listener.port)
            told = " with new settings" if same else ""
            self.add(
                "listen",
                f"listen on {listener.host}:{listener.port}{told}",
                OpenListener(listener=listener),
            )

    def create(
        self,
        group: str,
        settings: GroupSettings,
        instances: int,
        *,
        role: Role = Role.PRODUCTION,
    ) -> None:
        """Create a group of this size."""
        of_role = "" if role is Role.PRODUCTION else f" as the {role}"
        count = format_instances(instances)
        self.add(
            "create" if role is Role.PRODUCTION else f"create-{role}",
            f"create {group}{of_role} with {count} of version {settings.version}",
            CreateGroup(group=group, settings=settings, instances=instances, role=role),
        )

    def resize(self, group: str, instances: int, step: str = "") -> None:
        """Resize a group."""
        self.add(
            step or f"resize-{group}",
            f"resize {group} from {self.size(group)} to {format_instances(instances)}",
            ResizeGroup(group=group, instances=instances),
        )

    def await_ready(
        self,
        group: str,
        ready: int,
        deadline: timedelta,
        *,
        step: str = "ready",
        unless_dead: str = "",
    ) -> None:
        """Wait until so many instances of a group are healthy."""
        self.add(
            step,
            f"wait until {ready} of {format_instances(self.size(group))} of {group} "
            f"{'is' if ready == 1 else 'are'} healthy",
            AwaitReady(group=group, ready=ready, deadline=deadline, unless_dead=unless_dead),
            longest=deadline,
        )

    def pin(self, group: str, minimum: int, *, step: str = "") -> None:
        """Pin a group, or release it with 0; what it is pinned to already is not said again."""
        if minimum and self._pins.get(group) == minimum:
            return
        self._pins[group] = minimum
        least = f"pin {group} to at least {format_instances(minimum)}"
        title = least if minimum else f"release {group}"
        named = step or (f"pin-{group}" if minimum else f"release-{group}")
        self.add(named, title, PinGroup(group=group, minimum=minimum))

    def checks(self, checks: tuple[Check, ...], group: str, *, step: str, title: str) -> None:
        """Run checks, if there are any."""
        if checks:
            self.add(
                step,
                title,
                RunChecks(checks=checks, group=group, source=self.source),
                longest=sum((c.timeout for c in checks), timedelta(0)),
            )

    def watch(
        self,
        checks: tuple[Check, ...],
        group: str,
        duration: timedelta,
        *,
        step: str = "watch",
        where: str = "",
    ) -> None:
        """Watch a group for a while, if it is to be watched at all."""
        if duration:
            self.add(
                step,
                f"watch {group}{where} for {format_duration(duration)}",
                Watch(checks=checks, group=group, source=self.source, duration=duration),
                longest=duration,
            )

    def analyse(self, operation: Analyse, *, step: str) -> None:
        """Compare the canary with its baseline."""
        settings = operation.settings
        manual = settings.mode is AnalysisMode.MANUAL
        who = ", and a person decides" if manual else ""
        warm = f" after {format_duration(settings.warmup)} of warm-up" if settings.warmup else ""
        self.add(
            step,
            f"compare {operation.group} with {operation.baseline} for "
            f"{format_duration(settings.duration)}{warm}{who}",
            operation,
            longest=settings.longest,
        )

    def delay(self, duration: timedelta, reason: str) -> None:
        """Wait, if there is anything to wait for."""
        if duration:
            title = f"wait {format_duration(duration)} {reason}"
            self.add("delay", title, Delay(duration=duration, reason=reason), longest=duration)

    def shift(
        self, shares: dict[str, int], ready: dict[str, int], *, step: str, unless_dead: str = ""
    ) -> None:
        """Replace the split."""
        told = ", ".join(f"{g} {format_share(s)}" for g, s in sorted(shares.items()))
        self.add(
            step,
            f"shift traffic: {told or 'nothing is served'}",
            ReplaceSplit(shares=shares, ready=ready, unless_dead=unless_dead),
        )

    def drain(self, group: str, timeout: timedelta) -> None:
        """Let a group's requests finish."""
        self.add(
            f"drain-{group}",
            f"let the requests on {group} finish",
            DrainGroup(group=group, timeout=timeout),
            longest=timeout,
        )

    def destroy(self, group: str) -> None:
        """Destroy a group; the time that it may take to stop is in its settings."""
        settings = self._settings(group)
        longest = settings.drain_timeout + settings.stop.timeout if settings else timedelta(0)
        self.add(f"destroy-{group}", f"destroy {group}", DestroyGroup(group=group), longest=longest)

    def schedule_cold(self, group: str, after: timedelta | None) -> None:
        """Scale a group to zero some time later; None: not at all, whatever was noted before."""
        title = f"scale {group} to zero in {format_duration(after)}" if after else ""
        self.add(
            f"cold-{group}" if after else f"warm-{group}",
            title or f"keep {group} warm",
            ScheduleCold(group=group, after=after),
        )

    def close_listener(self) -> None:
        """Stop listening."""
        self.add("close", "stop listening", CloseListener())

    def add(
        self, step: str, title: str, operation: Operation, *, longest: timedelta = timedelta(0)
    ) -> None:
        """Add any step."""
        self._apply(operation)
        self._steps.append(
            Step(
                id=step,
                title=title,
                operation=operation,
                split_after=self._split,
                sizes_after=dict(self._sizes),
                longest=longest,
            )
        )

    def _settings(self, group: str) -> GroupSettings | None:
        """Of a group that exists after the steps so far."""
        for step in self._steps:
            if isinstance(step.operation, CreateGroup) and step.operation.group == group:
                return step.operation.settings
        found = self.state.group(group)
        return found.settings if found else None

    def _apply(self, operation: Operation) -> None:
        match operation:
            case CreateGroup() | ResizeGroup():
                self._sizes[operation.group] = operation.instances
            case DestroyGroup():
                self._sizes.pop(operation.group, None)
            case ReplaceSplit():
                self._split = TrafficSplit(shares=operation.shares)
            case _:
                return
        self._peak = max(self._peak, sum(self._sizes.values()))


def format_instances(count: int) -> str:
    """In words: `1 instance`, `3 instances`."""
    return f"{count} instance" if count == 1 else f"{count} instances"
