"""One figure of the router's counters against bounds."""

from __future__ import annotations

from datetime import datetime

from turnout.checks.figures import READINGS, figure
from turnout.model.checks import CheckAnswer, MetricCheck, Verdict
from turnout.model.traffic import GroupTraffic
from turnout.model.units import format_duration
from turnout.ports import CheckContext, Metrics


async def make_metric_check(
    check: MetricCheck, context: CheckContext, metrics: Metrics, now: datetime
) -> CheckAnswer:
    """Look once at the last `window`. Raises what the metrics raise."""
    window = await metrics.observe_window(context.cluster, context.group, now - check.window, now)
    return judge(check, context.group, window)


def judge(check: MetricCheck, group: str, window: GroupTraffic) -> CheckAnswer:
    """Pass within the bounds, fail outside, inconclusive with too few requests to say."""
    over = f"of {group} over the last {format_duration(check.window)}"
    value = figure(check.figure, window)
    figures = {"requests": float(window.requests)}
    if check.figure != "requests" and (value is None or window.requests < check.min_requests):
        return CheckAnswer(
            check=check.name,
            verdict=Verdict.INCONCLUSIVE,
            sentence=f"{window.requests} requests {over}, at least {max(check.min_requests, 1)} "
            "are needed to say anything",
            figures=figures,
        )
    reading, value = READINGS[check.figure], value or 0.0
    said = f"{reading.label} {over}: {reading.show(value)}"
    if check.figure != "requests":
        said += f" ({window.requests} requests)"
    verdict = Verdict.PASS
    if check.max is not None and value > check.max:
        verdict, said = Verdict.FAIL, f"{said}, at most {reading.show(check.max)} allowed"
    elif check.min is not None and value < check.min:
        verdict, said = Verdict.FAIL, f"{said}, at least {reading.show(check.min)} expected"
    return CheckAnswer(
        check=check.name,
        verdict=verdict,
        sentence=said,
        figures={**figures, check.figure: round(value, 3)},
    )
