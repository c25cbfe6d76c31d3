"""What the judge hands back: a verdict on the canary, and on each of its metrics."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """On the canary."""

    FAIL = "fail"
    PASS = "pass"
    INCONCLUSIVE = "inconclusive"
    RUNNING = "running"


class Finding(StrEnum):
    """On one metric. Safe: the harm of interest is excluded."""

    HARM = "harm"
    SAFE = "safe"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Samples:
    """Steps, and what was counted in each arm: of a latency at the threshold that is told, of a
    gauge nothing."""

    steps: int
    unusable_steps: int
    events_canary: float = 0.0
    exposure_canary: float = 0.0
    events_baseline: float = 0.0
    exposure_baseline: float = 0.0
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """Estimate and confidence sequence are canary over baseline, or their difference if the metric
    is compared so. NaN and infinite: not known, not bounded.

    `e_value` is that of now, `peak_e_value` the highest so far; `level` is what the peak needs for
    harm. `end_p` is the exact test's at the end. `problem` says why it could not be judged.
    """

    name: str
    finding: Finding
    sentence: str
    problem: str
    estimate: float
    low: float
    high: float
    e_value: float
    peak_e_value: float
    level: float
    safety_e_value: float
    end_p: float | None
    samples: Samples
    minutes_needed: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`peak_e_value` is the canary's, `level` what it needs to fail."""

    answer: Answer
    sentence: str
    metrics: tuple[MetricVerdict, ...]
    e_value: float
    peak_e_value: float
    level: float
    seconds: float
    """Since the start, to the end of the last closed step."""
