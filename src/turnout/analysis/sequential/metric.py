"""What is compared, and the figures of its closed steps, as the caller hands them in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from numpy.typing import ArrayLike

Column = ArrayLike
"""One figure per step (for a latency, one per step and threshold). NaN stands for a step that an
arm has no figure for."""


class Kind(StrEnum):
    """What a metric's figures are."""

    COUNT = "count"  # events per exposure, which is anything that both arms have: pod-seconds
    PROPORTION = "proportion"  # requests with a property, of all requests
    LATENCY = "latency"  # requests slower than each threshold, of all requests
    GAUGE = "gauge"  # a level


class Direction(StrEnum):
    """Which change is harm."""

    INCREASE = "increase"
    DECREASE = "decrease"
    EITHER = "either"


class Scale(StrEnum):
    """How a gauge's arms are compared."""

    RATIO = "ratio"  # levels are zero or positive; margins are parts: 0.1 is 10 %
    DIFFERENCE = "difference"  # levels may be negative; margins are in the gauge's own unit


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a canary. Raises ValueError when it cannot be judged as it is described.

    `margin` is the change that is fine, `harm_of_interest` the one that a pass excludes.
    Thresholds and dispersion come from history: they must be known before the canary starts.
    """

    name: str
    kind: Kind
    direction: Direction = Direction.INCREASE
    margin: float = 0.0
    harm_of_interest: float = 0.1
    weight: float = 1.0
    critical: bool = False
    thresholds: tuple[float, ...] = ()
    """Of a latency, ascending, in ms: the sentences say so."""
    dispersion: float | None = None
    """φ of counts; None when there is no history."""
    step: timedelta = timedelta(seconds=60)
    scale: Scale = Scale.RATIO
    prewhiten: bool = True
    """A gauge's noise may last for several steps. False only where steps are known to be
    independent: it finds harm sooner."""

    def __post_init__(self) -> None:
        for is_wrong, what in (
            (not self.name, "it has no name"),
            (not 0 <= self.margin < math.inf, f"its margin is {self.margin}, not 0 or more"),
            (
                not self.margin < self.harm_of_interest < math.inf,
                f"its harm of interest ({self.harm_of_interest}) is not above its margin",
            ),
            (not 0 < self.weight < math.inf, f"its weight is {self.weight}, not positive"),
            (self.step <= timedelta(0), "its step is not positive"),
            (
                self.dispersion is not None and not 1 <= self.dispersion < math.inf,
                f"its dispersion is {self.dispersion}, not 1 or more",
            ),
            (
                (self.kind is Kind.LATENCY) != bool(self.thresholds),
                "thresholds are needed for a latency, and for nothing else",
            ),
            (
                self.scale is Scale.DIFFERENCE and self.kind is not Kind.GAUGE,
                "only gauges can be compared by difference",
            ),
            (
                list(self.thresholds) != sorted(set(self.thresholds)),
                f"its thresholds do not ascend: {self.thresholds}",
            ),
        ):
            if is_wrong:
                raise ValueError(f"Metric {self.name!r} cannot be judged: {what}.")


@dataclass(frozen=True, slots=True)
class EventSteps:
    """Closed steps of a count or a proportion.

    `index` numbers the steps that are judged, from 0: a warm-up that is left out has no numbers.
    """

    index: Column
    events_canary: Column
    exposure_canary: Column
    events_baseline: Column
    exposure_baseline: Column


@dataclass(frozen=True, slots=True)
class LatencySteps:
    """Closed steps of a latency: for each step the requests above every threshold, and all."""

    index: Column
    above_canary: Column
    requests_canary: Column
    above_baseline: Column
    requests_baseline: Column


@dataclass(frozen=True, slots=True)
class GaugeSteps:
    """Closed steps of a gauge."""

    index: Column
    canary: Column
    baseline: Column


Steps = EventSteps | LatencySteps | GaugeSteps
