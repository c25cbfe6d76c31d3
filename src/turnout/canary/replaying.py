"""The judge on windows of the past in which nothing changed, and with harm put into them.

Runs in a process apart. All chance is seeded: the same history gives the same answer.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from turnout.analysis import sequential
from turnout.analysis.compatible.intervals import must_stop
from turnout.analysis.sequential.replay import clopper_pearson, inject
from turnout.analysis.sequential.splitting import autocorrelation_of, split_nested
from turnout.canary.beside import judge_beside
from turnout.canary.differing import Difference, advise, measure_difference
from turnout.canary.evidence import Columns, Slice
from turnout.canary.history import LOOKS_BACK, dispersion_of
from turnout.canary.opinions import metric_of, steps_of, thresholds_of
from turnout.canary.retrospective import with_judge
from turnout.canary.subjects import Subject, subjects_of
from turnout.canary.worker import Tell
from turnout.model.canary.configuration import COMPATIBLE_JUDGE, CanaryConfig
from turnout.model.canary.document import read_document
from turnout.model.canary.options import Direction, Kind, read_judge_options
from turnout.model.canary.replay import Detection, Rate, ReplayedMetric, ReplayResult
from turnout.model.canary.result import JudgeResult
from turnout.model.value import Value

EFFECTS = (1.05, 1.1, 1.25, 1.5, 2.0)
EXTRA = 0.01
"""Of all requests: errors where there were none."""

CURVE = 30
"""Windows that harm is put into."""

LOOKS = 5
"""How often the compatible judge is asked in a window. In a deployment it would be once a minute;
each look is another chance of a false alarm."""


class Measured(Value):
    """One window. Slices without a baseline are one group's figures, to be split."""

    begin: datetime
    slices: tuple[Slice, ...]


class ReplayTask(Value):
    """What the worker needs to know."""

    document: dict[str, Any]
    """The canary configuration, as JSON."""
    history: dict[str, Any] = {}
    duration: timedelta
    share: int
    """Of each arm, in per mille; 0: the windows have both."""
    windows: tuple[Measured, ...]
    seed: int = 1
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Window:
    """Both arms of a window, with what was known before it."""

    subjects: tuple[Subject, ...]
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    verdict: sequential.Verdict
    minutes: float


def replay_document(document: bytes, tell: Tell) -> bytes:
    """A `ReplayTask` as JSON, to a `ReplayResult`."""
    return replay_windows(ReplayTask.model_validate_json(document), tell).model_dump_json().encode()


def replay_windows(task: ReplayTask, tell: Tell) -> ReplayResult:
    """Judge all windows as they were, then some of them with harm."""
    config = read_document(CanaryConfig, task.document)
    windows = [_open(task, config, n) for n in range(len(task.windows))]
    found, ends, looked = [], [], []
    for n, window in enumerate(windows):
        tell("windows without a change", 0.4 * n / len(windows))
        found.append(_judge(config, window, task.duration))
        *_, end = results = [_beside(config, window, (n + 1) / LOOKS) for n in range(LOOKS)]
        ends.append(end)
        looked.append(_fails(config, results))
    failed = [one.verdict.answer is sequential.Answer.FAIL for one in found]
    days = [measured.begin.date() for measured in task.windows]
    bad = [_fails(config, [end]) for end in ends]
    return ReplayResult(
        window_minutes=task.duration / timedelta(minutes=1),
        share=task.share,
        alarms=_rate(failed),
        inconclusive=sum(f.verdict.answer is sequential.Answer.INCONCLUSIVE for f in found),
        days=len(set(days)),
        days_with_alarm=len({day for day, fail in zip(days, failed, strict=True) if fail}),
        compatible_alarms=_rate(bad),
        compatible_looked=_rate(looked),
        looks=LOOKS,
        metrics=tuple(_metrics(task, windows, [f.verdict for f in found], ends)),
        detection=tuple(_curve(config, windows[:CURVE], task, tell)),
        notes=task.notes,
    )


def _open(task: ReplayTask, config: CanaryConfig, number: int) -> _Window:
    measured = task.windows[number]
    names = [one.metric for one in measured.slices]
    bursts = _bursts_before(task, number, {s.name: s for s in subjects_of(config, task.duration)})
    known = {name: {**task.history.get(name, {}), "dispersion": bursts.get(name)} for name in names}
    subjects = tuple(s for s in subjects_of(config, task.duration, known) if s.name in names)
    by_name = {s.name: s for s in subjects}
    slices = [
        split_slice(by_name[one.metric], one, task.share / 1000, _seed(task.seed, number, place))
        if task.share
        else one
        for place, one in enumerate(measured.slices)
    ]
    return _Window(subjects, tuple(slices))


def _bursts_before(
    task: ReplayTask, number: int, subjects: Mapping[str, Subject]
) -> dict[str, float | None]:
    """What a canary would have learned of its metrics from the window before."""
    before = task.windows[number - 1] if number else None
    if before is None or before.begin + task.duration != task.windows[number].begin:
        return {}
    found = {}
    for one in before.slices:
        subject, arm = subjects[one.metric], one.baseline or one.canary
        count = int(LOOKS_BACK / subject.step)
        if subject.kind in (Kind.COUNT, Kind.PROPORTION):
            found[one.metric] = dispersion_of(tuple(column[-count:] for column in arm))
    return found


def _seed(seed: int, window: int, place: int) -> int:
    return (seed * 1_000_003 + window) * 101 + place


def split_slice(subject: Subject, one: Slice, share: float, seed: int) -> Slice:
    """One group's figures as those of two arms with this share of the requests each."""
    *parts, exposure = one.canary
    if subject.exposure is None:  # time, which both arms have
        ours, theirs = split_nested(parts, share, share, seed)
        return one.model_copy(update={"canary": (*ours, exposure), "baseline": (*theirs, exposure)})
    arms = split_nested([exposure, *parts], share, share, seed)
    canary, baseline = ((*columns[1:], columns[0]) for columns in arms)
    return one.model_copy(update={"canary": canary, "baseline": baseline})


def _judge(config: CanaryConfig, window: _Window, duration: timedelta) -> _Found:
    """As a canary with its looks: what is looked at more often is not found more often."""
    risks = read_judge_options(config)
    judged = [s for s in window.subjects if not s.options.muted] or list(window.subjects)
    state = sequential.start(
        [metric_of(s) for s in judged],
        alpha=risks.alpha,
        beta=risks.beta,
        planned_steps=max(1, int(duration / min(s.step for s in judged))),
        expected_share=None,
        has_intervals=False,
    )
    kinds = {s.name: s.kind for s in judged}
    steps = {s.metric: steps_of(kinds[s.metric], [s]) for s in window.slices if s.metric in kinds}
    state = sequential.advance(state, steps)
    verdict = sequential.finish(state)
    seconds = duration.total_seconds() if state.failed_at is None else state.failed_at
    return _Found(verdict, seconds / 60)


def _beside(config: CanaryConfig, window: _Window, part: float) -> JudgeResult:
    """The compatible judge on the first part of a window."""
    slices = [_cut(one, math.ceil(one.count * part)) for one in window.slices]
    return judge_beside(with_judge(config, COMPATIBLE_JUDGE), window.subjects, slices)


def _cut(one: Slice, count: int) -> Slice:
    arms = ("canary", "baseline")
    return one.model_copy(
        update={arm: tuple(column[:count] for column in getattr(one, arm)) for arm in arms}
    )


def _fails(config: CanaryConfig, results: Sequence[JudgeResult]) -> bool:
    """Whether a deployment would have been stopped by one of these, or by the last."""
    limits = thresholds_of(config)
    is_stopped = any(must_stop(r.score.score, marginal=limits.marginal) for r in results)
    return is_stopped or results[-1].score.score < limits.pass_


def _rate(is_alarm: Sequence[bool]) -> Rate:
    low, high = clopper_pearson(sum(is_alarm), len(is_alarm))
    return Rate(count=sum(is_alarm), windows=len(is_alarm), low=low, high=high)


def _metrics(
    task: ReplayTask,
    windows: Sequence[_Window],
    verdicts: Sequence[sequential.Verdict],
    ends: Sequence[JudgeResult],
) -> list[ReplayedMetric]:
    told = []
    for subject in windows[0].subjects:
        harm = [
            any(m.name == subject.name and m.finding is sequential.Finding.HARM for m in v.metrics)
            for v in verdicts
        ]
        columns = [
            one.canary for w in task.windows for one in w.slices if one.metric == subject.name
        ]
        phi, again = _burstiness(subject, columns), _persistence(subject, columns)
        between = _difference(task, subject)
        told.append(
            ReplayedMetric(
                name=subject.name,
                kind=subject.kind.value,
                alarms=_rate(harm),
                compatible_alarms=sum(
                    any(r.name == subject.name and r.classification in _BAD for r in end.results)
                    for end in ends
                ),
                dispersion=phi,
                autocorrelation=again,
                lasting_low=between.low,
                lasting_high=between.high,
                suggestion=advise(subject, between)
                or suggest(subject, alarms=sum(harm), dispersion=phi, autocorrelation=again),
            )
        )
    return told


def _difference(task: ReplayTask, subject: Subject) -> Difference:
    """Unknown where one group was split: both arms had the same instances."""
    if task.share:
        return Difference()
    slices = [one for w in task.windows for one in w.slices if one.metric == subject.name]
    return measure_difference(subject, slices)


_BAD = ("High", "Low")


def _burstiness(subject: Subject, columns: Sequence[Columns]) -> float:
    """The median over the windows; of a latency that of its highest threshold."""
    if subject.kind is Kind.GAUGE:
        return math.nan
    found = [dispersion_of(column[-2:]) for column in columns]
    known = [phi for phi in found if phi is not None]
    return median(known) if known else math.nan


def _persistence(subject: Subject, columns: Sequence[Columns]) -> float:
    values = [autocorrelation_of(_level(subject, column)) for column in columns]
    known = [value for value in values if not math.isnan(value)]
    return median(known) if known else math.nan


def _level(subject: Subject, columns: Columns) -> tuple[float, ...]:
    if subject.kind is Kind.GAUGE:
        return columns[0]
    events, exposure = columns[0], columns[-1]
    return tuple(e / n if n > 0 else math.nan for e, n in zip(events, exposure, strict=True))


def suggest(subject: Subject, *, alarms: int, dispersion: float, autocorrelation: float) -> str:
    """What to change in the configuration of a metric that alarms; empty when it is fine."""
    if not alarms:
        return ""
    if subject.kind is Kind.GAUGE:
        told = f"write a margin above {subject.margin:g}, or measure in longer steps"
        if autocorrelation > 0.5:
            told = f"its level lasts for several steps: a step of {_coarser(subject)} s or longer"
        return told
    if autocorrelation > 0.2:
        return f"what happens lasts longer than a step: write step: {_coarser(subject)}"
    if dispersion > 1.5:
        return f"its events come in bursts: write dispersion: {math.ceil(dispersion * 10) / 10:g}"
    margin = max(0.1, 2 * subject.margin)
    return f"a margin of {margin:g}, or less weight, would silence it"


def _coarser(subject: Subject) -> int:
    return max(10, 5 * round(subject.step.total_seconds()))


def _curve(
    config: CanaryConfig, windows: Sequence[_Window], task: ReplayTask, tell: Tell
) -> list[Detection]:
    subjects = windows[0].subjects
    plans = [(s, label, harm) for s in subjects if not s.options.muted for label, harm in _harms(s)]
    found = []
    for n, (subject, label, harm) in enumerate(plans):
        tell(f"{subject.name} {label}", 0.4 + 0.6 * n / len(plans))
        changed = [
            replace(
                window,
                slices=tuple(
                    harm(one, random.Random(_seed(task.seed, place, n)))  # noqa: S311 - seeded
                    if one.metric == subject.name
                    else one
                    for one in window.slices
                ),
            )
            for place, window in enumerate(windows)
        ]
        found.append(_detection(config, changed, task, (subject.name, label)))
    return found


def _detection(
    config: CanaryConfig, windows: Sequence[_Window], task: ReplayTask, which: tuple[str, str]
) -> Detection:
    judged = [_judge(config, window, task.duration) for window in windows]
    is_found = [one.verdict.answer is sequential.Answer.FAIL for one in judged]
    minutes = [one.minutes for one, hit in zip(judged, is_found, strict=True) if hit]
    beside = sum(_fails(config, [_beside(config, window, 1.0)]) for window in windows)
    return Detection(
        metric=which[0],
        effect=which[1],
        found=_rate(is_found),
        median_minutes=median(minutes) if minutes else None,
        compatible_found=beside,
    )


Harm = Callable[[Slice, random.Random], Slice]


def _harms(subject: Subject) -> list[tuple[str, Harm]]:
    def times(effect: float) -> Harm:
        factor = 1 / effect if subject.direction is Direction.DECREASE else effect
        return lambda one, chance: harm_slice(subject, one, factor, chance)

    harms = [(f"x{effect:g}", times(effect)) for effect in EFFECTS]
    is_share = subject.kind is Kind.PROPORTION and subject.direction is not Direction.DECREASE
    return [*harms, (f"+{EXTRA * 100:g} %", add_errors)] if is_share else harms


def harm_slice(subject: Subject, one: Slice, effect: float, chance: random.Random) -> Slice:
    """The canary's figures times the effect; counts stay whole, and right on average."""
    if subject.kind is Kind.GAUGE:
        return _with(one, (tuple(effect * value for value in one.canary[0]),))
    *events, exposure = one.canary
    steps = sequential.EventSteps
    uniform = [chance.random() for _ in range(one.count)]
    changed = []
    for column in events:
        asked = steps(range(one.count), column, exposure, column, exposure)
        found = inject(metric_of(_as_count(subject)), asked, effect, uniform)
        assert isinstance(found, steps)  # noqa: S101 - what went in
        changed.append(_at_most(list(found.events_canary), exposure, subject))  # type: ignore[arg-type] # an array
    return _with(one, (*changed, exposure))


def add_errors(one: Slice, chance: random.Random) -> Slice:
    """One per cent of the canary's requests fail that did not before."""
    events, exposure = one.canary
    more = tuple(
        e + sum(chance.random() < EXTRA for _ in range(int(n - e))) if e + n == e + n else math.nan
        for e, n in zip(events, exposure, strict=True)
    )
    return _with(one, (more, exposure))


def _as_count(subject: Subject) -> Subject:
    return replace(subject, kind=Kind.COUNT, thresholds_ms=())


def _at_most(
    events: Sequence[float], exposure: Sequence[float], subject: Subject
) -> tuple[float, ...]:
    """No more events than requests."""
    if subject.exposure is None:
        return tuple(events)
    return tuple(min(e, n) for e, n in zip(events, exposure, strict=True))


def _with(one: Slice, canary: Columns) -> Slice:
    return one.model_copy(update={"canary": canary})
