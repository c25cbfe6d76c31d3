"""The default of a watch: is the new group worse than the old one was just before the switch?"""

from __future__ import annotations

from datetime import datetime, timedelta

from turnout.checks.chance import count_slower, tail, upper_limit
from turnout.checks.figures import per_mille, quantile
from turnout.model.checks import CheckAnswer, TripWires, Verdict
from turnout.model.traffic import GroupTraffic
from turnout.ports import CheckContext, Metrics

_P99 = 0.99

CHANCE = 1e-4
"""A wire trips when its figures would be rarer than this if all were as allowed. Small, because it
is looked at again and again: twice a second, for as long as the watch lasts.
"""


async def make_trip_wires(
    check: TripWires, context: CheckContext, metrics: Metrics, now: datetime
) -> CheckAnswer:
    """Compare once. Raises what the metrics raise."""
    switched = context.switched_at
    if switched is None:
        return CheckAnswer(
            check=check.name,
            verdict=Verdict.INCONCLUSIVE,
            sentence=f"{context.group} has had no traffic yet",
        )
    source = GroupTraffic()
    if context.source:
        source = await metrics.observe_window(
            context.cluster, context.source, switched - check.window, switched
        )
    since = max(switched, now - check.window)
    new = await metrics.observe_window(context.cluster, context.group, since, now)
    if new.requests < check.min_requests and since > switched:  # little traffic: look further back
        new = await metrics.observe_window(context.cluster, context.group, switched, now)
    return judge(check, context, new, source)


def judge(
    check: TripWires, context: CheckContext, new: GroupTraffic, source: GroupTraffic
) -> CheckAnswer:
    """Fail when the new group is worse by more than allowed, and by more than chance explains; with
    too few requests, inconclusive.

    Without figures of the source, failures count from zero and latency is not compared.
    """
    compared = source.requests >= check.min_requests
    known = source if compared else GroupTraffic()
    why = _judge_errors(check, new, known) or _judge_latency(check, new, known)
    said = [_say_errors(context, new, source if compared else None), *_say_latency(new, source)]
    verdict = Verdict.PASS
    if new.requests < check.min_requests:
        verdict = Verdict.INCONCLUSIVE
        said.append(f"at least {check.min_requests} requests are needed to say anything")
    elif why:
        verdict = Verdict.FAIL
        said.append(why)
    return CheckAnswer(
        check=check.name,
        verdict=verdict,
        sentence=", ".join(said),
        figures=_figures(new, source),
    )


def _judge_errors(check: TripWires, new: GroupTraffic, source: GroupTraffic) -> str:
    """Why the failures trip, empty when they do not."""
    allowed = upper_limit(source.failed, source.requests) + check.error_increase / 1000
    is_worse = new.failed >= check.min_failed and new.failed > new.requests * allowed
    if is_worse and tail(new.failed, new.requests, allowed) < CHANCE:
        return f"at most {1000 * allowed:.4g} ‰ allowed"
    return ""


def _judge_latency(check: TripWires, new: GroupTraffic, source: GroupTraffic) -> str:
    """Why the latency trips: more requests than 1 % are slower than the allowed p99."""
    source_p99 = quantile(source, _P99)
    if source_p99 is None:
        return ""
    increase = check.latency_increase / timedelta(milliseconds=1)
    allowed = max(source_p99 * check.latency_factor, source_p99 + increase)
    slower, of = count_slower(new, allowed)
    if (quantile(new, _P99) or 0) > allowed and tail(slower, of, 1 - _P99) < CHANCE:
        return f"at most {allowed:.4g} ms allowed"
    return ""


def _say_errors(context: CheckContext, new: GroupTraffic, source: GroupTraffic | None) -> str:
    told = f"{new.failed} of {new.requests} requests to {context.group} failed"
    share = f"{per_mille(new.failed, new.requests) or 0:.4g} ‰"
    if source is not None:
        share += f", {context.source} had {per_mille(source.failed, source.requests) or 0:.4g} ‰"
    return f"{told} ({share})"


def _say_latency(new: GroupTraffic, source: GroupTraffic) -> list[str]:
    p99, source_p99 = quantile(new, _P99), quantile(source, _P99)
    if p99 is None:
        return []
    before = "" if source_p99 is None else f" ({source_p99:.4g} ms before)"
    return [f"p99 {p99:.4g} ms{before}"]


def _figures(new: GroupTraffic, source: GroupTraffic) -> dict[str, float]:
    found = {
        "requests": new.requests,
        "failed": new.failed,
        "error_share": per_mille(new.failed, new.requests) or 0.0,
        "source_error_share": per_mille(source.failed, source.requests) or 0.0,
        "p99_ms": quantile(new, _P99),
        "source_p99_ms": quantile(source, _P99),
    }
    return {name: round(value, 3) for name, value in found.items() if value is not None}
