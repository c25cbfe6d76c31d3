"""A deployment's progress where nothing can move: one plain line for every event, in order.

The lines come from the journal, so none is lost when the connection breaks or the server restarts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from turnout.cli import story
from turnout.cli.answers import ClusterView, DeploymentView
from turnout.cli.views import words
from turnout.cli.views.ahead import ahead_mark, ahead_words
from turnout.cli.views.record import figures, way_back_words, without_cause
from turnout.model.deployment import Kind, Status
from turnout.model.journal import CheckRecord, Question, SplitRecord, StepRecord, StepState

LABEL = 13

PATIENCE = timedelta(seconds=2)
"""A step that waits longer than this says why."""

LONGEST_SILENCE = timedelta(seconds=60)

_STEP_LABELS = {
    StepState.SUCCEEDED: "ok",
    StepState.FAILED: "failed",
    StepState.CANCELED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class _Happening:
    at: datetime
    key: tuple[object, ...]
    label: str
    text: str


@dataclass(slots=True)
class ProgressLines:
    """Remembers what it has told."""

    zone: tzinfo | None
    _told: set[tuple[object, ...]] = field(default_factory=set)
    _quiet_until: datetime | None = None
    _silence: timedelta = PATIENCE
    _step: int = 0
    _lost: bool = False

    def news(self, view: DeploymentView, now: datetime) -> list[str]:
        """The lines for what is new in the view."""
        new = []
        for happening in sorted(_happenings(view), key=lambda h: h.at):
            if happening.key not in self._told:
                self._told.add(happening.key)
                new.append(happening)
        lines = [self.line(h.at, h.label, h.text) for h in new]
        if not (view.record.status.is_end or view.record.question):
            lines += self._waiting(view, now)
        return lines

    def ahead(self, view: DeploymentView, cluster: ClusterView | None, now: datetime) -> list[str]:
        """For one that waits for its turn: what may be done about the one whose turn it is."""
        running = cluster.running if cluster else None
        if running is None or view.record.status is not Status.QUEUED:
            return []
        if running.id == view.record.id:  # its turn has come between two looks
            return []
        key = ("ahead", *ahead_mark(running))
        said = ahead_words(running, view.record.request.kind)
        if not said or key in self._told:
            return []
        self._told.add(key)
        return [self.line(now, "queued", said)]

    def connection(self, lost: str, now: datetime) -> list[str]:
        """A line when the server goes away, `lost` saying why, and one when it is back."""
        was_lost, self._lost = self._lost, bool(lost)
        if self._lost == was_lost:
            return []
        return [self.line(now, "server", f"{lost} Trying again." if lost else "It answers again.")]

    def line(self, at: datetime, label: str, text: str) -> str:
        """One line: time, what kind of news, the news."""
        return f"{words.clock_time(at, self.zone)}  {label:<{LABEL}}{words.clean(text)}"

    def _waiting(self, view: DeploymentView, now: datetime) -> list[str]:
        """The step that waits, and why: soon at first, then less and less often."""
        step = story.running_step(view)
        if step is None:
            return []
        if step.number != self._step:
            self._step, self._silence = step.number, PATIENCE
            self._quiet_until = step.started_at + PATIENCE
        if not step.waiting_for or self._quiet_until is None or now < self._quiet_until:
            return []
        self._silence = min(self._silence * 2, LONGEST_SILENCE)
        self._quiet_until = now + self._silence
        until = ""
        if step.deadline:
            until = f" (until {words.deadline_time(step.deadline, now, self.zone)} at most)"
        reason = words.waiting(step)
        why = f": {reason}" if reason else ""
        return [self.line(now, "waiting", f"{step.title}{why}{until}")]


def _happenings(view: DeploymentView) -> Iterator[_Happening]:
    yield from _statuses(view)
    for step in view.steps:
        yield from _step(step, view.splits)
    for split in view.splits:
        yield _split(split)
    for check in view.checks:
        yield _check(check, view.steps)


def _statuses(view: DeploymentView) -> Iterator[_Happening]:
    record = view.record
    if record.status is Status.QUEUED:
        key = ("queued", record.sentence)
        yield _Happening(record.request.requested_at, key, "queued", record.sentence)
    if record.started_at:
        begun = f"{words.title(record)} ({record.id})"
        yield _Happening(record.started_at, ("started",), "started", begun)
    taken_back = None if record.request.kind is Kind.ROLLBACK else record.decided_at
    if taken_back:
        failed = story.teller(view)
        full = record.cause or record.sentence
        why = f"because this failed: {failed.title}" if failed else full
        yield _Happening(taken_back, ("back",), "rollback", why)
    if record.question:
        yield _paused(record.question, view)
    if record.status.is_end:
        at = record.ended_at or record.request.requested_at
        label = words.STATUS_WORDS[record.status]
        told = taken_back or story.teller(view)
        sentence = without_cause(record) if told else record.sentence
        said = sentence.removeprefix(label).lstrip(",: ") or sentence
        yield _Happening(at, ("end",), label, said)
        back = way_back_words(record)
        if back:
            yield _Happening(at, ("way back",), "way back", back)


def _paused(asked: Question, view: DeploymentView) -> _Happening:
    """The question; of one that only repeats what a step has told, which step that was."""
    failed = story.teller(view)
    is_told = failed is not None and view.record.cause in asked.sentence
    said = f"because this failed: {failed.title}" if failed and is_told else asked.sentence
    return _Happening(asked.asked_at, ("asked", asked.asked_at), "paused", said)


def _step(step: StepRecord, splits: tuple[SplitRecord, ...]) -> Iterator[_Happening]:
    if step.attempts > 1 and step.said:
        key = ("attempt", step.number, step.attempts)
        if step.state is StepState.RUNNING:
            said = f"{step.title}, attempt {step.attempts}: {step.said}"
            yield _Happening(step.started_at, key, "again", said)
    if step.ended_at is None or step.state is StepState.RUNNING:
        return
    if step.state is StepState.SUCCEEDED and _is_told_by_split(step, splits):
        return
    said = f": {step.said}" if step.said else ""
    text = f"{step.title} ({words.between(step.started_at, step.ended_at)}){said}"
    yield _Happening(step.ended_at, ("step", step.number), _STEP_LABELS[step.state], text)


def _is_told_by_split(step: StepRecord, splits: tuple[SplitRecord, ...]) -> bool:
    return step.op == "replace_split" and any(
        step.started_at <= split.confirmed_at <= (step.ended_at or step.started_at)
        for split in splits
    )


def _split(split: SplitRecord) -> _Happening:
    confirmed = words.between(split.requested_at, split.confirmed_at)
    shares = words.shares_words(split.shares)
    text = f"{shares}: confirmed in {confirmed} (generation {split.generation})"
    return _Happening(split.confirmed_at, ("split", split.generation), "traffic", text)


def _check(check: CheckRecord, steps: tuple[StepRecord, ...]) -> _Happening:
    """Only the first of every verdict is news. What made a step fail, that step has told."""
    answer = check.answer
    found = f" ({figures(answer.figures)})" if answer.figures else ""
    key = ("check", check.step, answer.check, answer.verdict)
    is_told = any(s.state is StepState.FAILED and answer.sentence in s.said for s in steps)
    why = "" if is_told else f", {answer.sentence}"
    text = f"{answer.check}: {answer.verdict}{why}{found}"
    return _Happening(check.at, key, "check", text)
