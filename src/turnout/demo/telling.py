"""From a deployment's record to lines for somebody who sees this for the first time. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from turnout.api.views import DeploymentView
from turnout.model.deployment import Kind, Status
from turnout.model.journal import DeploymentRecord, SplitRecord, StepRecord, StepState
from turnout.model.plan import (
    Analyse,
    AwaitReady,
    CloseListener,
    CreateGroup,
    Delay,
    DestroyGroup,
    DrainGroup,
    Operation,
    Plan,
    ResizeGroup,
    RunChecks,
    ScheduleCold,
    SetHold,
    Watch,
)
from turnout.model.servers import Role
from turnout.model.units import format_duration, format_share


class Mood(StrEnum):
    """How a line is to be taken."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Line:
    """One event. `shares`: the split that it brought, the newest version first."""

    at: datetime
    label: str
    text: str
    mood: Mood = Mood.PLAIN
    shares: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Teller:
    """Tells each event once. Knows the versions of the server groups that it saw being made.

    `introduces`: also tell that a deployment begins, and who asked for it.
    """

    introduces: bool = False
    _told: set[tuple[object, ...]] = field(default_factory=set)
    _versions: dict[str, str] = field(default_factory=dict)
    _arms: dict[str, Role] = field(default_factory=dict)

    def news(self, view: DeploymentView) -> list[Line]:
        """What is new, in order."""
        self._learn(view.record.plan)
        new = []
        for key, line in sorted(self._lines(view), key=lambda found: found[1].at):
            if (view.record.id, *key) not in self._told:
                self._told.add((view.record.id, *key))
                new.append(line)
        return new

    def version(self, group: str) -> str:
        """`version 2`, `the canary (v2)`; the server group's own name when that is not known."""
        if group in self._arms:
            return f"the {self._arms[group]} ({self.short(group)})"
        return f"version {self._versions[group]}" if group in self._versions else group

    def short(self, group: str) -> str:
        """`v2`."""
        return f"v{self._versions[group]}" if group in self._versions else group

    def _share_of(self, group: str) -> str:
        return str(self._arms[group]) if group in self._arms else self.short(group)

    def _learn(self, plan: Plan | None) -> None:
        for step in plan.steps if plan else ():
            if isinstance(step.operation, CreateGroup):
                self._versions[step.operation.group] = step.operation.settings.version
                if step.operation.role is not Role.PRODUCTION:
                    self._arms[step.operation.group] = step.operation.role

    def _lines(self, view: DeploymentView) -> Iterator[tuple[tuple[object, ...], Line]]:
        record = view.record
        operations = {s.id: s.operation for s in record.plan.steps} if record.plan else {}
        if self.introduces and record.plan and record.started_at:
            yield ("started",), self._start(record, record.plan.title, record.started_at)
        for step in view.steps:
            operation = None if step.way_back else operations.get(step.step)
            begun = self._begun(step, operation)
            if begun:
                yield ("begun", step.number), begun
            if step.ended_at and step.state is not StepState.RUNNING:
                ended = self._ended(step, operation, step.ended_at)
                if ended:
                    yield ("ended", step.number), ended
        for split in view.splits:
            yield ("split", split.generation), self._split(split, record)
        if record.status.is_end:
            yield ("end",), self._end(record)

    def _start(self, record: DeploymentRecord, title: str, at: datetime) -> Line:
        by = f", asked for by {record.request.by}" if record.request.by else ""
        return Line(at, str(record.request.kind), f"{self._named(title)}{by}", Mood.BACK)

    def _named(self, text: str) -> str:
        """With versions instead of server groups."""
        for group, version in self._versions.items():
            text = text.replace(f"{group} (version {version})", group)
            text = text.replace(group, self.version(group))
        return text

    # --- steps ---

    def _begun(self, step: StepRecord, operation: Operation | None) -> Line | None:
        if isinstance(operation, Analyse):
            arms = f"{self.version(operation.group)} with {self.version(operation.baseline)}"
            told = f"{arms} for {format_duration(operation.settings.duration)}"
            return Line(step.started_at, "compare", told)
        if not isinstance(operation, Watch) or _is_hold(step):
            return None
        if _is_warmup(step):
            told = f"{format_duration(operation.duration)} in which nothing is compared yet"
            return Line(step.started_at, "warm-up", told)
        new, source = self.version(operation.group), self.version(operation.source)
        length = format_duration(operation.duration)
        told = f"comparing it with {source} for up to {length}, ready to go back"
        if not operation.source:
            told = f"looking at the answers of {new} for {length}"
        return Line(step.started_at, "watch", told)

    def _ended(self, step: StepRecord, operation: Operation | None, at: datetime) -> Line | None:
        if step.state is StepState.FAILED:
            return self._failed(step, operation, at)
        if step.state is StepState.CANCELED:
            return Line(at, "cancelled", step.title, Mood.BACK)
        if step.way_back or operation is None:
            return self._cleaned(step, at)
        if isinstance(operation, Analyse):
            return Line(at, "verdict", step.said, Mood.GOOD)
        told = self._done(step, operation)
        return Line(at, *told) if told else None

    def _failed(self, step: StepRecord, operation: Operation | None, at: datetime) -> Line:
        if isinstance(operation, Watch):
            return Line(at, "trip wire", self._tripped(step, operation), Mood.BAD)
        if isinstance(operation, Analyse):
            return Line(at, "verdict", step.said, Mood.BAD)
        return Line(at, "failed", self._named(_with_answer(step)), Mood.BAD)

    def _done(self, step: StepRecord, operation: Operation) -> tuple[str, str] | None:
        told: tuple[str, str] | None = None  # pins and the like are of no interest here
        match operation:
            case CreateGroup():
                count = _plural(operation.instances, "instance")
                told = "start", f"{count} of {self.version(operation.group)}, seen by no user yet"
            case AwaitReady():
                took = format_seconds((step.ended_at or step.started_at) - step.started_at)
                count = _plural(operation.ready, "healthy instance")
                told = "ready", f"{self.version(operation.group)}: {count} after {took}"
            case Watch() if not _is_warmup(step):
                told = _watched(step, self.version(operation.group))
            case DrainGroup():
                told = "drain", f"{self.version(operation.group)}: {step.said}"
            case DestroyGroup():
                told = "retire", f"{self.version(operation.group)} is stopped and gone"
            case ResizeGroup() if not step.step.startswith("grow-"):
                told = "step", self._named(_with_answer(step))
            case RunChecks() | Delay() | ScheduleCold() | SetHold() | CloseListener():
                told = "step", self._named(_with_answer(step))
            case _:
                pass
        return told

    def _cleaned(self, step: StepRecord, at: datetime) -> Line | None:
        """What follows on the way back, traffic being safe already."""
        if step.op not in ("drain_group", "destroy_group"):
            return None
        return Line(at, "clean up", self._named(step.title))

    def _tripped(self, step: StepRecord, watch: Watch) -> str:
        """With the figures that are the reason, else in the check's own words."""
        found = step.figures
        new, source = self.version(watch.group), self.version(watch.source)
        share, before = found.get("error_share", 0.0), found.get("source_error_share", 0.0)
        p99, p99_before = found.get("p99_ms", 0.0), found.get("source_p99_ms", 0.0)
        if found.get("failed") and share > before:
            counted = f"{found['failed']:,.0f} of {found['requests']:,.0f} requests"
            told = f"{new} failed {counted} ({share / 10:.0f} %)"
            return f"{told}, {source} {before / 10:.0f} %" if watch.source else told
        if p99_before and p99 > p99_before:
            slow, before_it = format_milliseconds(p99), format_milliseconds(p99_before)
            return f"{new} is slow: p99 {slow}, {source} had {before_it}"
        return self._named(step.said)

    # --- traffic and ends ---

    def _split(self, split: SplitRecord, record: DeploymentRecord) -> Line:
        took = format_seconds(split.confirmed_at - split.requested_at)
        shares = tuple(
            (self._share_of(g), s) for g, s in sorted(split.shares.items(), reverse=True)
        )
        if is_way_back(split, record):
            assert record.detected_at is not None  # noqa: S101 - decided after it was noticed
            noticed = format_seconds(split.confirmed_at - record.detected_at)
            return Line(
                split.confirmed_at,
                "back",
                f"{noticed} after it was noticed",
                Mood.BACK,
                shares,
            )
        return Line(split.confirmed_at, "traffic", f"confirmed in {took}", Mood.PLAIN, shares)

    def _end(self, record: DeploymentRecord) -> Line:
        at = record.ended_at or record.request.requested_at
        is_deploy = record.request.kind is Kind.DEPLOY
        match record.status:
            case Status.SUCCEEDED if is_deploy and record.plan:
                return Line(at, "done", self._succeeded(record.plan), Mood.GOOD)
            case Status.SUCCEEDED:
                return Line(at, "done", self._named(record.sentence), Mood.GOOD)
            case Status.ROLLED_BACK if is_deploy and record.plan:
                new, source = self.version(record.plan.new_group), self.version(record.plan.source)
                told = f"{new} is gone, {source} serves as before" if record.plan.source else new
                return Line(at, "taken back", told, Mood.BACK)
            case _:
                label = str(record.status).replace("_", " ")
                return Line(at, label, record.sentence, Mood.BAD)

    def _succeeded(self, plan: Plan) -> str:
        told = f"{self.version(plan.new_group)} serves"
        if plan.source and plan.source not in plan.destroys:
            told += f"; {self.version(plan.source)} stays warm, ready to take over"
        return told


def is_way_back(split: SplitRecord, record: DeploymentRecord) -> bool:
    """Whether this change of traffic took a deployment back."""
    is_rollback = record.request.kind is Kind.ROLLBACK
    decided = record.decided_at
    return decided is not None and not is_rollback and split.requested_at >= decided


def format_seconds(duration: timedelta) -> str:
    """`8 ms`, `2.1 s`."""
    milliseconds = max(duration / timedelta(milliseconds=1), 0)
    return format_milliseconds(round(milliseconds))


def format_milliseconds(milliseconds: float) -> str:
    """`4.2 ms`, `62 ms`, `2.1 s`."""
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.2g} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"


def format_shares(shares: tuple[tuple[str, int], ...]) -> str:
    """`v3 10 %, v2 90 %`."""
    return ", ".join(f"{name} {format_share(share)}" for name, share in shares) or "nothing"


def _is_hold(step: StepRecord) -> bool:
    return step.step.startswith("hold-")


def _is_warmup(step: StepRecord) -> bool:
    return step.step.startswith("warmup-")


def _watched(step: StepRecord, version: str) -> tuple[str, str]:
    found = step.figures
    if "requests" not in found:
        return "watched", step.said
    counted = f"{found.get('failed', 0):,.0f} of {found['requests']:,.0f} requests"
    latency = f", p99 {format_milliseconds(found['p99_ms'])}" if "p99_ms" in found else ""
    return ("held" if _is_hold(step) else "watched"), f"{counted} to {version} failed{latency}"


def _with_answer(step: StepRecord) -> str:
    return f"{step.title}: {step.said}" if step.said else step.title


def _plural(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"
