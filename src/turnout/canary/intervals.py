"""An analysis by the compatible judge that is judged several times: on which figures, what follows
from each score, and what is told of it. Decides only; `repeating` does it.

The rules are those of the reference (`analysis.compatible.intervals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from turnout.canary.evidence import Slice
from turnout.canary.opinions import CompatibleJudge
from turnout.canary.recorded import write_config
from turnout.canary.subjects import (
    STORE_STEP,
    Subject,
    is_compatible,
    refuse_hopeless,
    subjects_of,
)
from turnout.model.analysis import (
    Analysis,
    AnalysisRecord,
    AnalysisSettings,
    AnalysisVerdict,
    ComparedScope,
    Finding,
    Intervals,
    JudgedWindow,
)
from turnout.model.canary.configuration import (
    COMPATIBLE_JUDGE,
    CanaryConfig,
    Classifier,
    MetricConfig,
    ScoreThresholds,
)
from turnout.model.canary.document import read_document
from turnout.model.canary.result import JudgeResult, MetricResult
from turnout.model.errors import InvalidDocument, Problem
from turnout.model.words import enumerate_names

LONGEST = timedelta(days=7)
LONGEST_AGO = timedelta(days=3660)
MOST_JUDGEMENTS = 1000
MOST_STEPS = 50_000
"""Of one metric: the rank test looks at all of them, several dozen times."""

SAMPLES = 50
"""In the shortest window, where the time allows: fewer are warned of."""


@dataclass(frozen=True, slots=True)
class IntervalWish:
    """What is compared, when, and what is enough. An `end` counts before a lifetime, and nothing
    is delayed then.
    """

    id: str
    config: CanaryConfig
    config_name: str
    cluster: str
    scopes: tuple[ComparedScope, ...]
    start: datetime
    every: timedelta | None
    """None = once, at the end."""
    end: datetime | None = None
    lifetime: timedelta | None = None
    begin_after: timedelta = timedelta(0)
    lookback: timedelta = timedelta(0)
    step: timedelta | None = None
    """Of metrics that say none; None = fine enough for the shortest window."""
    pass_score: float | None = None
    marginal_score: float | None = None
    notes: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    """What messages call the fields; those that are not here have their own names."""

    def place(self, name: str) -> str:
        """Of one field, in what was sent."""
        return self.places.get(name, name)


def plan_record(wish: IntervalWish, now: datetime) -> AnalysisRecord:
    """The analysis before its first judgement, with all its windows.

    For a thread: the rules come with the statistics. Raises `InvalidDocument` with all mistakes
    about times at once.
    """
    require_compatible(wish.config)
    _refuse(_wrong_times(wish, now))
    windows = _windows(wish)
    shortest = windows[0].end - windows[0].start
    config = _prepare(wish, shortest)
    lifetime = _lifetime(wish)
    subjects = subjects_of(config, lifetime)
    _refuse([*_too_much(wish, subjects), *_unknown_scopes(wish)])
    refuse_hopeless(subjects, shortest)
    first = wish.scopes[0]
    record = AnalysisRecord(
        analysis=Analysis(
            id=wish.id,
            cluster=wish.cluster,
            experiment=first.experiment,
            control=first.control,
            source=first.control,
            settings=AnalysisSettings(
                duration=lifetime,
                interval=min(wish.every or lifetime, lifetime),
                config=wish.config_name,
            ),
            control_offset=first.control_offset,
            notes=wish.notes,
        ),
        document=write_config(config),
        began_at=windows[0].start,
        planned_end=windows[-1].end,
        finding=Finding(verdict=AnalysisVerdict.RUNNING, sentence="has just begun"),
        intervals=Intervals(
            scopes=wish.scopes,
            windows=windows,
            pass_score=wish.pass_score,
            marginal_score=wish.marginal_score,
        ),
    )
    return _going_on(record)


def require_compatible(config: CanaryConfig) -> None:
    """Raises `InvalidDocument` for the judge that needs no intervals."""
    if is_compatible(config):
        return
    message = (
        "is Turnout's own judge, which may be looked at all the time and so needs no intervals: "
        "compare without them, or deploy with strategy: canary, which looks all the time; or name "
        f"{COMPATIBLE_JUDGE} here"
    )
    _refuse([Problem(message, "judge.name")])


def require_intervals(
    config: CanaryConfig, *, every: timedelta | None, lifetime: timedelta
) -> None:
    """What the reference would take in silence, and we do not. Raises `InvalidDocument`."""
    require_compatible(config)
    if every is not None and every > lifetime:
        _refuse([Problem("is longer than all of the time that is compared", "every")])


def intervals_of(record: AnalysisRecord) -> Intervals:
    """Of an analysis that has them."""
    if record.intervals is None:
        raise ValueError(f"{record.analysis.id} is not judged at intervals")
    return record.intervals


def next_window(record: AnalysisRecord) -> JudgedWindow | None:
    """The judgement that is to be made next; None after the end."""
    if record.ended_at is not None:
        return None
    return next((w for w in intervals_of(record).windows if w.score is None), None)


def last_judged(record: AnalysisRecord) -> JudgedWindow | None:
    """The judgement that was made last."""
    return next((w for w in intervals_of(record).windows[::-1] if w.score is not None), None)


def due_at(record: AnalysisRecord, window: JudgedWindow) -> datetime:
    """When both sides have had their time. A source may need a moment more."""
    later = [-scope.control_offset for scope in intervals_of(record).scopes]
    return window.end + max(timedelta(0), *later)


def read_subjects(record: AnalysisRecord) -> tuple[CanaryConfig, tuple[Subject, ...]]:
    """What is fetched and judged."""
    config = read_document(CanaryConfig, record.document)
    return config, subjects_of(config, record.analysis.settings.duration)


def scopes_by_metric(record: AnalysisRecord, config: CanaryConfig) -> dict[str, ComparedScope]:
    """Who is compared by each metric."""
    scopes = {scope.name: scope for scope in intervals_of(record).scopes}
    first = intervals_of(record).scopes[0]
    return {m.name: scopes.get(m.scope_name or first.name, first) for m in config.metrics}


def steps_of_window(
    record: AnalysisRecord, window: JudgedWindow, step: timedelta
) -> tuple[int, int]:
    """The whole steps in it, of the grid that begins with the first window: first, behind last."""
    return -((record.began_at - window.start) // step), (window.end - record.began_at) // step


def new_steps(record: AnalysisRecord, window: JudgedWindow, step: timedelta) -> tuple[int, int]:
    """Those of them that no window before it had."""
    first, last = steps_of_window(record, window, step)
    if window.number == 1:
        return first, last
    before = intervals_of(record).windows[window.number - 2]
    return max(first, steps_of_window(record, before, step)[1]), last


def cut_evidence(
    record: AnalysisRecord,
    subjects: Sequence[Subject],
    slices: Sequence[Slice],
    window: JudgedWindow,
) -> tuple[Slice, ...]:
    """What one judgement looks at, in the order of the metrics."""
    found = []
    for subject in subjects:
        first, last = steps_of_window(record, window, subject.step)
        parts = [_part(one, first, last) for one in slices if one.metric == subject.name]
        found += [part for part in parts if part.count]
    return tuple(found)


def judge_window(
    record: AnalysisRecord, slices: Sequence[Slice], window: JudgedWindow
) -> AnalysisRecord:
    """The record after this judgement, of all the evidence that is kept. For a thread."""
    config, subjects = read_subjects(record)
    judge = CompatibleJudge(config, subjects)
    judge.take(cut_evidence(record, subjects, slices, window))
    return after_judgement(record, config, window, judge.result())


def after_judgement(
    record: AnalysisRecord, config: CanaryConfig, window: JudgedWindow, result: JudgeResult
) -> AnalysisRecord:
    """It ends with a score that is not above the marginal one, or with the last window."""
    from turnout.analysis.compatible.intervals import decide, must_stop  # noqa: PLC0415 - large

    asked = intervals_of(record)
    score = result.score.score
    judged = window.model_copy(
        update={
            "score": score,
            "verdict": str(result.score.classification),
            "reason": result.score.classification_reason or "",
            "warning": _warning(config, result.results),
        }
    )
    windows = tuple(judged if w.number == judged.number else w for w in asked.windows)
    intervals = asked.model_copy(update={"windows": windows})
    record = record.model_copy(update={"intervals": intervals})
    if judged.number < len(windows) and not must_stop(score, marginal=asked.marginal_score):
        return _going_on(record, tell_window(judged, len(windows)))
    decision = decide(score, pass_=asked.pass_score, marginal=asked.marginal_score)
    verdict = AnalysisVerdict.PASS if decision.has_passed else AnalysisVerdict.FAIL
    reason = judged.reason and f"{judged.reason.rstrip('.')}."
    sentence = " ".join(part for part in (decision.sentence, reason, judged.warning) if part)
    return _with(record, verdict, sentence).model_copy(update={"ended_at": judged.end})


def waiting_for_figures(
    record: AnalysisRecord, window: JudgedWindow, errors: Sequence[str]
) -> AnalysisRecord:
    """A judgement that is due, and cannot be made yet."""
    told = f"Judgement {window.number} waits for figures: {'; '.join(errors)}"
    return _with(record, AnalysisVerdict.RUNNING, told)


def without_figures(
    record: AnalysisRecord, window: JudgedWindow, errors: Sequence[str], now: datetime
) -> AnalysisRecord:
    """The end, for the figures of a judgement cannot be had. That is no fail."""
    told = f"Judgement {window.number} could not be made: {'; '.join(errors)}"
    return _with(record, AnalysisVerdict.ERROR, told).model_copy(update={"ended_at": now})


def tell_window(window: JudgedWindow, count: int) -> str:
    """What came of one judgement."""
    reason = f" ({window.reason.rstrip('.')})" if window.reason else ""
    return f"Judgement {window.number} of {count}: score {window.score}, {window.verdict}{reason}."


def _going_on(record: AnalysisRecord, so_far: str = "") -> AnalysisRecord:
    window = next_window(record)
    assert window is not None  # noqa: S101 - it has not ended
    due = f"{due_at(record, window):%Y-%m-%d %H:%M:%S} UTC"
    count = len(intervals_of(record).windows)
    told = f"{so_far} Judgement {window.number} of {count} is due at {due}."
    return _with(record, AnalysisVerdict.RUNNING, told.lstrip())


def _with(record: AnalysisRecord, verdict: AnalysisVerdict, sentence: str) -> AnalysisRecord:
    last = last_judged(record)
    figures = {} if last is None or last.score is None else {"score": last.score}
    finding = Finding(verdict=verdict, sentence=sentence, figures=figures, until=record.planned_end)
    return record.model_copy(update={"finding": finding})


def _warning(config: CanaryConfig, results: Iterable[MetricResult]) -> str:
    from turnout.analysis.compatible.intervals import sample_warning  # noqa: PLC0415 - large

    stores = {m.name: m.query.type if m.query else "" for m in config.metrics}
    ordered = sorted(results, key=lambda found: stores[found.name])
    by_store = groupby(ordered, key=lambda found: stores[found.name])
    warnings = [sample_warning(list(found), store=store) for store, found in by_store]
    return next((warning for warning in warnings if warning), "")


def _part(one: Slice, first: int, last: int) -> Slice:
    """Its steps from first to last."""
    begin, end = max(first - one.first, 0), max(last - one.first, 0)
    return one.model_copy(
        update={
            "first": one.first + begin,
            "canary": tuple(column[begin:end] for column in one.canary),
            "baseline": tuple(column[begin:end] for column in one.baseline),
        }
    )


def _windows(wish: IntervalWish) -> tuple[JudgedWindow, ...]:
    from turnout.analysis.compatible.intervals import (  # noqa: PLC0415 - large
        Schedule,
        plan_windows,
    )

    planned = plan_windows(
        Schedule(
            start=wish.start,
            end=wish.end,
            lifetime=wish.lifetime,
            begin_after=wish.begin_after,
            lookback=wish.lookback,
            interval=wish.every,
        )
    )
    return tuple(
        JudgedWindow(number=number, start=window.start, end=window.end)
        for number, window in enumerate(planned, 1)
    )


def _lifetime(wish: IntervalWish) -> timedelta:
    if wish.end is not None:
        return wish.end - wish.start
    return wish.lifetime or timedelta(0)


def _wrong_times(wish: IntervalWish, now: datetime) -> Iterable[Problem]:
    lifetime = _lifetime(wish)
    if wish.end is None and wish.lifetime is None:
        yield Problem("is missing, as is an end: how long is it compared?", wish.place("lifetime"))
        return
    if not now - LONGEST_AGO <= wish.start <= now + LONGEST:
        yield Problem("is too far away: at most ten years ago, or 7d to come", wish.place("start"))
    place = wish.place("lifetime" if wish.end is None else "end")
    if lifetime < timedelta(0):
        yield Problem("is before the start", place)
    elif wish.end is not None and lifetime < timedelta(minutes=1):
        yield Problem("leaves less than a minute, and an end counts in whole minutes", place)
    elif not timedelta(seconds=10) <= lifetime <= LONGEST:
        yield Problem("must leave between 10s and 7d", place)
    elif wish.lookback > lifetime:
        yield Problem("is longer than all of the time that is compared", wish.place("lookback"))
    elif wish.every and lifetime // wish.every > MOST_JUDGEMENTS:
        message = f"makes more than {MOST_JUDGEMENTS} judgements"
        yield Problem(message, wish.place("every"))


def _too_much(wish: IntervalWish, subjects: Sequence[Subject]) -> Iterable[Problem]:
    longest = wish.lookback or _lifetime(wish)
    if any(longest / subject.step > MOST_STEPS for subject in subjects):
        message = f"makes more than {MOST_STEPS:,} steps of a window: take a longer one"
        yield Problem(message, wish.place("step"))


def _unknown_scopes(wish: IntervalWish) -> Iterable[Problem]:
    names = [scope.name for scope in wish.scopes]
    for number, name in enumerate(names):
        if name in names[:number]:
            path = f"{wish.place('scopes')}[{number}].scopeName"
            yield Problem(f"{name!r} is there already", path)
    if len(names) == 1:
        return  # whatever it is called: there is no other that could be meant
    for number, metric in enumerate(wish.config.metrics):
        if metric.scope_name not in names:
            message = f"{metric.scope_name or ''!r} is not one of {enumerate_names(names)}"
            yield Problem(message, f"metrics[{number}].scopeName")


def _refuse(problems: Iterable[Problem]) -> None:
    found = tuple(problems)
    if found:
        told = "; ".join(str(problem) for problem in found)
        raise InvalidDocument(f"Cannot judge at intervals: {told}", found)


def _prepare(wish: IntervalWish, shortest: timedelta) -> CanaryConfig:
    """The configuration as it is judged by: with the thresholds and the steps of the wish."""
    fine = min(STORE_STEP, timedelta(seconds=max(1, shortest // timedelta(seconds=SAMPLES))))
    step = (wish.step or fine).total_seconds()
    classifier = wish.config.classifier or Classifier()
    return wish.config.model_copy(
        update={
            "metrics": tuple(_with_step(metric, step) for metric in wish.config.metrics),
            "classifier": classifier.model_copy(update={"score_thresholds": _thresholds(wish)}),
        }
    )


def _thresholds(wish: IntervalWish) -> ScoreThresholds:
    """For the verdict of a single judgement, which needs both."""
    known = [score for score in (wish.pass_score, wish.marginal_score) if score is not None]
    pass_ = known[0] if known else 0.0
    marginal = known[-1] if known else 0.0
    return ScoreThresholds(pass_=pass_, marginal=marginal)


def _with_step(metric: MetricConfig, seconds: float) -> MetricConfig:
    written = metric.analysis_configurations.get("canary") or {}
    if not isinstance(written, dict) or written.get("step") is not None:
        return metric
    options = {**metric.analysis_configurations, "canary": {**written, "step": seconds}}
    return metric.model_copy(update={"analysis_configurations": options})
