"""How an analysis goes on: from the judge's opinion, a person's answer and the time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from turnout.canary.opinions import Answer, Opinion
from turnout.model.analysis import (
    AnalysisMode,
    AnalysisRecord,
    AnalysisVerdict,
    Finding,
    Judgment,
    OnInconclusive,
)
from turnout.model.units import format_duration
from turnout.model.words import enumerate_names, shorten

NOBODY_DECIDED = "nobody decided within"

_VERDICTS = {Answer.PASS: AnalysisVerdict.PASS, Answer.FAIL: AnalysisVerdict.FAIL}


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known at one look. `errors`: figures that could not be fetched; `remarks`: what else
    should be known of the sources; in words.
    """

    now: datetime
    opinion: Opinion
    judgment: Judgment | None = None
    errors: Sequence[str] = ()
    remarks: Sequence[str] = ()
    is_complete: bool = False
    """Whether all steps up to the planned end are closed."""


def go_on(  # noqa: PLR0911 - one rule after the other
    record: AnalysisRecord, seen: Situation
) -> AnalysisRecord:
    """The record after a look. One that has ended stays as it is."""
    if record.ended_at is not None:
        return record
    if seen.judgment is not None:
        return _judged(record, seen, seen.judgment)
    if record.analysis.settings.mode is AnalysisMode.MANUAL:
        return _await_person(record, seen, record.began_at)
    if seen.opinion.answer is Answer.FAIL:
        return _ended(record, seen, AnalysisVerdict.FAIL, seen.opinion.sentence)
    if record.asked_at is not None:
        return _await_person(record, seen, record.asked_at)
    if seen.opinion.answer is Answer.PASS:  # at the end, or early where that is wanted
        return _ended(record, seen, AnalysisVerdict.PASS, seen.opinion.sentence)
    is_hopeless = seen.opinion.answer is Answer.INCONCLUSIVE and not seen.is_complete
    if seen.is_complete or is_hopeless:  # more time does not make the arms comparable
        return _undecided(record, seen, can_extend=not is_hopeless)
    left = max(record.planned_end - seen.now, timedelta(0))
    rest = f"{format_duration(_whole(left))} to go" if left else "waits for the last figures"
    told = f"{rest}: {_so_far(seen)}"
    return _with(record, seen, AnalysisVerdict.RUNNING, told)


def _whole(time: timedelta) -> timedelta:
    return timedelta(seconds=math.ceil(time.total_seconds()))


def _judged(record: AnalysisRecord, seen: Situation, judgment: Judgment) -> AnalysisRecord:
    passed = judgment.choice == "pass"
    who, why = judgment.by or "a person", f" ({judgment.comment})" if judgment.comment else ""
    return _ended(
        record,
        seen,
        AnalysisVerdict.PASS if passed else AnalysisVerdict.FAIL,
        f"{who} said {judgment.choice}{why}; the figures: {seen.opinion.sentence}",
    )


def _await_person(record: AnalysisRecord, seen: Situation, since: datetime) -> AnalysisRecord:
    settings = record.analysis.settings
    until = since + settings.judgment_deadline
    if seen.now >= until:
        waited = format_duration(settings.judgment_deadline)
        told = f"{NOBODY_DECIDED} {waited}; the figures: {seen.opinion.sentence}"
        return _ended(record, seen, AnalysisVerdict.FAIL, told)
    who = f" by {' or '.join(settings.judges)}" if settings.judges else ""
    asked = (
        f"waits for a decision{who} until {until:%H:%M:%S} UTC "
        f"(turnout canary answer {record.analysis.id} pass|fail)"
    )
    why = "; ".join([*shorten(seen.opinion.problems), *seen.errors, *seen.remarks])
    why = why or _so_far(seen)
    return _with(record, seen, AnalysisVerdict.ASKING, f"{asked}. {why}", until)


def _undecided(record: AnalysisRecord, seen: Situation, *, can_extend: bool) -> AnalysisRecord:
    how = record.analysis.settings.on_inconclusive
    why = "; ".join([seen.opinion.sentence.rstrip("."), *seen.errors])
    if how is OnInconclusive.EXTEND and can_extend and not record.is_extended:
        duration = record.analysis.settings.duration
        extended = record.model_copy(
            update={"is_extended": True, "planned_end": record.planned_end + duration}
        )
        told = f"extended by {format_duration(duration)}, for it is inconclusive: {why}"
        return _with(extended, seen, AnalysisVerdict.RUNNING, told)
    if how is OnInconclusive.FAIL:
        verdict = AnalysisVerdict.ERROR if seen.errors else AnalysisVerdict.INCONCLUSIVE
        return _ended(record, seen, verdict, why)
    return _await_person(record.model_copy(update={"asked_at": seen.now}), seen, seen.now)


def _so_far(seen: Situation) -> str:
    return "; ".join([seen.opinion.brief or seen.opinion.sentence, *seen.errors, *seen.remarks])


def tell_errors(errors: Mapping[str, str]) -> list[str]:
    """By metric, as few words as there are reasons."""
    reasons: dict[str, list[str]] = {}
    for metric, told in sorted(errors.items()):
        reasons.setdefault(told, []).append(metric)
    return shorten([f"{enumerate_names(names)}: {told}" for told, names in reasons.items()])


def _with(
    record: AnalysisRecord,
    seen: Situation,
    verdict: AnalysisVerdict,
    sentence: str,
    until: datetime | None = None,
) -> AnalysisRecord:
    finding = Finding(
        verdict=verdict,
        sentence=sentence,
        figures=seen.opinion.figures,
        until=until or record.planned_end,
    )
    return record.model_copy(update={"finding": finding})


def _ended(
    record: AnalysisRecord, seen: Situation, verdict: AnalysisVerdict, sentence: str
) -> AnalysisRecord:
    """The arms that were not alike are part of the answer."""
    notes = shorten([*seen.remarks, *record.analysis.notes])
    told = ". ".join([sentence.rstrip("."), *(note.rstrip(".") for note in notes)])
    ended = _with(record, seen, verdict, told, seen.now)
    return ended.model_copy(update={"ended_at": seen.now})
