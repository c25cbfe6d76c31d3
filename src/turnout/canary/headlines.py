"""The sentences at the top of a report: verdict, who was compared, what decided it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from turnout.canary.course import NOBODY_DECIDED
from turnout.canary.telling import name_of, tell_seconds
from turnout.model.analysis import (
    AnalysisMode,
    AnalysisRecord,
    AnalysisVerdict,
    Judgment,
)
from turnout.model.report import MetricReport, Standing
from turnout.model.units import format_duration, format_share

_SCORED = {AnalysisVerdict.PASS: "passed", AnalysisVerdict.FAIL: "failed"}
"""By the last of several judgements."""

ENDED_WITH = "ended with the deployment"


def tell_headline(record: AnalysisRecord, judgment: Judgment | None) -> str:
    """The verdict in one sentence."""
    canary = record.analysis.experiment
    if judgment is not None:
        who = judgment.by or "A person"
        return f"{who} decided: {canary} {'passes' if is_pass(judgment) else 'fails'}."
    if record.intervals is not None and record.finding.verdict in _SCORED:
        score = record.finding.figures.get("score", 0.0)
        return f"The canary {_SCORED[record.finding.verdict]}: {canary} scored {score:g} of 100."
    return _tell_verdict(record)


def _tell_verdict(record: AnalysisRecord) -> str:  # noqa: PLR0911 - one sentence for each end
    canary, baseline = record.analysis.experiment, record.analysis.control
    match record.finding.verdict:
        case AnalysisVerdict.PASS:
            return f"The canary passed: no harm was found in {canary}."
        case AnalysisVerdict.FAIL if record.finding.sentence.startswith(NOBODY_DECIDED):
            return "The canary failed: nobody decided in time."
        case AnalysisVerdict.FAIL:
            return f"The canary failed: {canary} does worse than {baseline}."
        case AnalysisVerdict.ASKING:
            return f"A person must decide whether {canary} passes."
        case AnalysisVerdict.ERROR:
            return f"No verdict: the figures of {canary} could not be had."
        case AnalysisVerdict.INCONCLUSIVE if record.finding.sentence.startswith(ENDED_WITH):
            return "No verdict: the deployment ended before there was one."
        case AnalysisVerdict.INCONCLUSIVE:
            return "No verdict: the figures say neither yes nor no."
        case AnalysisVerdict.RUNNING:
            return f"Still comparing {canary} with {baseline}: nothing is decided yet."


def tell_compared(record: AnalysisRecord, now: datetime) -> str:
    """Who, at which share, from when on, for how long."""
    analysis, settings = record.analysis, record.analysis.settings
    end = record.ended_at or now
    first = record.began_at + settings.warmup
    whole = (record.planned_end - first).total_seconds()
    lasted = tell_seconds(min(max((end - first).total_seconds(), 0.0), whole))
    planned = tell_seconds(whole)
    length = f"{lasted} of {planned}" if lasted != planned else lasted
    warmup = f", after a warm-up of {format_duration(settings.warmup)}" if settings.warmup else ""
    earlier = ""
    if analysis.control_offset:
        offset = format_duration(analysis.control_offset)
        earlier = f" The baseline's figures are from {offset} earlier."
    return (
        f"{analysis.experiment} (canary) beside {analysis.control} (baseline) of cluster "
        f"{analysis.cluster}{_shares(record)}: {length} from {first:%Y-%m-%d %H:%M:%S} UTC on"
        f"{warmup}.{earlier}"
    )


def tell_reasons(
    record: AnalysisRecord,
    judgment: Judgment | None,
    metrics: Sequence[MetricReport],
) -> tuple[str, ...]:
    """What decided it, or what is missing for that."""
    verdict, told = record.finding.verdict, record.finding.sentence
    is_late = told.startswith(NOBODY_DECIDED)
    decided = tuple(metric.sentence for metric in metrics if metric.decided)
    figures = f"The figures at that time: {' '.join(decided) or 'nothing unusual.'}"
    if judgment is not None or told.startswith(ENDED_WITH):
        why = _said(judgment) if judgment else f"{name_of(told)}.".replace("..", ".")
        return (why, figures)
    if record.intervals is not None:
        return (name_of(told), *decided)
    match verdict:
        case AnalysisVerdict.RUNNING | AnalysisVerdict.ASKING:
            return (*_asked(record), *(decided or _missing(metrics)))
        case AnalysisVerdict.PASS:
            return ("No metric shows harm that chance alone would not.", *_excluded(metrics))
        case AnalysisVerdict.FAIL | AnalysisVerdict.INCONCLUSIVE if decided and not is_late:
            return decided
        case _:
            return (name_of(told),)


def is_pass(judgment: Judgment) -> bool:
    """Whether a person said pass."""
    return judgment.choice == "pass"


def _shares(record: AnalysisRecord) -> str:
    canary, baseline = record.analysis.experiment_share, record.analysis.control_share
    if not canary:
        return ""
    if canary == baseline:
        return f", each with {format_share(canary)} of the traffic"
    return f", with {format_share(canary)} and {format_share(baseline)} of the traffic"


def _said(judgment: Judgment) -> str:
    comment = f": “{judgment.comment}”" if judgment.comment else ""
    who = judgment.by or "A person"
    return f"{who} said {judgment.choice} at {judgment.at:%H:%M:%S} UTC{comment}."


def _asked(record: AnalysisRecord) -> tuple[str, ...]:
    if record.finding.verdict is not AnalysisVerdict.ASKING or record.finding.until is None:
        return ()
    judges = record.analysis.settings.judges
    who = " or ".join(judges) if judges else "Anybody"
    is_manual = record.analysis.settings.mode is AnalysisMode.MANUAL
    why = "this canary is judged by a person" if is_manual else "the figures do not decide it"
    until = f"{record.finding.until:%Y-%m-%d %H:%M:%S} UTC"
    return (f"{who} may answer until {until}, for {why}. Without an answer it fails.",)


def _missing(metrics: Sequence[MetricReport]) -> tuple[str, ...]:
    """How long it may still take, by the metric that needs most."""
    waited = [m for m in metrics if m.minutes_needed is not None]
    if not waited:
        return ("Nothing unusual so far.",)
    longest = max(waited, key=lambda m: m.minutes_needed or 0.0)
    time = tell_seconds(60 * (longest.minutes_needed or 0.0))
    return (f"Nothing unusual so far; {longest.name} needs about {time} more to be sure.",)


def _excluded(metrics: Sequence[MetricReport]) -> tuple[str, ...]:
    """Of the metrics that matter most: what else might have been, and is not."""
    critical = [m for m in metrics if m.critical] or list(metrics)
    return tuple(m.sentence for m in critical[:3] if m.standing is not Standing.NO_DATA)
