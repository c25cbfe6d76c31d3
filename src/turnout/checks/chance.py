"""How likely a count is to be chance. Pure."""

from __future__ import annotations

import math

from turnout.model.traffic import GroupTraffic

_SURE = 2.0
"""Standard errors of the upper limit of a share."""


def tail(failed: int, requests: int, share: float) -> float:
    """The probability of at least so many failures among so many requests when each fails with
    probability `share`: the upper tail of the binomial distribution.
    """
    if failed <= 0 or share >= 1:
        return 1.0
    if share <= 0:
        return 0.0
    if failed <= requests * share:
        return 1.0  # no surprise at all; the exact figure does not matter
    log_term = (
        math.lgamma(requests + 1)
        - math.lgamma(failed + 1)
        - math.lgamma(requests - failed + 1)
        + failed * math.log(share)
        + (requests - failed) * math.log1p(-share)
    )
    term = total = math.exp(log_term)
    odds = share / (1 - share)
    for count in range(failed, requests):  # falls faster than a geometric series
        term *= (requests - count) / (count + 1) * odds
        total += term
        if term < total * 1e-12:
            break
    return min(1.0, total)


def upper_limit(failed: int, requests: int) -> float:
    """The largest share that these figures leave plausible: the upper end of Wilson's interval
    (E. B. Wilson, JASA 22, 1927) at two standard errors. 0 of nothing.
    """
    if not requests:
        return 0.0
    share, z2 = failed / requests, _SURE**2
    centre = share + z2 / (2 * requests)
    spread = _SURE * math.sqrt(share * (1 - share) / requests + z2 / (4 * requests**2))
    return min(1.0, (centre + spread) / (1 + z2 / requests))


def count_slower(traffic: GroupTraffic, limit_ms: float) -> tuple[int, int]:
    """How many requests certainly took longer than this, and of how many."""
    total = traffic.latency_ms[-1][1] if traffic.latency_ms else 0
    within = next((count for bound, count in traffic.latency_ms if bound >= limit_ms), total)
    return total - within, total
