"""Whether a metric has enough data to be judged at all, and what is wrong if it has not.

Harm can be found in whatever there is; but nothing passes on what is not there.
"""

from __future__ import annotations

from turnout.analysis.sequential.count_evidence import CountEvidence
from turnout.analysis.sequential.duration import GAUGE_FLOOR
from turnout.analysis.sequential.gauge_evidence import warm_up
from turnout.analysis.sequential.metric import Kind, Metric
from turnout.analysis.sequential.sentences import tell_time
from turnout.analysis.sequential.state import Track

FEWEST_REQUESTS = 50
"""Of each arm, for proportions and latencies."""

FEWEST_BETS = int(GAUGE_FLOOR)
"""Steps of a gauge after its warm-up: with fewer, no harm is large enough to be found."""

LONGEST_SILENCE = 0.25
"""Part of the time at whose end no request came."""

_ROUNDING = 1e-6
_MONTH = 30 * 86400

MOST_UNUSABLE = 0.1
"""If more of the steps had no usable figures, those that had may be the good ones."""


def find_problem(metric: Metric, track: Track, seconds: float) -> str:
    """A sentence without its subject; empty when the metric can be judged.

    `seconds` is the time for which there should be figures: a metric that fell silent is not fine.
    """
    tally = track.tally
    whole = int(seconds / metric.step.total_seconds() + _ROUNDING)  # a step begun is not expected
    absent = max(0, whole - tally.closed)
    if not tally.closed:
        return "not enough data: no step was reported"
    if tally.only_canary == tally.closed:
        return f"only the canary has it ({tally.closed} steps); there is nothing to compare with"
    if tally.only_baseline == tally.closed:
        return f"only the baseline has it ({tally.closed} steps); the canary does not report it"
    expected, unusable = tally.closed + absent, tally.unusable + absent
    if unusable > MOST_UNUSABLE * expected:
        reasons = _reasons(track, absent)
        return f"not enough data: {unusable} of {expected} steps cannot be used ({reasons})"
    if isinstance(track.evidence, CountEvidence):
        return _too_little_traffic(metric, track, track.evidence) or _silence(metric, track)
    needed = warm_up(metric) + FEWEST_BETS
    return f"not enough data: {tally.used} of {needed} steps" if tally.used < needed else ""


def _too_little_traffic(metric: Metric, track: Track, evidence: CountEvidence) -> str:
    canary, baseline = evidence.exposure_canary, evidence.exposure_baseline
    if metric.kind is Kind.COUNT:
        is_enough = canary > 0 and baseline > 0
        return "" if is_enough else f"not enough data: exposure {canary:g} against {baseline:g}"
    if min(canary, baseline) >= FEWEST_REQUESTS:
        return ""
    return (
        f"not enough data: {canary:,.0f} requests in the canary and {baseline:,.0f} in the"
        f" baseline; each needs {FEWEST_REQUESTS}{_time_needed(metric, track, evidence)}"
    )


def _time_needed(metric: Metric, track: Track, evidence: CountEvidence) -> str:
    """From how many there were so far."""
    fewest = min(evidence.exposure_canary, evidence.exposure_baseline)
    if fewest <= 0:
        return ""
    steps = track.tally.closed * (FEWEST_REQUESTS / fewest - 1)
    seconds = steps * metric.step.total_seconds()
    if seconds > _MONTH:
        return ", which takes more than a month at this rate"
    return f", which takes about {tell_time(seconds)} more at this rate"


def _silence(metric: Metric, track: Track) -> str:
    """Requests that stop are no good news: what would have shown the harm may be what stopped."""
    if metric.kind is Kind.COUNT:
        return ""
    steps = track.last + 1
    silent = steps - track.tally.busy_until
    if silent <= LONGEST_SILENCE * steps:
        return ""
    told = tell_time(silent * metric.step.total_seconds())
    return f"not enough data: no request came in the last {told}"


def _reasons(track: Track, absent: int) -> str:
    tally = track.tally
    told = (
        (absent, "not reported"),
        (tally.missing, "missing in both arms"),
        (tally.only_canary, "missing in the baseline"),
        (tally.only_baseline, "missing in the canary"),
        (tally.impossible, "infinite, negative, too large or contradictory"),
    )
    return ", ".join(f"{count} {why}" for count, why in told if count)
