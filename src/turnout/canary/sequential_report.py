"""What a report tells about the metrics that our own judge has judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from turnout.canary.evidence import Slice
from turnout.canary.pictured import series_of, thinned, typical_of, unit_of
from turnout.canary.subjects import Subject
from turnout.canary.telling import (
    finite,
    tell_amount,
    tell_chance,
    tell_change,
    tell_likely,
)
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.options import Kind
from turnout.model.report import Counted, Course, MetricReport, Standing, Words

if TYPE_CHECKING:
    from turnout.analysis.sequential import MetricVerdict, Point, Verdict

LARGEST = 1e300
"""Beyond it evidence is as good as certain, and JSON ends soon."""

_UNBOUNDED = 4.59
"""A log ratio beyond it is where the judge's sequences end: not a bound."""


def metric_reports(
    config: CanaryConfig,
    subjects: Sequence[Subject],
    slices: Mapping[str, Sequence[Slice]],
    verdict: Verdict,
    courses: Mapping[str, Sequence[Point]],
) -> tuple[MetricReport, ...]:
    """What decided it first, then by weight."""
    known = {subject.name: subject for subject in subjects}
    total = sum(known[found.name].weight for found in verdict.metrics)
    deciding = _deciding(verdict, {name: s.weight / total for name, s in known.items()})
    groups = {metric.name: metric.groups for metric in config.metrics}
    reports = [
        _report(
            known[found.name],
            found,
            slices.get(found.name, ()),
            courses.get(found.name, ()),
        ).model_copy(
            update={
                "groups": groups.get(found.name, ()),
                "share": known[found.name].weight / total,
                "decided": found.name in deciding,
            }
        )
        for found in verdict.metrics
    ]
    return tuple(sorted(reports, key=lambda r: (not r.decided, -r.share)))


def _deciding(verdict: Verdict, shares: Mapping[str, float]) -> set[str]:
    """Harmful by themselves; else, if together they are, the one that shows most; else what keeps
    the judge from an answer.
    """
    harmful = {found.name for found in verdict.metrics if found.finding == "harm"}
    if harmful or verdict.answer != "fail":
        return harmful or {found.name for found in verdict.metrics if found.problem}
    return {max(verdict.metrics, key=lambda m: shares[m.name] * m.peak_e_value).name}


def _report(
    subject: Subject, found: MetricVerdict, slices: Sequence[Slice], course: Sequence[Point]
) -> MetricReport:
    samples, unit = found.samples, unit_of(subject)
    thresholds = subject.thresholds_ms
    worst = thresholds.index(samples.threshold) if samples.threshold in thresholds else 0
    canary, baseline = _levels(subject, found, slices)
    low, high = _bounds(found)
    above = "" if samples.threshold is None else f" above {samples.threshold:g} ms"
    return MetricReport(
        name=subject.name,
        kind=str(subject.kind),
        critical=subject.options.critical,
        standing=_standing(found),
        sentence=found.sentence,
        problem=found.problem,
        words=Words(
            name=subject.name + above,
            canary=tell_amount(canary, unit),
            baseline=tell_amount(baseline, unit),
            difference=tell_change(found.estimate),
            likely=tell_likely(low, high),
            chance=tell_chance(found.peak_e_value),
            needed=tell_chance(found.level),
        ),
        direction=str(subject.direction),
        margin=subject.margin,
        harm_of_interest=subject.harm_of_interest,
        threshold_ms=samples.threshold,
        counted=Counted(
            steps=samples.steps,
            unusable_steps=samples.unusable_steps,
            canary_events=samples.events_canary,
            canary_exposure=samples.exposure_canary,
            baseline_events=samples.events_baseline,
            baseline_exposure=samples.exposure_baseline,
        ),
        ratio=finite(found.estimate),
        low=low,
        high=high,
        e_value=min(found.e_value, LARGEST),
        peak_e_value=min(found.peak_e_value, LARGEST),
        needed_e_value=min(found.level, LARGEST),
        end_p=found.end_p,
        minutes_needed=found.minutes_needed,
        series=series_of(subject, slices, worst),
        course=course_of(course),
    )


def _standing(found: MetricVerdict) -> Standing:
    if found.finding == "harm":
        return Standing.HARM
    if found.problem:
        return Standing.NO_DATA
    return Standing.SAFE if found.finding == "safe" else Standing.UNDECIDED


def _levels(
    subject: Subject, found: MetricVerdict, slices: Sequence[Slice]
) -> tuple[float | None, float | None]:
    """Of the canary and of the baseline, over the whole time, in the unit of the series."""
    if subject.kind is Kind.GAUGE:
        return typical_of(slices, canary=True), typical_of(slices, canary=False)
    samples = found.samples
    scale = 100.0 if unit_of(subject) == "%" else 1.0
    return (
        _rate(samples.events_canary, samples.exposure_canary, scale),
        _rate(samples.events_baseline, samples.exposure_baseline, scale),
    )


def _rate(events: float, exposure: float, scale: float) -> float | None:
    return scale * events / exposure if exposure else None


def _bounds(found: MetricVerdict) -> tuple[float | None, float | None]:
    """None = not bounded."""
    return found.low or None, finite(found.high)


def course_of(points: Sequence[Point]) -> Course:
    """The judge's trace, as ratios."""
    return thinned(
        Course(
            seconds=tuple(p.seconds for p in points),
            ratio=tuple(_ratio(p.estimate) for p in points),
            low=tuple(_ratio(p.low) for p in points),
            high=tuple(_ratio(p.high) for p in points),
            e_value=tuple(_grown(p.log_e) for p in points),
        )
    )


def _ratio(log: float) -> float | None:
    return float(f"{math.exp(log):.5g}") if abs(log) < _UNBOUNDED else None


def _grown(log_e: float) -> float:
    return float(f"{math.exp(min(log_e, 690.0)):.4g}")
