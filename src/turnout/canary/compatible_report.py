"""What a report tells about the metrics that the reference's rules have judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from turnout.canary.evidence import Slice
from turnout.canary.pictured import series_of, unit_of
from turnout.canary.subjects import Subject
from turnout.canary.telling import finite, name_of, tell_amount, tell_change
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.result import Classification, JudgeResult, MetricResult, SideMetadata
from turnout.model.report import Counted, GroupReport, MetricReport, Standing, Words

_STANDINGS = {
    Classification.PASS: Standing.SAFE,
    Classification.HIGH: Standing.HARM,
    Classification.LOW: Standing.HARM,
    Classification.NO_DATA: Standing.NO_DATA,
    Classification.NO_DATA_FAIL: Standing.HARM,
    Classification.ERROR: Standing.NO_DATA,
}

_CONCLUSIONS = {
    Classification.PASS: "no difference that counts",
    Classification.HIGH: "higher than it should be",
    Classification.LOW: "lower than it should be",
    Classification.NO_DATA: "it has no data, and counts nowhere",
    Classification.NO_DATA_FAIL: "it has no data, and must have some",
    Classification.ERROR: "it could not be judged, and counts nowhere",
}

Key = tuple[str, tuple[tuple[str, str], ...]]


def metric_reports(
    config: CanaryConfig,
    subjects: Sequence[Subject],
    slices: Mapping[Key, Sequence[Slice]],
    result: JudgeResult,
) -> tuple[MetricReport, ...]:
    """What was classified as high or low first, then by weight."""
    known = {subject.name: subject for subject in subjects}
    total = sum(subject.weight for subject in subjects)
    reports = [
        _report(
            known[found.name],
            found,
            slices.get((found.name, tuple(sorted(found.tags.items()))), ()),
        ).model_copy(update={"share": known[found.name].weight / total})
        for found in result.results
    ]
    return tuple(sorted(reports, key=lambda r: (not r.decided, -r.share)))


def group_reports(config: CanaryConfig, result: JudgeResult) -> tuple[GroupReport, ...]:
    """The scores of the groups, with what each is worth."""
    weights = config.classifier.group_weights if config.classifier else {}
    return tuple(
        GroupReport(name=group.name, score=group.score, weight=weights.get(group.name))
        for group in result.group_scores
    )


def _report(subject: Subject, found: MetricResult, slices: Sequence[Slice]) -> MetricReport:
    canary, baseline = _mean(found.experiment_metadata), _mean(found.control_metadata)
    ratio = finite(found.result_metadata.ratio) if found.result_metadata else None
    tags = [value for _, value in sorted(found.tags.items())]
    standing, unit = _STANDINGS[found.classification], unit_of(subject)
    words = Words(
        name=" ".join((found.name, *tags)),
        canary=tell_amount(canary, unit),
        baseline=tell_amount(baseline, unit),
        difference=tell_change(ratio),
    )
    steps = max(_count(found.experiment_metadata), _count(found.control_metadata))
    has_data = canary is not None or baseline is not None
    means = f"{words.canary} in the canary against {words.baseline} in the baseline"
    told = f"{means} on average; " if has_data else ""
    conclusion = _CONCLUSIONS[found.classification]
    return MetricReport(
        name=found.name,
        tags=found.tags,
        kind=str(subject.kind),
        groups=found.groups,
        critical=found.critical,
        decided=standing is Standing.HARM and not found.muted,
        standing=standing,
        classification=str(found.classification),
        sentence=f"{name_of(words.name)}: {told}{conclusion}.",
        problem=(found.classification_reason or conclusion) if standing is Standing.NO_DATA else "",
        words=words,
        direction=str(subject.direction),
        counted=Counted(steps=steps),
        ratio=ratio,
        series=series_of(subject, slices),
    )


def _key(found: MetricResult) -> Key:
    return found.name, tuple(sorted(found.tags.items()))


def _mean(side: SideMetadata) -> float | None:
    return finite(side.stats.mean) if side.stats and side.stats.count else None


def _count(side: SideMetadata) -> int:
    return side.stats.count if side.stats else 0
