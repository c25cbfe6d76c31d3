"""An analysis as it was recorded, opened again: the same metrics, and a judge that has seen the
same evidence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from turnout.canary.evidence import Slice
from turnout.canary.opinions import Judge, open_judge
from turnout.canary.subjects import FEWEST_STEPS, Subject, subjects_of, too_short_for
from turnout.model.analysis import Analysis, AnalysisRecord, AnalysisSettings
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.document import read_document, write_document
from turnout.model.units import format_duration
from turnout.model.words import enumerate_names


def write_config(config: CanaryConfig) -> dict[str, Any]:
    """The configuration as JSON has it."""
    document: dict[str, Any] = json.loads(write_document(config))
    return document


@dataclass(frozen=True, slots=True)
class Recorded:
    """`subjects` are judged, `too_short` are not: the time is too short for them."""

    record: AnalysisRecord
    config: CanaryConfig
    subjects: tuple[Subject, ...]
    too_short: tuple[Subject, ...]
    judge: Judge


def open_recorded(record: AnalysisRecord, slices: Sequence[Slice]) -> Recorded:
    """Takes as long as judging all of it did: for a thread. Raises `InvalidDocument`."""
    config = read_document(CanaryConfig, record.document)
    settings = record.analysis.settings
    subjects, too_short = judged_subjects(config, settings, record.history)
    judge = open_judge(
        config,
        subjects,
        duration=settings.duration,
        expected_share=expected_share(record.analysis),
    )
    judge.take(slices)
    return Recorded(record, config, subjects, too_short, judge)


def judged_subjects(
    config: CanaryConfig, settings: AnalysisSettings, history: Mapping[str, Any]
) -> tuple[tuple[Subject, ...], tuple[Subject, ...]]:
    """Those that are judged, and those that the time is too short for."""
    subjects = subjects_of(config, settings.duration, history)
    short = too_short_for(subjects, settings.duration)
    judged = tuple(s for s in subjects if s not in short)
    return (judged, short) if judged else (subjects, ())


def expected_share(analysis: Analysis) -> float | None:
    """The canary's part of the requests of both arms; None = not known."""
    shares = analysis.experiment_share + analysis.control_share
    is_known = analysis.experiment_share and analysis.control_share
    return analysis.experiment_share / shares if is_known else None


def tell_too_short(short: Sequence[Subject], duration: timedelta) -> str:
    """Why these are not judged."""
    names = enumerate_names([s.name for s in short])
    verb = "is" if len(short) == 1 else "are"
    needed = format_duration(FEWEST_STEPS * max(s.step for s in short))
    return f"{names} {verb} not judged: {format_duration(duration)} are too short, {needed} needed"
