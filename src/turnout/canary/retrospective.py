"""Both judges on figures of the past: two groups, or one group and the one that served before it.

What is found is kept as an analysis that has ended, so that it can be shown like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from turnout.canary.beside import judge_beside
from turnout.canary.closing import close_steps
from turnout.canary.evidence import Slice, write_slices
from turnout.canary.fetching import Arm, Fetcher, Window, settle
from turnout.canary.history import learn
from turnout.canary.opinions import Answer, Opinion, open_judge, thresholds_of
from turnout.canary.recorded import write_config
from turnout.canary.subjects import Subject, is_compatible, subjects_of, too_short_for
from turnout.model.analysis import (
    Analysis,
    AnalysisRecord,
    AnalysisSettings,
    AnalysisVerdict,
    Finding,
)
from turnout.model.canary.configuration import (
    COMPATIBLE_JUDGE,
    SEQUENTIAL_JUDGE,
    CanaryConfig,
    JudgeChoice,
)
from turnout.model.canary.result import JudgeResult
from turnout.model.errors import InvalidDocument, NotFound, Problem, TurnoutError
from turnout.model.units import format_duration
from turnout.ports import CanaryArchive, MetricSource

_VERDICTS = {
    Answer.PASS: AnalysisVerdict.PASS,
    Answer.FAIL: AnalysisVerdict.FAIL,
    Answer.INCONCLUSIVE: AnalysisVerdict.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is compared. The control's window is as long as the experiment's."""

    id: str
    config: CanaryConfig
    config_name: str
    cluster: str
    experiment: str
    control: str
    start: datetime
    duration: timedelta
    control_start: datetime
    location: str = ""
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def offset(self) -> timedelta:
        """How much earlier the control's window is."""
        return self.start - self.control_start

    @property
    def arms(self) -> tuple[Arm, Arm]:
        """Experiment and control."""
        place = self.location or self.cluster
        return (
            Arm(self.experiment, place, parameters=self.parameters),
            Arm(self.control, place, self.offset, self.parameters),
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was fetched for one judge."""

    config: CanaryConfig
    subjects: tuple[Subject, ...]
    slices: tuple[Slice, ...]
    errors: tuple[str, ...]


async def compare(wish: Wish, source: MetricSource, archive: CanaryArchive) -> AnalysisRecord:
    """Judge and keep it. Raises `InvalidDocument`, `NotFound` when there are no figures at all."""
    until = wish.control_start
    place = wish.location or wish.cluster
    arm = Arm(wish.control, place, parameters=wish.parameters)
    subjects = subjects_of(wish.config, wish.duration)
    history = {}
    if not is_compatible(wish.config):
        history = await learn(subjects, source, wish.config.templates, arm, until)
    seen = await _see(wish, wish.config, source, subjects_of(wish.config, wish.duration, history))
    _demand_figures(wish, seen)
    opinion = await asyncio.to_thread(_judge, wish, seen)
    beside = await _ask_the_other(wish, source, seen)
    record = _record(wish, seen, opinion, beside).model_copy(update={"history": history})
    await archive.record_analysis(record)
    await archive.append_evidence(wish.id, 0, write_slices(seen.slices))
    return record


async def _see(
    wish: Wish, config: CanaryConfig, source: MetricSource, subjects: tuple[Subject, ...]
) -> _Seen:
    short = too_short_for(subjects, wish.duration)
    subjects = tuple(s for s in subjects if s not in short) or subjects
    fetcher = Fetcher(source, config.templates)
    found: list[Slice] = []

    async def one(subject: Subject) -> None:
        window = Window(wish.start, subject.step, 0, int(wish.duration / subject.step))
        both = await asyncio.gather(*(fetcher.fetch(subject, arm, window) for arm in wish.arms))
        found.extend(close_steps(subject, window, *both, overdue=window.last))

    errors = await settle([(s.name, partial(one, s)) for s in subjects])
    order = [s.name for s in subjects]
    slices = sorted(found, key=lambda one: order.index(one.metric))
    told = tuple(f"{name}: {why}" for name, why in errors.items())
    return _Seen(config, subjects, tuple(slices), told)


def _demand_figures(wish: Wish, seen: _Seen) -> None:
    for group, place in ((wish.experiment, "canary"), (wish.control, "baseline")):
        columns = [column for one in seen.slices for column in getattr(one, place)[:1]]
        if any(value == value for column in columns for value in column):  # noqa: PLR0124 - NaN
            continue
        why = "; ".join(seen.errors)
        raise NotFound(
            f"There are no figures of {group} in that time{': ' + why if why else ''}",
            hint="Did it have traffic then? turnout history shows when; keep_figures_days how "
            "long figures are kept.",
        )


def _judge(wish: Wish, seen: _Seen) -> Opinion:
    judge = open_judge(seen.config, seen.subjects, duration=wish.duration, expected_share=None)
    judge.take(seen.slices)
    return judge.say(is_end=True)


async def _ask_the_other(wish: Wish, source: MetricSource, seen: _Seen) -> str:
    """What the other judge says of the same time, as a sentence."""
    try:
        if not is_compatible(seen.config):
            return _tell(await asyncio.to_thread(_beside, seen))
        config = with_judge(seen.config, SEQUENTIAL_JUDGE)
        other = await _see(wish, config, source, subjects_of(config, wish.duration))
        opinion = await asyncio.to_thread(_judge, wish, other)
    except TurnoutError as error:
        return f"The other judge cannot tell: {error.message}"
    return f"Turnout's own judge on the same time: {opinion.answer.value}; {opinion.sentence}"


def _beside(seen: _Seen) -> JudgeResult:
    config = with_judge(seen.config, COMPATIBLE_JUDGE)
    return judge_beside(config, seen.subjects, seen.slices)


def _tell(result: JudgeResult) -> str:
    score = result.score
    bad = [r.name for r in result.results if r.classification in ("High", "Low")]
    named = f" ({', '.join(dict.fromkeys(bad))})" if bad else ""
    told = f"score {score.score:g}{named}"
    return f"The compatible judge on the same figures: {score.classification.lower()}, {told}"


def with_judge(config: CanaryConfig, name: str) -> CanaryConfig:
    """The same configuration for another judge."""
    settings = config.judge.judge_configurations if config.judge else {}
    choice = JudgeChoice(name=name, judge_configurations=settings)
    return config.model_copy(update={"judge": choice})


def _record(wish: Wish, seen: _Seen, opinion: Opinion, beside: str) -> AnalysisRecord:
    """As if it had been made then: it began and ended with the experiment's window."""
    end = wish.start + wish.duration
    notes = tuple(_notes(wish, seen, beside))
    settings = AnalysisSettings(duration=wish.duration, config=wish.config_name)
    return AnalysisRecord(
        analysis=Analysis(
            id=wish.id,
            cluster=wish.cluster,
            experiment=wish.experiment,
            control=wish.control,
            source=wish.control,
            settings=settings,
            control_offset=wish.offset,
            notes=notes,
        ),
        document=write_config(wish.config),
        began_at=wish.start,
        planned_end=end,
        finding=Finding(
            verdict=_VERDICTS.get(opinion.answer, AnalysisVerdict.INCONCLUSIVE),
            sentence=". ".join([opinion.sentence.rstrip("."), *notes]),
            figures=opinion.figures | _score_of(seen),
            until=end,
        ),
        ended_at=end,
    )


def _score_of(seen: _Seen) -> dict[str, float]:
    return {"passes at": thresholds_of(seen.config).pass_} if is_compatible(seen.config) else {}


def _notes(wish: Wish, seen: _Seen, beside: str) -> Sequence[str]:
    notes = [beside, *seen.errors]
    if wish.offset:
        ago = format_duration(abs(wish.offset))
        when = "earlier" if wish.offset > timedelta(0) else "later"
        notes.insert(
            0,
            f"The control's window is {ago} {when}: what differs between these times (load, time "
            "of day, other services) counts as a difference between the groups",
        )
    return notes


def require_window(start: datetime, duration: timedelta, now: datetime) -> None:
    """Raises `InvalidDocument` for a time that is not over, or too long."""
    if duration < timedelta(seconds=10) or duration > timedelta(days=7):
        raise _invalid("duration", "must be between 10s and 7d")
    if start + duration > now:
        raise _invalid("end", "is in the future: only what has happened can be compared")


def _invalid(path: str, message: str) -> InvalidDocument:
    return InvalidDocument(f"Cannot compare: {path} {message}", (Problem(message, path),))
