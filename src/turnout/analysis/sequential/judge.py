"""The sequential judge: may be asked after every step, and is wrong about a good canary with
probability at most alpha over the whole run and all metrics.

    state = start(metrics, planned_steps=600)
    state = advance(state, {"errors": EventSteps(...)})     # as often as steps are closed
    verdict(state)                                          # at any time
    finish(state)                                           # once, at the planned end

Pure: what survives a restart is `dump(state)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from turnout.analysis.sequential.combine import alarm_level, canary_log_e
from turnout.analysis.sequential.count_evidence import CountEvidence, add_counts, no_counts
from turnout.analysis.sequential.exposure import ALPHA as MISMATCH_ALPHA
from turnout.analysis.sequential.exposure import ExposureCheck, check_exposure
from turnout.analysis.sequential.gauge_evidence import GaugeEvidence, add_gauge, no_gauge
from turnout.analysis.sequential.intake import Sorted, gauge_differences, sort_out
from turnout.analysis.sequential.metric import Kind, Metric, Steps
from turnout.analysis.sequential.mixtures import Bools, Floats
from turnout.analysis.sequential.progress import Point, extend
from turnout.analysis.sequential.state import State, Track, any_alpha


def start(
    metrics: Sequence[Metric],
    *,
    alpha: float = 0.01,
    beta: float = 0.05,
    planned_steps: int,
    expected_share: float | None = 0.5,
    has_intervals: bool = True,
) -> State:
    """A canary before its first step.

    `alpha` bounds the probability to fail a good canary, `beta` that of passing a metric whose harm
    is the harm of interest; confidence sequences are at 1 - beta. `planned_steps` is the planned
    length in steps of the metric that has the shortest. `expected_share` is the part of both arms'
    requests that the canary should get; None does not check it. Without intervals estimates have
    no bounds and there is no course for a picture, in a tenth of the time. Raises ValueError for
    what cannot be judged.
    """
    names = [metric.name for metric in metrics]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"A canary needs metrics with different names; these are {names}.")
    if not (0 < alpha < 1 and 0 < beta < 1 and planned_steps > 0):
        raise ValueError(f"Not errors or steps: {alpha=}, {beta=}, {planned_steps=}.")
    if expected_share is not None and not 0 < expected_share < 1:
        raise ValueError(f"The canary's share of requests is between 0 and 1, not {expected_share}")
    return State(
        metrics=tuple(metrics),
        alpha=alpha,
        beta=beta,
        planned_steps=planned_steps,
        tracks=tuple(Track(_nothing(metric)) for metric in metrics),
        exposure=None if expected_share is None else ExposureCheck(expected_share),
        has_intervals=has_intervals,
    )


def advance(state: State, observations: Mapping[str, Steps]) -> State:
    """The state after more closed steps; those that were closed before are ignored.

    Close a step when both arms' figures for it are complete: it is never revised. Raises ValueError
    for an unknown metric and for figures that do not fit theirs.
    """
    unknown = observations.keys() - {metric.name for metric in state.metrics}
    if unknown:
        raise ValueError(f"No such metric: {', '.join(sorted(unknown))}.")
    grown = [
        _grow(state, metric, track, observations.get(metric.name))
        for metric, track in zip(state.metrics, state.tracks, strict=True)
    ]
    after = replace(state, tracks=tuple(growth.track for growth in grown))
    return _watch_canary(_watch_split(after, grown), state.tracks, grown)


def history(state: State) -> dict[str, tuple[Point, ...]]:
    """Per metric its course for a picture, thinned evenly."""
    return {
        metric.name: track.trace.points
        for metric, track in zip(state.metrics, state.tracks, strict=True)
    }


def split_witness(metrics: Sequence[Metric]) -> int | None:
    """The metric whose requests show how traffic is shared: the first latency, else proportion.

    The exposure of a count may be in any unit, and tells nothing.
    """
    for kind in (Kind.LATENCY, Kind.PROPORTION):
        for place, metric in enumerate(metrics):
            if metric.kind is kind:
                return place
    return None


@dataclass(frozen=True, slots=True)
class _Growth:
    """A metric after a batch: when its steps ended, and its log-e after each."""

    track: Track
    seconds: Floats
    log_e: Floats
    steps: Sorted | None


def _nothing(metric: Metric) -> CountEvidence | GaugeEvidence:
    return no_gauge(metric) if metric.kind is Kind.GAUGE else no_counts(metric)


def _grow(state: State, metric: Metric, track: Track, steps: Steps | None) -> _Growth:
    if steps is None:
        return _Growth(track, np.empty(0), np.empty(0), None)
    found = sort_out(metric, steps, track.last, track.tally)
    track = replace(track, tally=found.tally, last=found.last)
    if not len(found.index):
        return _Growth(track, np.empty(0), np.empty(0), None)
    evidence: CountEvidence | GaugeEvidence
    beta = state.beta if state.has_intervals else None
    if isinstance(track.evidence, CountEvidence):
        evidence, batch = add_counts(metric, track.evidence, found.arms, beta)
    else:
        moved = gauge_differences(metric, found.arms)
        evidence, batch = add_gauge(
            metric, track.evidence, moved, beta=beta, planned=state.planned_steps
        )
    seconds = (found.index + 1) * metric.step.total_seconds()
    grown = replace(
        track,
        evidence=evidence,
        log_e=float(batch.log_e[-1]),
        peak=max(track.peak, float(batch.log_e.max())),
        safety_peak=max(track.safety_peak, float(batch.log_safety.max())),
        trace=extend(track.trace, seconds, batch)
        if state.has_intervals
        else replace(track.trace, seen=track.trace.seen + len(seconds)),
    )
    return _Growth(grown, seconds, batch.log_e, found)


def _watch_split(state: State, grown: Sequence[_Growth]) -> State:
    place = split_witness(state.metrics)
    if state.exposure is None or place is None:
        return state
    growth = grown[place]
    if growth.steps is None:
        return state
    _, canary, _, baseline = growth.steps.arms
    check, log_e = check_exposure(state.exposure, canary, baseline)
    at = _first(growth.seconds, log_e >= alarm_level(MISMATCH_ALPHA))
    known = state.mismatched_at
    return replace(state, exposure=check, mismatched_at=at if known is None else known)


def _watch_canary(state: State, before: Sequence[Track], grown: Sequence[_Growth]) -> State:
    """The average of all metrics' evidence at every moment at which one of them had news."""
    seconds = np.unique(np.concatenate([growth.seconds for growth in grown]))
    if not len(seconds):
        return state
    log_es = [
        _at(growth, track.log_e, seconds) for growth, track in zip(grown, before, strict=True)
    ]
    average = canary_log_e(np.stack(log_es, axis=-1), [m.weight for m in state.metrics])
    at = _first(seconds, average >= alarm_level(any_alpha(state)))
    return replace(
        state,
        log_e=float(average[-1]),
        peak=max(state.peak, float(average.max())),
        failed_at=at if state.failed_at is None else state.failed_at,
    )


def _at(growth: _Growth, before: float, seconds: Floats) -> Floats:
    values = np.concatenate([[before], growth.log_e])
    return np.asarray(values[np.searchsorted(growth.seconds, seconds, side="right")])


def _first(seconds: Floats, is_reached: Bools) -> float | None:
    return float(seconds[np.argmax(is_reached)]) if is_reached.any() else None
