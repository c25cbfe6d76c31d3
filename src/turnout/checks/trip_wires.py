"""The default of a watch: is the new group worse than the old one was just before the switch?"""

from __future__ import annotations

from datetime import datetime, timedelta

from turnout.checks.figures import per_mille, quantile
from turnout.model.checks import CheckAnswer, TripWires, Verdict
from turnout.model.traffic import GroupTraffic
from turnout.ports import CheckContext, Metrics

_P99 = 0.99


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
    """Fail when the new group is worse by more than allowed; with too few requests, inconclusive.

    Without figures of the source, failures count from zero and latency is not compared.
    """
    share = per_mille(new.failed, new.requests) or 0.0
    source_share = per_mille(source.failed, source.requests) or 0.0
    p99, source_p99 = quantile(new, _P99), quantile(source, _P99)
    compared = source.requests >= check.min_requests
    said = [
        f"{new.failed} of {new.requests} requests to {context.group} failed ({share:.4g} ‰"
        + (f", {context.source} had {source_share:.4g} ‰)" if compared else ")")
    ]
    if p99 is not None:
        said.append(
            f"p99 {p99:.4g} ms"
            + (f" ({source_p99:.4g} ms before)" if compared and source_p99 is not None else "")
        )
    figures: dict[str, float] = {"requests": new.requests, "failed": new.failed}
    figures |= {"error_share": round(share, 3), "source_error_share": round(source_share, 3)}
    figures |= {"p99_ms": round(p99, 3)} if p99 is not None else {}
    figures |= {"source_p99_ms": round(source_p99, 3)} if source_p99 is not None else {}
    verdict, why = Verdict.PASS, ""
    if new.requests < check.min_requests:
        verdict = Verdict.INCONCLUSIVE
        why = f"at least {check.min_requests} requests are needed to say anything"
    elif new.failed >= check.min_failed and share > source_share + check.error_increase:
        verdict, why = Verdict.FAIL, f"at most {source_share + check.error_increase:.4g} ‰ allowed"
    elif compared and p99 is not None and source_p99 is not None:
        allowed = _most_latency(check, source_p99)
        if p99 > allowed:
            verdict, why = Verdict.FAIL, f"at most {allowed:.4g} ms allowed"
    if why:
        said.append(why)
    return CheckAnswer(check=check.name, verdict=verdict, sentence=", ".join(said), figures=figures)


def _most_latency(check: TripWires, source_p99: float) -> float:
    """Both must be exceeded: the factor, and the increase."""
    increase = check.latency_increase / timedelta(milliseconds=1)
    return max(source_p99 * check.latency_factor, source_p99 + increase)
