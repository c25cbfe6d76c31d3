"""What is not well with clusters, from what was seen of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from turnout.api.views import Finding
from turnout.model.deployment import Choice, ClusterState
from turnout.model.journal import DeploymentRecord, Question, StepRecord, StepState
from turnout.model.servers import Instance, InstanceState, ServerGroup
from turnout.model.units import format_share
from turnout.server.doctor.findings import trouble, well

SEVERAL = 3
"""Restarts of an instance, or failures of a step, from which on it is no accident."""

CALM_AFTER = timedelta(minutes=10)
"""An instance that has been healthy for so long is over its restarts."""

_LONGEST = 200
"""Characters of what an instance or a step said."""


@dataclass(frozen=True, slots=True)
class Work:
    """A deployment that is under way, with the steps that it took."""

    record: DeploymentRecord
    steps: Sequence[StepRecord] = ()


@dataclass(frozen=True, slots=True)
class Shut:
    """Why a listener that should be open is not, and what to do."""

    sentence: str
    hint: str


@dataclass(frozen=True, slots=True)
class Sight:
    """All that was seen of one cluster."""

    state: ClusterState
    work: Sequence[Work] = ()
    shut: Shut | None = None
    """None = its listener is open, as far as the router says."""


def judge_clusters(
    sights: Sequence[Sight], now: datetime, *, away: str = ""
) -> tuple[Finding, ...]:
    """A line for each trouble, and one for all clusters that are well. `away`: why the router does
    not answer.
    """
    if not sights:
        return (well("clusters", "there is none yet"),)
    found: list[Finding] = []
    served = []
    for sight in sights:
        name = sight.state.cluster
        troubles = [trouble(f"cluster {name}", *told) for told in _troubles(sight, now)]
        notes = [well(f"cluster {name}", told) for told in _notes(sight.state)]
        found += [*troubles, *notes]
        if not troubles and sight.state.split.shares:
            served.append(name)
    if away:
        hint = "The server starts the router again by itself; look again in some seconds"
        found.append(trouble("clusters", f"nobody is served: {away}", hint))
    elif served or not found:
        found.append(well("clusters", _format_served(served, of=len(sights))))
    return tuple(found)


def _format_served(served: Sequence[str], *, of: int) -> str:
    if not served:
        return "none is served yet"
    if len(served) == 1:
        return f"{served[0]} is served"
    return f"all {of} clusters are served" if len(served) == of else f"{len(served)} are served"


def _notes(state: ClusterState) -> Iterator[str]:
    if state.held:
        yield (
            f"is held: {state.held}; deployments are refused until: turnout release {state.cluster}"
        )
    if state.groups and state.listener is None:
        yield "has no address yet, so nobody is served"


def _troubles(sight: Sight, now: datetime) -> Iterator[tuple[str, str]]:
    """Sentence and hint for each, what hurts users first."""
    state = sight.state
    is_moving = any(work.record.question is None for work in sight.work)
    if state.listener is not None and not state.split.shares and not sight.work:
        yield _judge_empty(state)
    if sight.shut is not None and not is_moving:
        yield f"nobody gets in: {sight.shut.sentence}", sight.shut.hint
    for name in state.split.shares:
        yield from _judge_serving(state, name, is_moving=is_moving)
    for work in sight.work:
        yield from _judge_work(work)
    for group in state.groups:
        yield from _judge_restarts(group, now)


def _judge_empty(state: ClusterState) -> tuple[str, str]:
    port = state.listener.port if state.listener else 0
    ready = [group.name for group in state.groups if group.healthy]
    do = f"turnout enable {ready[-1]} gives it the users" if ready else "Deploy it"
    return f"nobody is served on port {port}: no server group gets users, who get errors", do


def _judge_serving(state: ClusterState, name: str, *, is_moving: bool) -> Iterator[tuple[str, str]]:
    """A server group that gets users: it should have all its instances healthy, and must have one.

    While a deployment is at work, it takes care of the number.
    """
    group = state.group(name)
    gets = f"{name} gets {format_share(state.split.share(name))} of the users"
    harm = "These users get errors."
    if group is None:
        yield f"{gets}, but does not exist", f"{harm} {_format_way_out(state)}"
    elif group.is_cold:
        yield (
            f"{gets}, but has no instance",
            f"{harm} turnout resize {name} 1 starts one; {_format_way_out(state)}",
        )
    elif not group.healthy:
        yield (
            f"{gets}, but 0 of {group.desired} are healthy{_why(group)}",
            f"{harm} turnout logs {name} says why; {_format_way_out(state)}",
        )
    elif group.healthy < group.desired and not is_moving:
        yield (
            f"{gets}, with {group.healthy} of {group.desired} healthy{_why(group)}",
            f"turnout logs {name} says why",
        )


def _format_way_out(state: ClusterState) -> str:
    earlier = (state.group(name) for name in state.previous if not state.split.share(name))
    if any(group is not None for group in earlier):
        return f"turnout rollback {state.cluster} goes back"
    return "deploy a version that works"


def _why(group: ServerGroup) -> str:
    """What the first instance that is not healthy says."""
    unwell = (InstanceState.STARTING, InstanceState.UNHEALTHY, InstanceState.GONE)
    for instance in group.instances:
        said = instance.hopeless or instance.probe_said
        if instance.state in unwell and said:
            given_up = " was given up:" if instance.hopeless else ""
            return f"; {instance.id}{given_up} {_clip(said)}"
    return ""


def _judge_restarts(group: ServerGroup, now: datetime) -> Iterator[tuple[str, str]]:
    told = [f"{i.id} {i.restarts} times" for i in group.instances if _is_restless(i, now)]
    if told:
        more = f" and {len(told) - 3} more" if len(told) > 3 else ""
        yield (
            f"instances of {group.name} end again and again; started again: "
            f"{', '.join(told[:3])}{more}",
            f"turnout logs {group.name} says why",
        )


def _is_restless(instance: Instance, now: datetime) -> bool:
    if instance.restarts < SEVERAL or instance.hopeless:
        return False
    if instance.state is InstanceState.HEALTHY:
        return instance.since is not None and now - instance.since < CALM_AFTER
    return instance.state in (InstanceState.STARTING, InstanceState.UNHEALTHY)


def _judge_work(work: Work) -> Iterator[tuple[str, str]]:
    record, question = work.record, work.record.question
    if question is not None and question.default is not Choice.RETRY:
        yield (
            f"{record.id} is paused since {_time(question.asked_at)} and asks: "
            f"{_clip(question.sentence)}",
            f"Answer: turnout answer {record.id} {_choices(question)}. "
            f"Without one it is {question.default} at {_time(question.until)}",
        )
        return
    failures = _failures(work.steps)
    if question is None and len(failures) < SEVERAL:
        return
    said = question.sentence if question else ""
    if failures:
        last = failures[0]
        said = f"{last.title} has failed {len(failures)} times: {last.said}"
    yield (
        f"{record.id} does not get on: {_clip(said)}",
        "Remove the cause; it is tried again about every minute by itself. "
        f"More: turnout show {record.id}",
    )


def _failures(steps: Sequence[StepRecord]) -> list[StepRecord]:
    """How often the last step has failed in a row, last first."""
    tried = [step for step in reversed(steps) if step.state is not StepState.RUNNING]
    return list(takewhile(lambda s: s.state is StepState.FAILED and s.step == tried[0].step, tried))


def _choices(question: Question) -> str:
    *others, last = [str(choice) for choice in question.choices]
    return f"{', '.join(others)} or {last}" if others else last


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _clip(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
