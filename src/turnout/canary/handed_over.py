"""Judging samples that somebody else has fetched: Kayenta's documents in, its result document out.

Both judges answer in the same form. What ours says is put into it plainly: a metric that is found
harmful is High or Low, one that cannot be judged has Nodata, all others pass; the score is 100 for
a pass, and 0 for a fail and for what nobody can know.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from turnout.analysis import sequential
from turnout.analysis.compatible import judge as judge_compatibly
from turnout.analysis.compatible.samples import clean, stats_of
from turnout.analysis.compatible.scoring import score
from turnout.canary.subjects import weigh
from turnout.canary.worker import Tell
from turnout.model.canary.configuration import (
    COMPATIBLE_JUDGE,
    JUDGES,
    REMOTE_JUDGE,
    SEQUENTIAL_JUDGE,
    CanaryConfig,
    JudgeChoice,
    MetricConfig,
)
from turnout.model.canary.document import read_document, write_document
from turnout.model.canary.options import (
    Kind,
    MetricOptions,
    NanStrategy,
    read_evidence_options,
    read_judge_options,
    read_options,
)
from turnout.model.canary.request import JudgeRequest
from turnout.model.canary.result import (
    Classification,
    JudgeResult,
    MetricResult,
    ResultMetadata,
    Score,
    SideMetadata,
    Verdict,
)
from turnout.model.canary.series import MetricSetPair, PairValues
from turnout.model.errors import InvalidDocument, Problem
from turnout.model.words import nearest

USUAL_STEP = timedelta(seconds=60)
"""For samples that do not say how far they are apart."""


def judge_document(document: bytes, _tell: Tell) -> bytes:
    """A `JudgeRequest` as JSON, to the result as JSON."""
    return write_document(judge_pairs(read_document(JudgeRequest, document)))


def judge_pairs(request: JudgeRequest) -> JudgeResult:
    """By the judge that the configuration names; without a name, the compatible one.

    Raises `InvalidDocument` for an unknown judge, for a pair without a metric in the configuration,
    and for options that cannot be judged by.
    """
    config = request.canary_config
    if judge_of(config.judge) == COMPATIBLE_JUDGE:
        return judge_compatibly(config, request.metric_set_pair_list, request.score_thresholds)
    return _judge_in_sequence(request)


def judge_of(choice: JudgeChoice | None) -> str:
    """One of `JUDGES`. Raises `InvalidDocument`."""
    name, path = (choice and choice.name) or COMPATIBLE_JUDGE, "judge.name"
    if choice and name == REMOTE_JUDGE:
        name = str(choice.judge_configurations.get("judge") or COMPATIBLE_JUDGE)
        path = "judge.judgeConfigurations.judge"
    if name not in JUDGES:
        message = f"{name!r} is no judge; there are {' and '.join(JUDGES)}"
        problem = Problem(message, path, nearest=nearest(name, JUDGES))
        raise InvalidDocument(f"Cannot judge: {message}", (problem,))
    return name


@dataclass(frozen=True, slots=True)
class _Handed:
    """One pair, with all that is known about its metric."""

    pair: MetricSetPair
    config: MetricConfig
    options: MetricOptions
    metric: sequential.Metric
    steps: sequential.Steps


def _judge_in_sequence(request: JudgeRequest) -> JudgeResult:
    config = request.canary_config
    pairs = (*request.metric_set_pair_list, *_missing(request))
    handed = [_read(config, pair, request) for pair in pairs]
    judged = [one for one in handed if not one.options.muted]
    if not judged:
        problem = Problem("has no sample of a metric that counts", "metricSetPairList")
        raise InvalidDocument("Nothing can be judged", (problem,))
    whole = _finish(config, judged)
    found = {verdict.name: verdict for verdict in whole.metrics}
    for one in handed:  # what is muted is told about, by itself
        if one.options.muted:
            found[one.metric.name] = _finish(config, [one]).metrics[0]
    results = tuple(_result(one, found[one.metric.name]) for one in handed)
    groups, _ = score(results, config, request.score_thresholds)
    return JudgeResult(
        judge_name=SEQUENTIAL_JUDGE, results=results, group_scores=groups, score=_score(whole)
    )


def _missing(request: JudgeRequest) -> Iterator[MetricSetPair]:
    """For each metric without a pair one without samples: what nobody has sent is no pass."""
    known = {pair.name for pair in request.metric_set_pair_list}
    nothing = PairValues(control=(), experiment=())
    for name in dict.fromkeys(metric.name for metric in request.canary_config.metrics):
        if name not in known:
            yield MetricSetPair(name=name, id=name, values=nothing)


def _finish(config: CanaryConfig, handed: Sequence[_Handed]) -> sequential.Verdict:
    risks = read_judge_options(config)
    state = sequential.start(
        [one.metric for one in handed],
        alpha=risks.alpha,
        beta=risks.beta,
        planned_steps=max(1, *(len(one.pair.values.experiment) for one in handed)),
        expected_share=None,
    )
    return sequential.finish(
        sequential.advance(state, {one.metric.name: one.steps for one in handed})
    )


def _read(config: CanaryConfig, pair: MetricSetPair, request: JudgeRequest) -> _Handed:
    metric = _metric_of(config, pair)
    evidence, options = read_evidence_options(metric), read_options(metric)
    kind = evidence.kind if evidence.kind in (Kind.COUNT, Kind.PROPORTION) else Kind.GAUGE
    has_samples = bool(pair.values.control or pair.values.experiment)
    if evidence.kind is Kind.LATENCY and has_samples:
        raise _refused(metric, "kind latency needs figures of our own router; use proportion")
    same = [other for other in request.metric_set_pair_list if other.name == pair.name]
    harm = evidence.harm_of_interest
    try:
        described = sequential.Metric(
            name=_name(pair),
            kind=sequential.Kind(kind.value),
            direction=sequential.Direction(options.direction.value),
            margin=evidence.margin,
            harm_of_interest=harm if harm > evidence.margin else evidence.margin + harm,
            weight=weigh(config, metric) / max(1, len(same)),
            critical=options.critical,
            dispersion=evidence.dispersion,
            step=_step(pair, evidence.step),
        )
    except ValueError as error:
        raise _refused(metric, str(error)) from error
    steps = _steps(request, metric, pair, kind, options)
    return _Handed(pair, metric, options, described, steps)


def _metric_of(config: CanaryConfig, pair: MetricSetPair) -> MetricConfig:
    for metric in config.metrics:
        if metric.name == pair.name:
            return metric
    near = nearest(pair.name, [metric.name for metric in config.metrics])
    problem = Problem(f"no metric is named {pair.name!r}", "metrics", nearest=near)
    raise InvalidDocument(f"Cannot judge {pair.name}: it is not configured", (problem,))


def _steps(
    request: JudgeRequest,
    metric: MetricConfig,
    pair: MetricSetPair,
    kind: Kind,
    options: MetricOptions,
) -> sequential.Steps:
    control, experiment = _alike(pair, options)
    index = range(len(control))
    if kind is Kind.GAUGE:
        return sequential.GaugeSteps(index, experiment, control)
    if not index:
        return sequential.EventSteps(index, (), (), (), ())
    other = _exposure(request, metric, pair)
    if other is None and kind is Kind.PROPORTION:
        raise _refused(
            metric,
            "kind proportion needs the requests as well: a second metric with the exposureQuery of "
            "this one as its query (muted, if it is not to be judged)",
        )
    if other is None:  # equal arms: time itself
        even = (_step(pair, None).total_seconds(),) * len(control)
        return sequential.EventSteps(index, experiment, even, control, even)
    requests = _alike(other, read_options(metric), len(control))
    return sequential.EventSteps(index, experiment, requests[1], control, requests[0])


def _exposure(
    request: JudgeRequest, metric: MetricConfig, pair: MetricSetPair
) -> MetricSetPair | None:
    """The samples that `exposureQuery` stands for."""
    wanted = metric.exposure_query
    names = {m.name for m in request.canary_config.metrics if wanted and m.query == wanted}
    found = [other for other in request.metric_set_pair_list if other.name in names]
    return next((other for other in found if other.tags == pair.tags), None)


def _alike(
    pair: MetricSetPair, options: MetricOptions, length: int = 0
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Control and experiment, equally long; what is missing is 0 where the options say so."""
    both = pair.values.control, pair.values.experiment
    longest = length or max(len(values) for values in both)
    fill = 0.0 if options.nan_strategy is NanStrategy.REPLACE else math.nan
    control, experiment = (
        tuple(fill if math.isnan(v) else v for v in values)[:longest]
        + (fill,) * (longest - len(values))
        for values in both
    )
    return control, experiment


def _step(pair: MetricSetPair, said: float | None) -> timedelta:
    times = (pair.scopes.experiment, pair.scopes.control) if pair.scopes else ()
    known = [time.step_millis for time in times if time and time.step_millis > 0]
    if known:
        return timedelta(milliseconds=known[0])
    return timedelta(seconds=said) if said else USUAL_STEP


def _name(pair: MetricSetPair) -> str:
    tags = ", ".join(f"{key}:{value}" for key, value in sorted(pair.tags.items()))
    return f"{pair.name} {{{tags}}}" if tags else pair.name


def _result(one: _Handed, found: sequential.MetricVerdict) -> MetricResult:
    sides = [
        stats_of(clean(values, one.options))
        for values in (one.pair.values.experiment, one.pair.values.control)
    ]
    return MetricResult(
        name=one.pair.name,
        id=one.pair.id,
        tags=one.pair.tags,
        classification=_classify(one.options, found),
        classification_reason=found.sentence,
        groups=one.config.groups,
        experiment_metadata=SideMetadata(stats=sides[0]),
        control_metadata=SideMetadata(stats=sides[1]),
        result_metadata=ResultMetadata(ratio=found.estimate),
        critical=one.options.critical and found.finding is sequential.Finding.HARM,
        muted=one.options.muted,
    )


def _classify(options: MetricOptions, found: sequential.MetricVerdict) -> Classification:
    if found.finding is sequential.Finding.HARM:
        return Classification.LOW if found.estimate < 1 else Classification.HIGH
    if found.problem:
        must = options.must_have_data
        return Classification.NO_DATA_FAIL if must else Classification.NO_DATA
    return Classification.PASS


_TOLD: Mapping[sequential.Answer, str] = {sequential.Answer.INCONCLUSIVE: "Inconclusive: "}


def _score(whole: sequential.Verdict) -> Score:
    passed = whole.answer is sequential.Answer.PASS
    return Score(
        score=100.0 if passed else 0.0,
        classification=Verdict.PASS if passed else Verdict.FAIL,
        classification_reason=_TOLD.get(whole.answer, "") + whole.sentence,
    )


def _refused(metric: MetricConfig, message: str) -> InvalidDocument:
    problem = Problem(message, f"metrics.{metric.name}")
    return InvalidDocument(f"Cannot judge {metric.name!r}: {message}", (problem,))
