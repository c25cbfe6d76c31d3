"""From a wish for judgements at intervals to the analysis before its first one, or to all that is
wrong with the wish.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from turnout.canary.intervals import going_on
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
    return going_on(record)


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
