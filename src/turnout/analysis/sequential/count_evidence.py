"""What the closed steps of a count, a proportion or a latency have shown so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turnout.analysis.sequential.counts import (
    RATIOS,
    alternatives_above,
    exposure_share,
    log_growth,
    null_share,
)
from turnout.analysis.sequential.early_pass import safety_growth
from turnout.analysis.sequential.metric import Direction, Metric
from turnout.analysis.sequential.mixtures import Floats, log_mean
from turnout.analysis.sequential.progress import Batch, pick
from turnout.analysis.sequential.ratio_interval import RatioInterval, narrow, unbounded

Wealth = tuple[tuple[tuple[float, ...], ...], ...]
"""Log-wealth by side, threshold and alternative. A side is a direction that would be harm."""


@dataclass(frozen=True, slots=True)
class CountEvidence:
    """Cumulative sums. Counts and proportions are a latency with one threshold."""

    harm: Wealth
    safety: Wealth
    expected: tuple[tuple[float, ...], ...]
    """Events of the arm that may be worse, if it were no worse than the margin; by side and
    threshold, divided by the dispersion."""
    events_canary: tuple[float, ...]
    events_baseline: tuple[float, ...]
    exposure_canary: float
    exposure_baseline: float
    intervals: tuple[RatioInterval, ...]


def no_counts(metric: Metric) -> CountEvidence:
    """Before the first step."""
    sides, thresholds = len(sides_of(metric.direction)), max(len(metric.thresholds), 1)
    nothing = (((0.0,) * len(RATIOS),) * thresholds,) * sides
    none = (0.0,) * thresholds
    return CountEvidence(
        harm=nothing,
        safety=nothing,
        expected=(none,) * sides,
        events_canary=none,
        events_baseline=none,
        exposure_canary=0.0,
        exposure_baseline=0.0,
        intervals=(RatioInterval(),) * thresholds,
    )


def sides_of(direction: Direction) -> tuple[int, ...]:
    """+1 where more is harm, -1 where less is."""
    match direction:
        case Direction.INCREASE:
            return (1,)
        case Direction.DECREASE:
            return (-1,)
        case Direction.EITHER:
            return (1, -1)


def add_counts(
    metric: Metric,
    evidence: CountEvidence,
    steps: tuple[Floats, Floats, Floats, Floats],
    beta: float | None,
) -> tuple[CountEvidence, Batch]:
    """The evidence after these steps: events (by step and threshold) and exposure of the canary,
    then of the baseline. All figures are finite and make sense. Without `beta` there is no
    confidence sequence, which costs far more than the rest.
    """
    events_canary, exposure_canary, events_baseline, exposure_baseline = steps
    phi = metric.dispersion or 1.0
    ours, theirs = events_canary / phi, events_baseline / phi
    share = exposure_share(exposure_canary, exposure_baseline)[:, None]
    sides = sides_of(metric.direction)
    roles = [(ours, theirs, share) if side > 0 else (theirs, ours, 1 - share) for side in sides]
    null = 1 + metric.margin
    harm = _accumulate(
        evidence.harm, [log_growth(*role, null, alternatives_above(null)) for role in roles]
    )
    safety = _accumulate(
        evidence.safety, [safety_growth(*role, metric.harm_of_interest) for role in roles]
    )
    expected = np.array([(x + y) * null_share(s, null) for x, y, s in roles])
    narrowed = [
        (interval, unbounded(len(share)))
        if beta is None
        else narrow(interval, ours[:, place], ours[:, place] + theirs[:, place], share[:, 0], beta)
        for place, interval in enumerate(evidence.intervals)
    ]
    by_threshold = log_mean(log_mean(harm), axis=0)
    worst = np.argmax(by_threshold, axis=-1)
    after = CountEvidence(
        harm=_tuples(harm[:, -1]),
        safety=_tuples(safety[:, -1]),
        expected=tuple(map(_added, evidence.expected, expected)),
        events_canary=_added(evidence.events_canary, events_canary),
        events_baseline=_added(evidence.events_baseline, events_baseline),
        exposure_canary=_added((evidence.exposure_canary,), exposure_canary[:, None])[0],
        exposure_baseline=_added((evidence.exposure_baseline,), exposure_baseline[:, None])[0],
        intervals=tuple(interval for interval, _ in narrowed),
    )
    return after, Batch(
        log_e=log_mean(by_threshold),
        log_safety=log_mean(safety).min(axis=(0, 2)),
        low=pick([bounds.low for _, bounds in narrowed], worst),
        high=pick([bounds.high for _, bounds in narrowed], worst),
        estimate=pick([bounds.estimate for _, bounds in narrowed], worst),
    )


def worst_threshold(evidence: CountEvidence) -> int:
    """The place of the threshold that speaks most for harm."""
    by_side = log_mean(np.array(evidence.harm))
    return int(np.argmax(log_mean(by_side.T)))


def _accumulate(before: Wealth, growth: list[Floats]) -> Floats:
    """Log-wealth by side, step, threshold and alternative."""
    start = np.array(before)[:, None]
    return np.asarray(np.cumsum(np.concatenate([start, np.array(growth)], axis=1), axis=1)[:, 1:])


def _added(before: tuple[float, ...], steps: Floats) -> tuple[float, ...]:
    """Step after step, so that one batch and many give the same sum."""
    return tuple(np.cumsum(np.vstack([before, steps]), axis=0)[-1].tolist())


def _tuples(values: Floats) -> Wealth:
    return tuple(tuple(tuple(row) for row in rows) for rows in values.tolist())
