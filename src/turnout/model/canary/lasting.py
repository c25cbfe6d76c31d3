"""How long a canary must run until a regression is found."""

from __future__ import annotations

from turnout.model.value import Value


class Measurement(Value):
    """What is known of a metric without a change: `rate` of requests (or of events, where time is
    their exposure) per second, of all traffic, and the `part` of them that counts.
    """

    name: str
    kind: str
    rate: float = 0.0
    part: float | None = None
    dispersion: float = 1.0
    step_seconds: float = 1.0
    deviation: float | None = None
    """Of a gauge: standard deviation of the log ratio of two steps."""
    threshold_ms: float | None = None
    """Of a latency: what counts as slow."""


class DurationRow(Value):
    """For one metric and share (of each arm, per mille): a coin flip, and 80 % of canaries.

    Infinite: never. What was simulated ends at its horizon; infinite means not until then.
    """

    metric: str
    share: int
    ratio: float
    events: float | None = None
    """Of both arms together, for the median."""
    median_minutes: float
    most_minutes: float
    simulated_median: float | None = None
    simulated_most: float | None = None
    horizon_minutes: float | None = None
    advice: str = ""


class DurationResult(Value):
    """The whole answer."""

    measured: tuple[Measurement, ...]
    rows: tuple[DurationRow, ...]
    is_simulated: bool = False
