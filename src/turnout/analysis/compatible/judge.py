"""The whole judgement: every pair by itself, then the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from turnout.analysis.compatible.classification import Finding, classify
from turnout.analysis.compatible.samples import Side, clean, stats_of
from turnout.analysis.compatible.scoring import score
from turnout.analysis.compatible.shift import AllTied
from turnout.model.canary.configuration import (
    COMPATIBLE_JUDGE,
    CanaryConfig,
    MetricConfig,
    ScoreThresholds,
)
from turnout.model.canary.options import MetricOptions, read_options
from turnout.model.canary.result import (
    Classification,
    JudgeResult,
    MetricResult,
    ResultMetadata,
    SideMetadata,
)
from turnout.model.canary.series import MetricSetPair
from turnout.model.errors import InvalidDocument, Problem
from turnout.model.words import nearest


def judge(
    config: CanaryConfig, pairs: Sequence[MetricSetPair], thresholds: ScoreThresholds
) -> JudgeResult:
    """The verdict on these pairs, which are judged and counted one by one.

    Raises `InvalidDocument` when a pair has no metric in the configuration, or when an option of
    its metric has the wrong type.
    """
    metrics = {metric.name: metric for metric in reversed(config.metrics)}
    results = tuple(_judge_pair(_metric_of(pair, metrics), pair) for pair in pairs)
    groups, total = score(results, config, thresholds)
    return JudgeResult(
        judge_name=COMPATIBLE_JUDGE, results=results, group_scores=groups, score=total
    )


def _metric_of(pair: MetricSetPair, metrics: Mapping[str, MetricConfig]) -> MetricConfig:
    if pair.name in metrics:
        return metrics[pair.name]
    problem = Problem(f"no metric is named {pair.name!r}", "metrics", 0, 0, _near(pair, metrics))
    raise InvalidDocument(f"Cannot judge {pair.name}: it is not configured", (problem,))


def _near(pair: MetricSetPair, metrics: Mapping[str, MetricConfig]) -> str:
    return nearest(pair.name, metrics.keys())


def _judge_pair(metric: MetricConfig, pair: MetricSetPair) -> MetricResult:
    options = read_options(metric)
    # Infinite samples are legal, and their differences are not numbers.
    with np.errstate(all="ignore"):
        experiment = clean(pair.values.experiment, options)
        control = clean(pair.values.control, options)
        finding = _classify(pair.name, experiment, control, options)
        stats = stats_of(experiment), stats_of(control)
    ratio = finding.deviation
    return MetricResult(
        name=pair.name,
        id=pair.id,
        tags=pair.tags,
        classification=finding.classification,
        classification_reason=finding.reason,
        groups=metric.groups,
        experiment_metadata=SideMetadata(stats=stats[0]),
        control_metadata=SideMetadata(stats=stats[1]),
        result_metadata=None if ratio is None else ResultMetadata(ratio=ratio),
        critical=finding.is_critical,
        muted=options.muted,
    )


def _classify(name: str, experiment: Side, control: Side, options: MetricOptions) -> Finding:
    try:
        return classify(name, experiment, control, options)
    except AllTied:
        return Finding(Classification.ERROR, "Metric Classification Failed", deviation=None)
