"""The share of alpha that is kept for the planned end.

An e-process may be looked at whenever one likes, and pays for it with power. Half of alpha goes to
it, half to one exact test at the end; the total is at most alpha (union bound), and almost the
power of the exact test alone comes back.
"""

from __future__ import annotations

from scipy.special import betainc

END_SHARE = 0.5


def anytime_alpha(alpha: float, *, has_end_test: bool) -> float:
    """What is left for looking at any time."""
    return alpha * (1 - END_SHARE) if has_end_test else alpha


def end_alpha(alpha: float, weight: float) -> float:
    """The level of one metric's test at the end; `weight` is its part among those that have one."""
    return alpha * END_SHARE * weight


def conditional_binomial_p(events_canary: float, events_both: float, probability: float) -> float:
    """P(Bin(N, θ) >= X): how often chance alone gives the canary so many of the events.

    With a split that varies, θ is the average over the events. The tail of such a sum is then at
    most that of the binomial for X >= Nθ + 1 (Hoeffding, Ann. Math. Stat. 27, 1956); below that
    there is nothing to report anyway, and the answer is 1. Counts that were divided by a dispersion
    need not be whole.
    """
    if events_canary < events_both * probability + 1:
        return 1.0
    return float(betainc(events_canary, events_both - events_canary + 1, probability))
