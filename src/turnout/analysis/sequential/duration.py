"""How long a canary must run: known before it starts, told again while it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MEDIAN = 1.3
"""Of Wald's bound, by simulation of this judge: a coin flip."""

MOST = 2.0
"""The same for 80 % of canaries."""

GAUGE_FLOOR = 20.0
"""Steps that the bets on a gauge take at least, however large the effect."""


def information_per_event(ratio: float, share: float = 0.5) -> float:
    """Kullback-Leibler information of one event (of either arm) for a rate ratio against 1, when
    the canary has that share of the exposure."""
    expected = ratio * share / (ratio * share + 1 - share)
    canary = expected * math.log(expected / share)
    return canary + (1 - expected) * math.log((1 - expected) / (1 - share))


def wald_events(ratio: float, alpha: float, share: float = 0.5) -> float:
    """Events of both arms together that no test at this level does without, on average."""
    return -math.log(alpha) / information_per_event(ratio, share)


def events_needed(
    ratio: float, alpha: float, *, share: float = 0.5, certainty: float = MEDIAN
) -> float:
    """Events of both arms until the ratio is found; `certainty` is MEDIAN or MOST."""
    return certainty * wald_events(ratio, alpha, share)


@dataclass(frozen=True, slots=True)
class Duration:
    """How long a ratio takes to be found at a canary share: as likely as not, and in 80 %."""

    share: float
    events_median: float
    events_most: float
    minutes_median: float
    minutes_most: float


def plan_duration(
    ratio: float,
    events_per_minute: float,
    *,
    alpha: float = 0.01,
    dispersion: float = 1.0,
    shares: Sequence[float] = (0.5, 0.1, 0.05, 0.01),
) -> tuple[Duration, ...]:
    """The table that a person needs before a canary starts, one row for each share.

    `events_per_minute` are those of both arms together without an effect. A small share makes the
    canary longer by far.
    """
    found = []
    for share in shares:
        wald = dispersion * wald_events(ratio, alpha, share)
        events = MEDIAN * wald, MOST * wald
        minutes = (_minutes(count, events_per_minute, ratio, share) for count in events)
        found.append(Duration(share, *events, *minutes))
    return tuple(found)


def _minutes(events: float, events_per_minute: float, ratio: float, share: float) -> float:
    """Infinite without events. The canary's part of them grows with the effect."""
    if events_per_minute <= 0:
        return math.inf
    return events / (events_per_minute * (1 - share + share * ratio))


def gauge_steps(
    ratio: float, deviation: float, alpha: float, *, certainty: float = MEDIAN
) -> float:
    """Steps until a gauge's ratio is found; `deviation` is that of the log ratio of one step."""
    information = math.log(ratio) ** 2
    if deviation <= 0:
        return GAUGE_FLOOR
    return max(GAUGE_FLOOR, certainty * -math.log(alpha) * 2 * deviation**2 / information)
