"""How much longer a metric needs until it is decided, from what it has shown so far."""

from __future__ import annotations

import math

from turnout.analysis.sequential.count_evidence import CountEvidence, worst_threshold
from turnout.analysis.sequential.duration import MEDIAN, MOST, events_needed, gauge_steps
from turnout.analysis.sequential.gauge_evidence import GaugeEvidence, margins, warm_up
from turnout.analysis.sequential.metric import Direction, Metric
from turnout.analysis.sequential.state import Track


def remaining_minutes(metric: Metric, track: Track, *, beta: float) -> float | None:
    """Minutes until the harm of interest is excluded, were the canary as good as the baseline: as
    likely as not, or if that time is over, in four of five canaries. None when that is over too, or
    when there is nothing yet to tell it from.
    """
    evidence = track.evidence
    for certainty in (MEDIAN, MOST):
        if isinstance(evidence, CountEvidence):
            steps = _count_steps(metric, evidence, track.tally.used, beta, certainty)
        else:
            steps = _gauge_steps(metric, evidence, beta, certainty)
        if steps is None:
            return None
        if steps > 0:
            return steps * metric.step.total_seconds() / 60
    return None


def _count_steps(
    metric: Metric, evidence: CountEvidence, used: int, beta: float, certainty: float
) -> float | None:
    place = worst_threshold(evidence)
    events = evidence.events_canary[place] + evidence.events_baseline[place]
    exposure = evidence.exposure_canary + evidence.exposure_baseline
    share = evidence.exposure_canary / exposure if exposure else 0.0
    if not events or not 0 < share < 1:
        return None
    if metric.direction is Direction.DECREASE:
        share = 1 - share
    needed = events_needed(1 + metric.harm_of_interest, beta, share=share, certainty=certainty)
    return (needed * (metric.dispersion or 1.0) - events) / (events / used)


def _gauge_steps(
    metric: Metric, evidence: GaugeEvidence, beta: float, certainty: float
) -> float | None:
    memory = evidence.memory
    if memory.count < 2:
        return None
    mean = memory.total / memory.count
    deviation = math.sqrt(max(memory.squares / memory.count - mean**2, 0.0))
    ratio = math.exp(margins(metric)[1])
    return warm_up(metric) + gauge_steps(ratio, deviation, beta, certainty=certainty) - memory.count
