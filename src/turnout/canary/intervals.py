"""An analysis by the compatible judge that is judged several times: on which figures, what follows
from each score, and what is told of it. Decides only; `repeating` does it.

The rules are those of the reference (`analysis.compatible.intervals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from turnout.canary.evidence import Slice
from turnout.canary.opinions import CompatibleJudge
from turnout.canary.subjects import Subject, subjects_of
from turnout.model.analysis import (
    AnalysisRecord,
    AnalysisVerdict,
    ComparedScope,
    Finding,
    Intervals,
    JudgedWindow,
)
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.document import read_document
from turnout.model.canary.result import JudgeResult, MetricResult


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
        return going_on(record, tell_window(judged, len(windows)))
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


def going_on(record: AnalysisRecord, so_far: str = "") -> AnalysisRecord:
    """The record of one that has not ended, saying how it stands and what comes next."""
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
