"""What a judge says about the evidence so far: one interface to both judges.

The statistics are imported when the first opinion is formed: they are large.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from turnout.canary.evidence import Columns, Slice
from turnout.canary.subjects import Subject, is_compatible
from turnout.model.canary.configuration import CanaryConfig, ScoreThresholds
from turnout.model.canary.options import Kind, read_judge_options
from turnout.model.canary.series import MetricSetPair, PairValues
from turnout.model.words import MOST_TOLD, shorten

if TYPE_CHECKING:
    from turnout.analysis.sequential import Metric, MetricVerdict, State, Steps, Verdict
    from turnout.model.canary.result import JudgeResult

DEFAULT_THRESHOLDS = ScoreThresholds(pass_=95, marginal=75)


class Answer(StrEnum):
    """On the canary as a whole."""

    RUNNING = "running"
    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Opinion:
    """`brief` is for one line, while it runs. `problems`: metrics that cannot be judged (yet), each
    with a sentence.
    """

    answer: Answer
    sentence: str
    brief: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


class Judge(Protocol):
    """Takes evidence in, and says what it thinks."""

    def take(self, slices: Sequence[Slice]) -> None:
        """Evidence that was taken before is ignored."""
        ...

    def say(self, *, is_end: bool) -> Opinion:
        """`is_end` is true once, at the planned end."""
        ...


def open_judge(
    config: CanaryConfig,
    subjects: Sequence[Subject],
    *,
    duration: timedelta,
    expected_share: float | None,
) -> Judge:
    """The judge that the configuration names; without a name ours. Raises `InvalidDocument`."""
    if is_compatible(config):
        return CompatibleJudge(config, subjects)
    return SequentialJudge(config, subjects, duration=duration, expected_share=expected_share)


class SequentialJudge:
    """May be asked after every step."""

    def __init__(
        self,
        config: CanaryConfig,
        subjects: Sequence[Subject],
        *,
        duration: timedelta,
        expected_share: float | None,
    ) -> None:
        from turnout.analysis import sequential  # noqa: PLC0415 - large

        risks = read_judge_options(config)
        self._subjects = {s.name: s for s in subjects}
        judged = [s for s in subjects if not s.options.muted]
        shortest = min(s.step for s in judged)
        self.state: State = sequential.start(
            [metric_of(s) for s in judged],
            alpha=risks.alpha,
            beta=risks.beta,
            planned_steps=max(1, int(duration / shortest)),
            expected_share=expected_share,
        )

    def take(self, slices: Sequence[Slice]) -> None:
        """As the protocol says."""
        from turnout.analysis import sequential  # noqa: PLC0415 - large

        judged = {metric.name for metric in self.state.metrics}
        by_metric: dict[str, list[Slice]] = {}
        for one in slices:
            if one.metric in judged:
                by_metric.setdefault(one.metric, []).append(one)
        # All at once: what metrics show together is compared at the same moments.
        steps = {
            name: steps_of(self._subjects[name].kind, runs) for name, runs in by_metric.items()
        }
        self.state = sequential.advance(self.state, steps)

    def say(self, *, is_end: bool) -> Opinion:
        """As the protocol says."""
        found = self.verdict(is_end=is_end)
        return Opinion(
            Answer(found.answer.value),
            found.sentence,
            "" if found.answer.value == Answer.INCONCLUSIVE.value else _brief(found),
            _figures(found),
            tuple(metric.sentence for metric in found.metrics if metric.problem),
        )

    def verdict(self, *, is_end: bool) -> Verdict:
        """The whole verdict, metric by metric."""
        from turnout.analysis import sequential  # noqa: PLC0415 - large

        return sequential.finish(self.state) if is_end else sequential.verdict(self.state)


def metric_of(subject: Subject) -> Metric:
    """As the sequential judge wants it described."""
    from turnout.analysis import sequential  # noqa: PLC0415 - large

    return sequential.Metric(
        name=subject.name,
        kind=sequential.Kind(subject.kind.value),
        direction=sequential.Direction(subject.direction.value),
        margin=subject.margin,
        harm_of_interest=subject.harm_of_interest,
        weight=subject.weight,
        critical=subject.options.critical,
        thresholds=subject.thresholds_ms,
        dispersion=subject.dispersion,
        step=subject.step,
    )


def steps_of(kind: Kind, runs: Sequence[Slice]) -> Steps:
    """As the sequential judge wants the figures of one metric."""
    from turnout.analysis import sequential  # noqa: PLC0415 - large

    index = [n for one in runs for n in range(one.first, one.first + one.count)]
    canary = _end_to_end([one.canary for one in runs])
    baseline = _end_to_end([one.baseline for one in runs])
    if kind is Kind.LATENCY:
        return sequential.LatencySteps(
            *(index, list(zip(*canary[:-1], strict=True)), canary[-1]),
            *(list(zip(*baseline[:-1], strict=True)), baseline[-1]),
        )
    if kind is Kind.GAUGE:
        return sequential.GaugeSteps(index, canary[0], baseline[0])
    return sequential.EventSteps(index, *canary, *baseline)


def _end_to_end(columns: Sequence[Columns]) -> list[list[float]]:
    """Each column of all runs."""
    return [[value for part in parts for value in part] for parts in zip(*columns, strict=True)]


def _brief(found: Verdict) -> str:
    """The metric that speaks most for harm, and how many cannot be judged yet."""
    waiting = sum(bool(metric.problem) for metric in found.metrics)
    told = (
        [f"{waiting} of {len(found.metrics)} metrics have too few samples yet"] if waiting else []
    )
    judged = [metric for metric in found.metrics if not metric.problem]
    if judged:
        worst = max(judged, key=lambda metric: metric.e_value / metric.level)
        told = [f"{_compared(worst)} ({_evidence(found)})", *told]
    return "; ".join(told)


def _compared(metric: MetricVerdict) -> str:
    s = metric.samples
    if s.exposure_canary and s.exposure_baseline:
        slower = f" slower than {s.threshold:g} ms" if s.threshold is not None else ""
        canary, baseline = (
            s.events_canary / s.exposure_canary,
            s.events_baseline / s.exposure_baseline,
        )
        return f"{metric.name}{slower} {canary:.2%} against {baseline:.2%}"
    return (
        f"{metric.name} {metric.estimate - 1:+.1%}"
        if math.isfinite(metric.estimate)
        else metric.name
    )


def _evidence(found: Verdict) -> str:
    """How far it is to a failure, as a part of what is needed."""
    if found.e_value <= 1 or found.level <= 1:
        return "no evidence of harm"
    share = math.log(found.e_value) / math.log(found.level)
    return f"{min(share, 1):.0%} of the evidence that a failure needs"


def _figures(found: Verdict) -> dict[str, float]:
    """What a report says at a glance: events of the worst metrics, and the evidence."""
    figures = {"e_value": found.peak_e_value, "needed": found.level, "seconds": found.seconds}
    by_evidence = sorted(found.metrics, key=lambda metric: -metric.e_value / metric.level)
    for metric in by_evidence[:MOST_TOLD]:
        samples = metric.samples
        if samples.exposure_canary:
            figures[f"{metric.name}, canary"] = samples.events_canary
            figures[f"{metric.name}, baseline"] = samples.events_baseline
    return figures


class CompatibleJudge:
    """The reference's rules on a growing window."""

    def __init__(self, config: CanaryConfig, subjects: Sequence[Subject]) -> None:
        self._config, self._subjects = config, subjects
        self._slices: dict[tuple[str, tuple[tuple[str, str], ...]], list[Slice]] = {}

    def take(self, slices: Sequence[Slice]) -> None:
        """As the protocol says."""
        for one in slices:
            known = self._slices.setdefault((one.metric, tuple(sorted(one.tags.items()))), [])
            if not known or one.first >= known[-1].first + known[-1].count:
                known.append(one)

    def say(self, *, is_end: bool) -> Opinion:
        """At the end the score decides; before it, a score that is not even marginal does."""
        result = self.result()
        limits = thresholds_of(self._config)
        score = result.score.score
        told = f"score {score:g} of 100 ({limits.pass_:g} passes)"
        reason = result.score.classification_reason
        worse = [
            r.classification_reason or r.name
            for r in result.results
            if r.classification in ("High", "Low")
        ]
        sentence = "; ".join(part for part in (told, reason, *shorten(worse)) if part)
        figures = {"score": score}
        if not any(
            r.experiment_metadata.stats and r.experiment_metadata.stats.count
            for r in result.results
        ):
            empty = "no metric has data"
            answer = Answer.INCONCLUSIVE if is_end else Answer.RUNNING
            return Opinion(answer, empty, empty, figures, (empty,))
        answer = Answer.RUNNING
        if score <= limits.marginal:
            answer = Answer.FAIL
        elif is_end:
            answer = Answer.PASS if score >= limits.pass_ else Answer.FAIL
        return Opinion(answer, sentence, told, figures)

    def result(self) -> JudgeResult:
        """The judgement as a document."""
        from turnout.analysis.compatible import judge  # noqa: PLC0415 - large

        return judge(self._config, self.pairs(), thresholds_of(self._config))

    def pairs(self) -> tuple[MetricSetPair, ...]:
        """Every series as a pair; a metric without any has one without samples."""
        found = [
            _pair(metric, dict(tags), slices) for (metric, tags), slices in self._slices.items()
        ]
        seen = {pair.name for pair in found}
        empty = [_pair(s.name, {}, []) for s in self._subjects if s.name not in seen]
        return (*found, *empty)


def thresholds_of(config: CanaryConfig) -> ScoreThresholds:
    """Of the configuration; 95 and 75 where it has none."""
    written = config.classifier.score_thresholds if config.classifier else None
    return written or DEFAULT_THRESHOLDS


def _pair(metric: str, tags: Mapping[str, str], slices: Sequence[Slice]) -> MetricSetPair:
    canary = tuple(value for one in slices for value in one.canary[0])
    baseline = tuple(value for one in slices for value in one.baseline[0])
    return MetricSetPair(
        name=metric,
        id=" ".join([metric, *(f"{k}:{v}" for k, v in sorted(tags.items()))]),
        tags=dict(tags),
        values=PairValues(control=baseline, experiment=canary),
    )
