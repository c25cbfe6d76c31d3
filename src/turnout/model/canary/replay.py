"""What a replay over history found: false alarms, and how soon harm would have been found."""

from __future__ import annotations

from turnout.model.value import Value


class Rate(Value):
    """So many of so many windows, and the exact 95 % interval of the rate."""

    count: int
    windows: int
    low: float
    high: float


class ReplayedMetric(Value):
    """One metric where nothing changed. Not a number: not known.

    `dispersion` 1 is pure chance; `autocorrelation` is that of neighbouring steps. `lasting_` are
    the 99 % interval of the ratio that two groups kept over all windows; not known of one group.
    """

    name: str
    kind: str
    alarms: Rate
    compatible_alarms: int
    dispersion: float = float("nan")
    autocorrelation: float = float("nan")
    lasting_low: float = float("nan")
    lasting_high: float = float("nan")
    suggestion: str = ""


class Detection(Value):
    """Harm put into one metric of the canary: in how many windows it was found, and when."""

    metric: str
    effect: str
    """`x1.5`, or `+1 %` of all requests."""
    found: Rate
    median_minutes: float | None = None
    """Of the windows in which it was found."""
    compatible_found: int
    """By the compatible judge, at the end of the window."""


class ReplayResult(Value):
    """The whole answer. `days`: of the windows, and those with an alarm, for windows of one day are
    not as independent as the interval takes them.
    """

    window_minutes: float
    share: int
    """Of each arm, in per mille; 0: two groups as they were."""
    alarms: Rate
    inconclusive: int
    days: int
    days_with_alarm: int
    compatible_alarms: Rate
    """At the end of the window."""
    compatible_looked: Rate
    """When it is asked again and again, as in a deployment."""
    looks: int
    metrics: tuple[ReplayedMetric, ...]
    detection: tuple[Detection, ...]
    notes: tuple[str, ...] = ()
