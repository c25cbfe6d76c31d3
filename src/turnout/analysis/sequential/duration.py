"""How long a canary must run: known before it starts, told again while it runs."""

from __future__ import annotations

import math

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


def minutes_for_counts(
    events: float, events_per_minute: float, ratio: float, *, dispersion: float = 1.0
) -> float:
    """Minutes until so many events, when both arms together have that many without an effect.

    The average of 1 and the effect is what both arms have with it. Infinite without events.
    """
    if events_per_minute <= 0:
        return math.inf
    return events * dispersion / (events_per_minute * (1 + ratio) / 2)


def gauge_steps(
    ratio: float, deviation: float, alpha: float, *, certainty: float = MEDIAN
) -> float:
    """Steps until a gauge's ratio is found; `deviation` is that of the log ratio of one step."""
    information = math.log(ratio) ** 2
    if deviation <= 0:
        return GAUGE_FLOOR
    return max(GAUGE_FLOOR, certainty * -math.log(alpha) * 2 * deviation**2 / information)
