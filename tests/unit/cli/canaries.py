"""Reports as a server would send them."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.canary.recorded import BEGAN, alike, broken, record
from turnout.canary.reports import build_report
from turnout.model.analysis import AnalysisVerdict, JudgedWindow
from turnout.model.report import AnalysisLine, Report

END = timedelta(minutes=2)


def running() -> Report:
    now = BEGAN + timedelta(seconds=60)
    return build_report(record(), alike(60), None, now)


def failed() -> Report:
    ended = record(AnalysisVerdict.FAIL, "Failed after 20 s.", ended_after=END)
    return build_report(ended, broken(30), None, BEGAN + END)


def passed() -> Report:
    ended = record(AnalysisVerdict.PASS, "Passed.", ended_after=END)
    return build_report(ended, alike(), None, BEGAN + END)


def repeated(*scores: float | None, verdict: AnalysisVerdict, sentence: str) -> Report:
    """At intervals of five minutes, three judgements in all."""
    five = timedelta(minutes=5)
    report = running() if verdict is AnalysisVerdict.RUNNING else passed()
    windows = tuple(
        JudgedWindow(
            number=number,
            start=BEGAN,
            end=BEGAN + number * five,
            score=score,
            verdict="" if score is None else "Pass" if score >= 95 else "Fail",
        )
        for number, score in enumerate((*scores, *(None,) * (3 - len(scores))), 1)
    )
    told = {"verdict": verdict, "sentence": sentence, "reasons": (sentence,), "windows": windows}
    return report.model_copy(update=told)


def line_of(report: Report) -> AnalysisLine:
    return AnalysisLine(
        id=report.id,
        cluster=report.cluster,
        deployment=report.deployment,
        canary=report.canary,
        baseline=report.baseline,
        mode=report.mode,
        verdict=report.verdict,
        sentence=report.sentence,
        began_at=report.began_at,
        planned_end=report.planned_end,
        ended_at=report.ended_at,
    )
