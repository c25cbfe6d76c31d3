"""A canary that is judged several times: which window each judgement looks at, and what the scores
mean in the end.

Windows grow, or slide when a lookback is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from turnout.model.canary.result import MetricResult

FEW_SAMPLES = 50
FEW_SAMPLES_WARNING = (
    "One of the metrics returned fewer than 50 data points, which can reduce confidence in the"
    " final canary score."
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a request says about time. Times are aware; `control_offset` makes control earlier."""

    start: datetime
    """As given, or now."""
    end: datetime | None = None
    lifetime: timedelta | None = None
    begin_after: timedelta = timedelta(0)
    lookback: timedelta = timedelta(0)
    interval: timedelta | None = None
    control_offset: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Window:
    """What one judgement looks at."""

    start: datetime
    end: datetime
    control_start: datetime
    control_end: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """How an analysis ended."""

    has_passed: bool
    sentence: str


def plan_windows(schedule: Schedule) -> list[Window]:
    """The windows of all judgements. Raises `ValueError` when neither end nor lifetime is given."""
    lifetime = _lifetime(schedule)
    interval = schedule.interval
    if not interval or interval > lifetime:
        interval = lifetime
    count = lifetime // interval if interval else 0
    return [_window(schedule, number * interval) for number in range(1, count + 1)]


def _lifetime(schedule: Schedule) -> timedelta:
    if schedule.end is not None:
        minute = timedelta(minutes=1)
        return (schedule.end - schedule.start) // minute * minute
    if schedule.lifetime is None:
        raise ValueError("Cannot plan the judgements of a canary without an end or a lifetime")
    return schedule.lifetime


def _window(schedule: Schedule, length: timedelta) -> Window:
    delay = schedule.begin_after if schedule.end is None else timedelta(0)
    start = schedule.start + delay
    end = start + length
    if schedule.lookback > timedelta(0):
        start = end - schedule.lookback
    offset = schedule.control_offset
    return Window(start, end, control_start=start - offset, control_end=end - offset)


def must_stop(score: float, *, marginal: float | None) -> bool:
    """Whether a canary with this score, at any judgement, has failed already."""
    return marginal is not None and score <= marginal


def decide(score: float, *, pass_: float | None, marginal: float | None) -> Decision:
    """What the last score means. At the marginal threshold itself a canary fails, although a single
    judgement calls it marginal.
    """
    if pass_ is None and marginal is None:
        return Decision(True, "No score thresholds were specified.")
    shown = f"Final canary score {score}"
    if must_stop(score, marginal=marginal):
        return Decision(False, f"{shown} is not above the marginal score threshold.")
    if pass_ is not None and score < pass_:
        return Decision(False, f"{shown} is below the pass score threshold.")
    return Decision(True, f"{shown} met or exceeded the pass score threshold.")


def sample_warning(results: Sequence[MetricResult], *, store: str) -> str:
    """A warning when some metric has few control samples; empty otherwise, and for datadog."""
    counts = [found.control_metadata.stats for found in results]
    is_few = any(stats is not None and stats.count < FEW_SAMPLES for stats in counts)
    return FEW_SAMPLES_WARNING if is_few and store != "datadog" else ""
