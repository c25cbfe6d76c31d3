"""The verdict on a canary, at any time and at its planned end, with the reasons for it."""

from __future__ import annotations

import math
from dataclasses import replace

from turnout.analysis.sequential import sentences
from turnout.analysis.sequential.combine import alarm_level, normalise
from turnout.analysis.sequential.count_evidence import CountEvidence, sides_of, worst_threshold
from turnout.analysis.sequential.early_pass import safety_level
from turnout.analysis.sequential.ending import conditional_binomial_p, end_alpha
from turnout.analysis.sequential.metric import Metric, Scale
from turnout.analysis.sequential.outcome import (
    Answer,
    Finding,
    MetricVerdict,
    Samples,
    Verdict,
)
from turnout.analysis.sequential.ratio_interval import EDGE
from turnout.analysis.sequential.remaining import remaining_minutes
from turnout.analysis.sequential.state import State, Track, any_alpha, has_end_test
from turnout.analysis.sequential.sufficiency import find_problem


def verdict(state: State) -> Verdict:
    """What can be said now. Ask as often as you like."""
    return _judge(state, is_end=False)


def finish(state: State) -> Verdict:
    """What can be said at the planned end, with the share of alpha that was kept for it.

    Nothing passes whose figures do not reach there; then that share is not spent, and one may ask
    again after an extension. Otherwise to be asked once for a canary.
    """
    return _judge(state, is_end=True)


def _judge(state: State, *, is_end: bool) -> Verdict:
    metrics = _judge_metrics(state, is_end=is_end)
    answer, sentence = _answer(state, metrics, is_end=is_end)
    return Verdict(
        answer,
        sentence,
        metrics,
        e_value=_exp(state.log_e),
        peak_e_value=_exp(state.peak),
        level=1 / any_alpha(state),
        seconds=_seconds(state),
    )


def _answer(
    state: State, metrics: tuple[MetricVerdict, ...], *, is_end: bool
) -> tuple[Answer, str]:
    failed, mismatched = state.failed_at, state.mismatched_at
    if state.exposure and mismatched is not None and (failed is None or mismatched < failed):
        harmful = [metric.sentence for metric in _by_evidence(state, metrics) if _is_harm(metric)]
        return Answer.INCONCLUSIVE, sentences.tell_mismatch(state.exposure, harmful)
    if failed is not None or any(map(_is_harm, metrics)):
        return Answer.FAIL, _failure(state, metrics)
    ranked = _by_evidence(state, metrics)
    told = [metric.sentence for metric in ranked]
    problems = [metric.sentence for metric in ranked if metric.problem]
    if is_end and problems:
        return Answer.INCONCLUSIVE, sentences.tell_problems(problems)
    if is_end:
        return Answer.PASS, sentences.tell_end(told)
    if not problems and _is_safe(state, metrics):
        return Answer.PASS, sentences.tell_early_pass(told, _seconds(state))
    return Answer.RUNNING, sentences.tell_running(told)


def _failure(state: State, metrics: tuple[MetricVerdict, ...]) -> str:
    """The metrics that are harmful by themselves, else the one that speaks most for harm."""
    seconds = _seconds(state) if state.failed_at is None else state.failed_at
    if harmful := [m.sentence for m in _by_evidence(state, metrics) if _is_harm(m)]:
        return sentences.tell_failure(harmful, seconds)
    weights = normalise([metric.weight for metric in state.metrics])
    parts = [math.log(w) + t.peak for w, t in zip(weights, state.tracks, strict=True)]
    worst = metrics[parts.index(max(parts))]
    return sentences.tell_joint_failure(worst.sentence, seconds, state.peak)


def _by_evidence(state: State, metrics: tuple[MetricVerdict, ...]) -> list[MetricVerdict]:
    """The most telling first: those that decide, then those that come nearest to it, then the
    critical ones; else as they were written."""
    is_critical = {metric.name: metric.critical for metric in state.metrics}

    def rank(found: MetricVerdict) -> tuple[bool, float, bool]:
        nearness = found.e_value / found.level if sentences.evidence_share(found) else 0.0
        return not _is_harm(found), -nearness, not is_critical[found.name]

    return sorted(metrics, key=rank)


def _is_harm(found: MetricVerdict) -> bool:
    return found.finding is Finding.HARM


def _is_safe(state: State, metrics: tuple[MetricVerdict, ...]) -> bool:
    """All critical metrics, or all where none is critical."""
    is_any_critical = any(metric.critical for metric in state.metrics)
    return all(
        found.finding is Finding.SAFE
        for metric, found in zip(state.metrics, metrics, strict=True)
        if metric.critical or not is_any_critical
    )


def _judge_metrics(state: State, *, is_end: bool) -> tuple[MetricVerdict, ...]:
    weights = normalise([metric.weight for metric in state.metrics]).tolist()
    pairs = list(zip(state.metrics, weights, strict=True))
    problems = [
        find_problem(metric, track, _expected_seconds(state, is_end=is_end))
        for metric, track in zip(state.metrics, state.tracks, strict=True)
    ]
    is_tested = is_end and not any(problems)  # else it may be asked again, when it was extended
    tested = sum(weight for metric, weight in pairs if has_end_test(metric))
    return tuple(
        _judge_metric(
            state,
            metric,
            track,
            problem=problem,
            level=alarm_level(any_alpha(state), weight),
            end_level=end_alpha(state.alpha, weight / (tested or 1)) if is_tested else None,
            is_end=is_end,
        )
        for (metric, weight), track, problem in zip(pairs, state.tracks, problems, strict=True)
    )


def _judge_metric(
    state: State,
    metric: Metric,
    track: Track,
    *,
    problem: str,
    level: float,
    end_level: float | None,
    is_end: bool,
) -> MetricVerdict:
    """`end_level` is that of the exact test; None when it is not made."""
    p = _end_p(metric, track) if end_level is not None else None
    finding = Finding.UNDECIDED
    if track.peak >= level or (p is not None and end_level is not None and p <= end_level):
        finding = Finding.HARM
    elif track.safety_peak >= safety_level(state.beta) and not problem:
        finding = Finding.SAFE
    is_open = (
        finding is Finding.UNDECIDED and not is_end and track.log_e < math.log(sentences.DOUBTFUL)
    )
    estimate, low, high = _on_its_scale(metric, track)
    found = MetricVerdict(
        name=metric.name,
        finding=finding,
        sentence="",
        problem=problem,
        estimate=estimate,
        low=low,
        high=high,
        e_value=_exp(track.log_e),
        peak_e_value=_exp(track.peak),
        level=_exp(level),
        safety_e_value=_exp(track.safety_peak),
        end_p=p,
        samples=_samples(metric, track),
        minutes_needed=remaining_minutes(metric, track, beta=state.beta) if is_open else None,
    )
    return replace(found, sentence=sentences.tell_metric(metric, found))


def _end_p(metric: Metric, track: Track) -> float | None:
    """The exact test at the end, corrected for sides and thresholds; None for a gauge."""
    evidence = track.evidence
    if not isinstance(evidence, CountEvidence):
        return None
    phi = metric.dispersion or 1.0
    values = []
    for side, expected in zip(sides_of(metric.direction), evidence.expected, strict=True):
        arms = zip(evidence.events_canary, evidence.events_baseline, expected, strict=True)
        for canary, baseline, mean in arms:
            both = (canary + baseline) / phi
            worse = (canary if side > 0 else baseline) / phi
            values.append(conditional_binomial_p(worse, both, mean / both) if both else 1.0)
    return min(1.0, min(values) * len(values))


def _on_its_scale(metric: Metric, track: Track) -> tuple[float, float, float]:
    if not track.trace.seen:
        return math.nan, -math.inf if metric.scale is Scale.DIFFERENCE else 0.0, math.inf
    evidence = track.evidence
    if isinstance(evidence, CountEvidence):
        place = worst_threshold(evidence)
        interval = evidence.intervals[place]
        low = 0.0 if interval.low <= -EDGE else math.exp(interval.low)
        high = math.inf if interval.high >= EDGE else math.exp(interval.high)
        return _rate_ratio(evidence, place), low, high
    shift = evidence.memory.total / evidence.memory.count
    values = shift, evidence.interval.low, evidence.interval.high
    if metric.scale is Scale.DIFFERENCE:
        return values
    return _exp(values[0]), _exp(values[1]), _exp(values[2])


def _rate_ratio(evidence: CountEvidence, place: int) -> float:
    canary = evidence.events_canary[place] * evidence.exposure_baseline
    baseline = evidence.events_baseline[place] * evidence.exposure_canary
    if baseline > 0:
        return canary / baseline
    return math.inf if canary > 0 else math.nan


def _samples(metric: Metric, track: Track) -> Samples:
    tally, evidence = track.tally, track.evidence
    if not isinstance(evidence, CountEvidence):
        return Samples(tally.used, tally.unusable)
    place = worst_threshold(evidence)
    return Samples(
        tally.used,
        tally.unusable,
        events_canary=evidence.events_canary[place],
        exposure_canary=evidence.exposure_canary,
        events_baseline=evidence.events_baseline[place],
        exposure_baseline=evidence.exposure_baseline,
        threshold=metric.thresholds[place] if metric.thresholds else None,
    )


def _expected_seconds(state: State, *, is_end: bool) -> float:
    """How long figures should reach: as far as those of any metric, at the end to the plan's."""
    planned = state.planned_steps * min(metric.step.total_seconds() for metric in state.metrics)
    return max(_seconds(state), planned) if is_end else _seconds(state)


def _seconds(state: State) -> float:
    pairs = zip(state.metrics, state.tracks, strict=True)
    return max((track.last + 1) * metric.step.total_seconds() for metric, track in pairs)


def _exp(log: float) -> float:
    return math.exp(log) if log < 700 else math.inf
