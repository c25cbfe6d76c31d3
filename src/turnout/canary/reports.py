"""Reports: made at any time from what is kept, also of an analysis that goes on."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from turnout.canary import compatible_report, sequential_report
from turnout.canary.evidence import Columns, Evidence, Slice
from turnout.canary.headlines import ENDED_WITH, tell_compared, tell_headline, tell_reasons
from turnout.canary.intervals import cut_evidence, last_judged, read_subjects
from turnout.canary.opinions import CompatibleJudge, SequentialJudge, thresholds_of
from turnout.canary.recorded import Recorded, open_recorded, tell_too_short
from turnout.canary.subjects import Subject, subjects_of
from turnout.canary.telling import tell_chance
from turnout.model.analysis import AnalysisRecord, AnalysisVerdict, Finding, Judgment
from turnout.model.canary.configuration import COMPATIBLE_JUDGE, SEQUENTIAL_JUDGE, CanaryConfig
from turnout.model.canary.document import read_document, to_json_value
from turnout.model.canary.options import Kind
from turnout.model.errors import NotFound
from turnout.model.journal import DeploymentRecord
from turnout.model.report import (
    AnalysisLine,
    Figures,
    LeftOut,
    MetricReport,
    Report,
    SampleSeries,
)
from turnout.model.units import format_duration
from turnout.ports import Archive, CanaryArchive

Key = tuple[str, tuple[tuple[str, str], ...]]


async def read_record(
    canaries: CanaryArchive, deployments: Archive, analysis: str
) -> AnalysisRecord:
    """An analysis as it stands; one whose deployment has ended has ended with it. Raises
    `NotFound`.
    """
    return await _as_it_stands(deployments, await canaries.read_analysis(analysis))


async def list_lines(
    canaries: CanaryArchive, deployments: Archive, *, cluster: str, deployment: str, limit: int
) -> tuple[AnalysisLine, ...]:
    """Newest first."""
    found = await canaries.list_analyses(cluster=cluster, deployment=deployment, limit=limit)
    return tuple([_line(await _as_it_stands(deployments, record)) for record in found])


async def read_samples(canaries: CanaryArchive, analysis: str) -> tuple[SampleSeries, ...]:
    """All that was compared. Raises `NotFound`."""
    record = await canaries.read_analysis(analysis)
    kept = await canaries.read_evidence(analysis)
    return await asyncio.to_thread(lambda: build_samples(record, Evidence().add(kept)))


def build_report(
    record: AnalysisRecord,
    slices: Sequence[Slice],
    judgment: Judgment | None,
    now: datetime,
) -> Report:
    """The report of what is known now; of several judgements, that of the last one. Takes as long
    as judging all of it.
    """
    if record.intervals is not None:
        slices = _judged_evidence(record, slices)
    return report_of(open_recorded(record, slices), slices, judgment, now)


def report_of(
    recorded: Recorded, slices: Sequence[Slice], judgment: Judgment | None, now: datetime
) -> Report:
    """The same, where a judge has seen these slices."""
    record, judge = recorded.record, recorded.judge
    if isinstance(judge, CompatibleJudge):
        told = _compatible(recorded, judge, slices)
    elif isinstance(judge, SequentialJudge):
        told = _sequential(recorded, judge, slices)
    else:
        raise TypeError(f"no report of {type(judge).__name__}")
    metrics: tuple[MetricReport, ...] = told["metrics"]
    counted = judgment if record.ended_at is not None else None
    analysis = record.analysis
    is_asking = record.finding.verdict is AnalysisVerdict.ASKING
    return Report(
        id=analysis.id,
        cluster=analysis.cluster,
        deployment=record.deployment,
        canary=analysis.experiment,
        baseline=analysis.control,
        mode=analysis.settings.mode,
        verdict=record.finding.verdict,
        headline=tell_headline(record, counted),
        compared=tell_compared(record, now),
        reasons=tell_reasons(record, counted, metrics),
        sentence=record.finding.sentence,
        made_at=now,
        began_at=record.began_at,
        first_step_at=record.began_at + analysis.settings.warmup,
        planned_end=record.planned_end,
        ended_at=record.ended_at,
        is_extended=record.is_extended,
        until=record.finding.until if is_asking else None,
        judges=analysis.settings.judges,
        judgment=judgment,
        left_out=_left_out(recorded),
        notes=_notes(recorded),
        windows=record.intervals.windows if record.intervals else (),
        config=record.document,
        **told,
    )


def build_samples(record: AnalysisRecord, slices: Sequence[Slice]) -> tuple[SampleSeries, ...]:
    """Each series whole, gaps as missing samples."""
    config = read_document(CanaryConfig, record.document)
    settings = record.analysis.settings
    subjects = {s.name: s for s in subjects_of(config, settings.duration, record.history)}
    return tuple(
        SampleSeries(
            metric=name,
            tags=dict(tags),
            columns=_columns(subjects[name]),
            start=record.began_at + settings.warmup,
            step=subjects[name].step.total_seconds(),
            canary=_filled([(one.first, one.canary) for one in found]),
            baseline=_filled([(one.first, one.baseline) for one in found]),
        )
        for (name, tags), found in _by_series(slices).items()
    )


def _sequential(
    recorded: Recorded, judge: SequentialJudge, slices: Sequence[Slice]
) -> dict[str, Any]:  # fields of the report
    from turnout.analysis.sequential import history  # noqa: PLC0415 - large

    record = recorded.record
    is_end = record.ended_at is not None and record.ended_at >= record.planned_end
    verdict = judge.verdict(is_end=is_end)
    judged = [s for s in recorded.subjects if not s.options.muted]
    by_name: dict[str, list[Slice]] = {}
    for one in slices:
        by_name.setdefault(one.metric, []).append(one)
    return {
        "judge": SEQUENTIAL_JUDGE,
        "metrics": sequential_report.metric_reports(
            recorded.config, judged, by_name, verdict, history(judge.state)
        ),
        "e_value": min(verdict.e_value, sequential_report.LARGEST),
        "peak_e_value": min(verdict.peak_e_value, sequential_report.LARGEST),
        "needed_e_value": verdict.level,
        "chance": tell_chance(verdict.peak_e_value),
        "needed": tell_chance(verdict.level),
    }


def _compatible(
    recorded: Recorded, judge: CompatibleJudge, slices: Sequence[Slice]
) -> dict[str, Any]:  # fields of the report
    intervals = recorded.record.intervals
    if intervals is not None and last_judged(recorded.record) is None:
        return {"judge": COMPATIBLE_JUDGE, "metrics": ()}
    result, limits = judge.result(), thresholds_of(recorded.config)
    config, subjects = recorded.config, recorded.subjects
    return {
        "judge": COMPATIBLE_JUDGE,
        "metrics": compatible_report.metric_reports(config, subjects, _by_series(slices), result),
        "groups": compatible_report.group_reports(config, result),
        "score": result.score.score,
        "pass_score": intervals.pass_score if intervals else limits.pass_,
        "marginal_score": intervals.marginal_score if intervals else limits.marginal,
        "result": to_json_value(result),
    }


def _judged_evidence(record: AnalysisRecord, slices: Sequence[Slice]) -> tuple[Slice, ...]:
    window = last_judged(record)
    if window is None:
        return ()
    _, subjects = read_subjects(record)
    return cut_evidence(record, subjects, slices, window)


async def _as_it_stands(deployments: Archive, record: AnalysisRecord) -> AnalysisRecord:
    if record.ended_at is not None or not record.deployment:
        return record
    try:
        deployment = await deployments.read_deployment(record.deployment)
    except NotFound:
        return record
    return ended_with(record, deployment) if deployment.status.is_end else record


def ended_with(record: AnalysisRecord, deployment: DeploymentRecord) -> AnalysisRecord:
    """What is told of an analysis that nobody goes on with, because its deployment has ended."""
    finding = Finding(
        verdict=AnalysisVerdict.INCONCLUSIVE,
        sentence=f"{ENDED_WITH}: {deployment.sentence or deployment.status}",
        figures=record.finding.figures,
    )
    ended_at = deployment.ended_at or record.began_at
    return record.model_copy(update={"finding": finding, "ended_at": ended_at})


def _line(record: AnalysisRecord) -> AnalysisLine:
    analysis, finding = record.analysis, record.finding
    return AnalysisLine(
        id=analysis.id,
        cluster=analysis.cluster,
        deployment=record.deployment,
        canary=analysis.experiment,
        baseline=analysis.control,
        mode=analysis.settings.mode,
        verdict=finding.verdict,
        sentence=finding.sentence,
        began_at=record.began_at,
        planned_end=record.planned_end,
        ended_at=record.ended_at,
        until=finding.until if finding.verdict is AnalysisVerdict.ASKING else None,
        judges=analysis.settings.judges,
    )


def _by_series(slices: Sequence[Slice]) -> Mapping[Key, list[Slice]]:
    found: dict[Key, list[Slice]] = {}
    for one in slices:
        found.setdefault((one.metric, tuple(sorted(one.tags.items()))), []).append(one)
    return found


def _left_out(recorded: Recorded) -> tuple[LeftOut, ...]:
    duration = recorded.record.analysis.settings.duration
    short = tuple(
        LeftOut(name=s.name, reason=f"{format_duration(duration)} are too short for it")
        for s in recorded.too_short
    )
    is_ours = isinstance(recorded.judge, SequentialJudge)
    muted = [s for s in recorded.subjects if s.options.muted and is_ours]
    return (*short, *(LeftOut(name=s.name, reason="it is muted") for s in muted))


def _notes(recorded: Recorded) -> tuple[str, ...]:
    """Without what is told of the metrics that were left out."""
    analysis, short = recorded.record.analysis, recorded.too_short
    told = tell_too_short(short, analysis.settings.duration) if short else ""
    return tuple(note for note in analysis.notes if note != told)


def _columns(subject: Subject) -> tuple[str, ...]:
    if subject.kind is Kind.LATENCY:
        return (*(f"above {t:g} ms" for t in subject.thresholds_ms), "requests")
    if subject.kind in (Kind.GAUGE, Kind.LEGACY):
        return ("value",)
    return ("events", "exposure")


def _filled(runs: Sequence[tuple[int, Columns]]) -> tuple[Figures, ...]:
    """The columns of all runs of steps, from step 0 on."""
    width = max((len(columns) for _, columns in runs), default=0)
    end = max((first + len(columns[0]) for first, columns in runs if columns), default=0)
    filled: list[list[float | None]] = [[None] * end for _ in range(width)]
    for first, columns in runs:
        for place, column in enumerate(columns):
            filled[place][first : first + len(column)] = [
                None if math.isnan(value) else value for value in column
            ]
    return tuple(tuple(column) for column in filled)
