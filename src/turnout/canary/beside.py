"""What the compatible judge says about the figures that ours has judged.

It knows no exposure, so it is given what a dashboard shows: events per request, the share of slow
requests, levels; in some fifty samples, as it would have them from a metrics system.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from turnout.canary.evidence import Columns, Slice
from turnout.canary.opinions import thresholds_of
from turnout.canary.subjects import Subject
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.options import Kind
from turnout.model.canary.queries import ABOVE
from turnout.model.canary.result import JudgeResult
from turnout.model.canary.series import MetricSetPair, PairValues

SAMPLES = 50
LONGEST_STEP = timedelta(seconds=60)


def judge_beside(
    config: CanaryConfig, subjects: Sequence[Subject], slices: Sequence[Slice]
) -> JudgeResult:
    """Its whole judgement, by the thresholds of the configuration."""
    from turnout.analysis.compatible import judge  # noqa: PLC0415 - large

    return judge(
        _weighed(config, slices), compatible_pairs(subjects, slices), thresholds_of(config)
    )


def _weighed(config: CanaryConfig, slices: Sequence[Slice]) -> CanaryConfig:
    """Without the groups that have no figures here: what they are worth would be lost."""
    weights = config.classifier.group_weights if config.classifier else {}
    names = {one.metric for one in slices}
    groups = {group for metric in config.metrics if metric.name in names for group in metric.groups}
    kept = {group: weight for group, weight in weights.items() if group in groups}
    if not config.classifier or not sum(kept.values()) > 0 or groups - kept.keys():
        return config
    scale = 100 / sum(kept.values())
    scaled = {group: weight * scale for group, weight in kept.items()}
    classifier = config.classifier.model_copy(update={"group_weights": scaled})
    return config.model_copy(update={"classifier": classifier})


def compatible_pairs(
    subjects: Sequence[Subject], slices: Sequence[Slice]
) -> tuple[MetricSetPair, ...]:
    """One pair for each metric, of a latency one for each threshold."""
    known = {subject.name: subject for subject in subjects}
    found = []
    for one in slices:
        subject = known[one.metric]
        sides = _levels(subject, one.baseline), _levels(subject, one.canary)
        for place, (control, experiment) in enumerate(zip(*sides, strict=True)):
            tags = _tags(subject, place)
            found.append(
                MetricSetPair(
                    name=one.metric,
                    id=" ".join([one.metric, *tags.values()]),
                    tags=tags,
                    values=PairValues(control=control, experiment=experiment),
                )
            )
    return tuple(found)


def _tags(subject: Subject, place: int) -> dict[str, str]:
    if subject.kind is not Kind.LATENCY:
        return {}
    return {ABOVE: f"{subject.thresholds_ms[place]:g}"}


def _levels(subject: Subject, columns: Columns) -> list[tuple[float, ...]]:
    """A column for each pair."""
    steps = len(columns[0])
    longest = max(1, int(LONGEST_STEP / subject.step))
    size = min(longest, max(1, steps // SAMPLES))
    if subject.kind in (Kind.GAUGE, Kind.LEGACY):
        return [tuple(_mean(part) for part in _in_parts(columns[0], size))]
    *events, exposure = columns
    return [
        tuple(
            _share(sum(some), sum(all_))
            for some, all_ in zip(_in_parts(column, size), _in_parts(exposure, size), strict=True)
        )
        for column in events
    ]


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _share(events: float, exposure: float) -> float:
    return events / exposure if exposure > 0 else math.nan


def _in_parts(values: Sequence[float], size: int) -> list[Sequence[float]]:
    return [values[place : place + size] for place in range(0, len(values), size)]
