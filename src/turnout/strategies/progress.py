"""The machine that carries a plan out: which step is due, and what follows from its answer.

Whoever runs it (a Temporal workflow, or the explorer in the tests) does this:

    progress = begin(plan, request, now)
    while not progress.status.is_end:
        step = due(progress)
        progress = advance(attempt(progress), <answer of the step>, now)

or `cancel`, or `decide` when it is paused.

A step that failed may have had its effect all the same; a step that was cancelled, too. The way
back undoes both.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from turnout.model.deployment import Choice, OnFailure, Options, Request, Status
from turnout.model.journal import Question
from turnout.model.plan import (
    CreateGroup,
    Delay,
    DrainGroup,
    Plan,
    ReplaceSplit,
    RunChecks,
    Step,
    StepAnswer,
    Watch,
)
from turnout.model.traffic import TrafficSplit
from turnout.model.units import format_share
from turnout.model.value import Value
from turnout.strategies.rollback import plan_way_back

TRIES = 5
"""How often a step of the way back is tried before a person is asked; it is tried on all the same.
"""

ASK_FOR = timedelta(hours=24)
"""How long a paused deployment waits for a person before it is rolled back."""

ASK_AGAIN = timedelta(minutes=1)
"""How long a stuck way back waits for a person before it tries again."""


class Phase(StrEnum):
    """Where a deployment is. Until `retiring` everything can be taken back."""

    FORWARD = "forward"
    RETIRING = "retiring"
    RETURNING = "returning"
    CLEANING = "cleaning"


class Progress(Value):
    """Everything that a running deployment must remember. It is the whole state of its workflow."""

    plan: Plan
    request: Request
    status: Status
    sentence: str
    phase: Phase = Phase.FORWARD
    todo: tuple[Step, ...] = ()
    """The step that is due, and those after it."""
    attempted: tuple[str, ...] = ()
    """Ids of the plan's steps that were begun."""
    number: int = 0
    """Counts the steps begun, repeated ones too: the journal's key, and the order of commands."""
    tries: int = 0
    """How often the due step failed in a row."""
    generation: int = 0
    """Of the split that the next forward change replaces."""
    shares: dict[str, int] | None = None
    """Of the split that was confirmed last; None = as it was before."""
    moved_at: datetime | None = None
    """When the first share of traffic on the new group was confirmed."""
    question: Question | None = None
    cause: str = ""
    canceled: bool = False
    detected_at: datetime | None = None
    decided_at: datetime | None = None
    returned_at: datetime | None = None
    cleaning: tuple[Step, ...] = ()
    """The second part of the way back, while the first is on."""
    final: Status | None = None
    """How it will end once the phase is done; None = succeeded."""


def begin(plan: Plan, request: Request, now: datetime) -> Progress:
    """Start to carry a plan out. A refused plan, or one with nothing to do, ends at once."""
    started = Progress(
        plan=plan,
        request=request,
        status=Status.RUNNING,
        sentence=plan.title,
        todo=plan.steps,
        generation=plan.before.generation,
    )
    if plan.refused:
        return _end(started, Status.REFUSED, plan.refused)
    return _next_phase(started, now) if not plan.steps else _enter(started)


def due(progress: Progress) -> Step:
    """The step that is due, with what only the run knows filled in.

    Raises `ValueError` when none is.
    """
    if progress.status.is_end or progress.question or not progress.todo:
        raise ValueError(f"no step is due: the deployment is {progress.status}")
    step = progress.todo[0]
    match step.operation:
        case ReplaceSplit() if progress.phase in (Phase.FORWARD, Phase.RETIRING):
            filled = step.operation.model_copy(update={"replaces": progress.generation})
        case Watch():
            return step.model_copy(
                update={"operation": step.operation.model_copy(update={"since": progress.moved_at})}
            )
        case _:
            return step
    return step.model_copy(update={"operation": filled})


def pause_before(progress: Progress) -> timedelta:
    """How long to wait before the due step: nothing at first, growing when it has failed."""
    return timedelta(seconds=min(2 ** (progress.tries - 1), 30)) if progress.tries else timedelta(0)


def attempt(progress: Progress) -> Progress:
    """Note that the due step is begun.

    Whatever becomes of it now, the way back takes it into account.
    """
    step = progress.todo[0]
    attempted = progress.attempted
    if progress.phase is Phase.FORWARD and step.id not in attempted:
        attempted = (*attempted, step.id)
    return progress.model_copy(
        update={"attempted": attempted, "number": progress.number + 1, "sentence": step.title}
    )


def advance(progress: Progress, answer: StepAnswer, now: datetime) -> Progress:
    """Go on after the due step was attempted and has answered."""
    if not answer.ok:
        return _failed(progress, answer, now)
    done = _learn(progress, answer)
    rest = progress.todo[1:]
    done = done.model_copy(update={"todo": rest, "tries": 0})
    if progress.phase is Phase.FORWARD and _committed(done):
        done = done.model_copy(update={"phase": Phase.RETIRING})
    return _enter(done) if rest else _next_phase(done, now)


def may_cancel(progress: Progress) -> str:
    """Why it is too late to cancel; empty when it is not."""
    if progress.status.is_end:
        return f"it has ended: {progress.sentence}"
    if progress.phase is Phase.RETIRING:
        if not progress.plan.commit:
            return "what it destroys cannot be brought back"
        return "it is done and only clears up: take it back with turnout rollback"
    if progress.phase is not Phase.FORWARD:
        return "it is already on its way back"
    return ""


def cancel(progress: Progress, reason: str, now: datetime) -> Progress:
    """Take everything back because somebody asked.

    Raises `ValueError` when it is too late (`may_cancel`).
    """
    late = may_cancel(progress)
    if late:
        raise ValueError(late)
    return _way_back(progress.model_copy(update={"canceled": True}), reason, now)


def decide(progress: Progress, choice: Choice, now: datetime) -> Progress:
    """Go on after a person, or the passing of time, has answered the question. Raises `ValueError`
    for a choice
    that was not offered.
    """
    question = progress.question
    if question is None or choice not in question.choices:
        raise ValueError(f"{choice} is not among the answers of this question")
    asked = progress.model_copy(update={"question": None, "tries": 0, "status": _going(progress)})
    match choice:
        case Choice.RETRY:
            return _enter(_forgiven(asked))
        case Choice.CONTINUE:
            said = StepAnswer(ok=True, sentence="a person said to go on")
            return advance(_forgiven(asked), said, now)
        case Choice.ROLLBACK:
            return _way_back(asked, progress.cause, now)
        case Choice.STOP:
            return _stop(asked)


def _forgiven(progress: Progress) -> Progress:
    """What went wrong on the way forward does not count any more; on the way back it is why."""
    if progress.phase is not Phase.FORWARD:
        return progress
    return progress.model_copy(update={"cause": "", "detected_at": None})


def _going(progress: Progress) -> Status:
    forward = progress.phase in (Phase.FORWARD, Phase.RETIRING)
    return Status.RUNNING if forward else Status.ROLLING_BACK


def _committed(progress: Progress) -> bool:
    return len(progress.plan.steps) - len(progress.todo) >= progress.plan.commit


def _enter(progress: Progress) -> Progress:
    if progress.phase is Phase.FORWARD and _committed(progress):
        progress = progress.model_copy(update={"phase": Phase.RETIRING})
    return progress.model_copy(update={"sentence": progress.todo[0].title})


def _learn(progress: Progress, answer: StepAnswer) -> Progress:
    """Remember what the answer says about the split."""
    if answer.split is None:
        return progress
    learned: dict[str, object] = {
        "generation": answer.split.generation,
        "shares": answer.split.shares,
    }
    if progress.phase is Phase.RETURNING:
        learned["returned_at"] = answer.at
    elif _moves(progress, answer.split):
        learned["moved_at"] = answer.at
    return progress.model_copy(update=learned)


def _moves(progress: Progress, split: TrafficSplit) -> bool:
    """Whether this split is the first that has traffic on the new group, or on its canary."""
    plan, before = progress.plan, progress.shares or {}
    if split.share(plan.new_group):
        return progress.moved_at is None or not before.get(plan.new_group)
    return progress.moved_at is None and bool(plan.canary and split.share(plan.canary))


def _failed(progress: Progress, answer: StepAnswer, now: datetime) -> Progress:
    if progress.phase is not Phase.FORWARD:
        return _try_again(progress, answer, now)
    if answer.refused and len(progress.attempted) == 1:
        return _end(progress, Status.REFUSED, answer.sentence)
    if isinstance(progress.todo[0].operation, DrainGroup):
        return advance(progress, answer.model_copy(update={"ok": True}), now)
    noted = progress.model_copy(update={"cause": answer.sentence, "detected_at": now})
    on_failure = _options(progress).on_failure
    if answer.dead or (on_failure is OnFailure.ROLLBACK and not answer.ask):
        return _way_back(noted, answer.sentence, now)
    if on_failure is OnFailure.STOP and not answer.ask:
        return _stop(noted)
    return _ask(noted, now)


def _ask(progress: Progress, now: datetime) -> Progress:
    operation = progress.todo[0].operation
    skippable = isinstance(operation, RunChecks | Watch | Delay)
    choices = (Choice.RETRY, Choice.ROLLBACK, Choice.STOP)
    return _paused(
        progress,
        Question(
            sentence=f"{progress.cause}. What now?",
            choices=(*choices, Choice.CONTINUE) if skippable else choices,
            asked_at=now,
            until=now + ASK_FOR,
            default=Choice.ROLLBACK,
        ),
    )


def _try_again(progress: Progress, answer: StepAnswer, now: datetime) -> Progress:
    """What is due after the point of no return, or on the way back, is tried until it is done, and
    visibly.
    """
    tries = progress.tries + 1
    again = progress.model_copy(update={"tries": tries})
    title = progress.todo[0].title
    if tries < TRIES:
        return again.model_copy(
            update={"sentence": f"{title}: {answer.sentence} (attempt {tries} failed)"}
        )
    return _paused(
        again,
        Question(
            sentence=f"{title} has failed {tries} times: {answer.sentence}. "
            "It is tried again; stop leaves it undone",
            choices=(Choice.RETRY, Choice.STOP),
            asked_at=now,
            until=now + ASK_AGAIN,
            default=Choice.RETRY,
        ),
    )


def _paused(progress: Progress, question: Question) -> Progress:
    return progress.model_copy(
        update={"status": Status.PAUSED, "question": question, "sentence": question.sentence}
    )


def _way_back(progress: Progress, cause: str, now: datetime) -> Progress:
    options = _options(progress)
    way = plan_way_back(
        progress.plan,
        progress.attempted,
        keep_failed=options.keep_failed and not progress.canceled,
        deadline=options.ready_deadline,
        drain=_drain_timeout(progress),
    )
    turned = progress.model_copy(
        update={
            "status": Status.ROLLING_BACK,
            "phase": Phase.RETURNING if way.returning else Phase.CLEANING,
            "todo": way.returning or way.cleaning,
            "cleaning": way.cleaning if way.returning else (),
            "tries": 0,
            "cause": cause,
            "detected_at": progress.detected_at or now,
            "decided_at": now,
            "final": Status.ROLLED_BACK,
            "question": None,
        }
    )
    return _enter(turned) if turned.todo else _next_phase(turned, now)


def _stop(progress: Progress) -> Progress:
    """Leave everything as it is, except for pins: they are always released."""
    releases = plan_way_back(
        progress.plan,
        [i for i in progress.attempted if i.startswith("pin-")],
        keep_failed=True,
        deadline=timedelta(0),
        drain=timedelta(0),
    ).cleaning
    again = progress.final is Status.FAILED
    stopped = progress.model_copy(
        update={
            "todo": () if again else releases,
            "phase": Phase.CLEANING,
            "cleaning": (),
            "tries": 0,
            "final": Status.FAILED,
            "cause": progress.cause or progress.sentence,
        }
    )
    return _enter(stopped) if stopped.todo else _end_of(stopped)


def _next_phase(progress: Progress, now: datetime) -> Progress:
    """The list of steps is empty: on to the next one, or to the end."""
    if progress.phase is Phase.RETURNING and progress.cleaning:
        return _enter(
            progress.model_copy(
                update={"phase": Phase.CLEANING, "todo": progress.cleaning, "cleaning": ()}
            )
        )
    return _end_of(progress)


def _end_of(progress: Progress) -> Progress:
    final = progress.final or Status.SUCCEEDED
    return _end(progress, final, _outcome(progress, final))


def _outcome(progress: Progress, final: Status) -> str:
    plan = progress.plan
    if final is Status.SUCCEEDED:
        if not plan.steps:
            return plan.notes[0] if plan.notes else f"{plan.title}: nothing to do"
        return f"{plan.title}: done"
    if final is Status.FAILED:
        shares = plan.before.shares if progress.shares is None else progress.shares
        told = ", ".join(f"{format_share(s)} on {g}" for g, s in shares.items())
        return f"failed and left as it is ({told or 'nothing is served'}): {progress.cause}"
    why = "cancelled" if progress.canceled else "rolled back"
    return f"{why}, {_served_as_before(progress)}{_kept(progress)}: {progress.cause}"


def _served_as_before(progress: Progress) -> str:
    groups = progress.plan.before.shares
    if not groups:
        return "nothing is served, as before"
    told = " and ".join(groups)
    if progress.moved_at is None:
        return f"{told} {'serves' if len(groups) == 1 else 'serve'} as before"
    return f"traffic is back on {told}"


def _kept(progress: Progress) -> str:
    """What a failed deployment left to look into, as it was told to."""
    if progress.canceled or not _options(progress).keep_failed:
        return ""
    steps = [s for s in progress.plan.steps if s.id in progress.attempted]
    made = [o.group for s in steps if isinstance(o := s.operation, CreateGroup)]
    return f"; {made[0]} is kept without traffic" if made else ""


def _end(progress: Progress, status: Status, sentence: str) -> Progress:
    return progress.model_copy(
        update={"status": status, "sentence": sentence, "todo": (), "question": None}
    )


def _options(progress: Progress) -> Options:
    service = progress.request.service
    return service.options if service else progress.request.options


def _drain_timeout(progress: Progress) -> timedelta:
    service = progress.request.service
    return service.settings.drain_timeout if service else timedelta(seconds=30)
