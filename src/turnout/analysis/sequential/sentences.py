"""What the judge says, to people who know no statistics. Every sentence is in this one place."""

from __future__ import annotations

import math
from collections.abc import Sequence

from turnout.analysis.sequential.exposure import ExposureCheck
from turnout.analysis.sequential.metric import Direction, Kind, Metric, Scale
from turnout.analysis.sequential.outcome import Finding, MetricVerdict
from turnout.model.words import MOST_TOLD

_MANY = 1e9

DOUBTFUL = 3.0
"""From this e-value on nobody is told when safety is expected: harm may come first."""


def tell_metric(metric: Metric, found: MetricVerdict) -> str:
    """The figures of a metric and what follows from them."""
    name = metric.name[:1].upper() + metric.name[1:]
    if found.problem and found.finding is not Finding.HARM:
        return f"{name}: {found.problem}."
    return f"{name}: {_figures(metric, found)}; {_conclusion(metric, found)}."


def tell_failure(harmful: Sequence[str], seconds: float) -> str:
    """Why it failed."""
    return f"Failed after {tell_time(seconds)}. {_some(harmful)}"


def tell_joint_failure(worst: str, seconds: float, peak: float) -> str:
    """If only all metrics together show harm: the one that shows most, and the canary's log-e."""
    return (
        f"Failed after {tell_time(seconds)}: all metrics together show harm that chance alone would"
        f" show less than {tell_odds(math.exp(min(peak, 700)))}. Most of it: {worst}"
    )


def tell_early_pass(told: Sequence[str], seconds: float) -> str:
    """Before the planned end."""
    return f"Passed after {tell_time(seconds)}: harm is excluded. {_some(told)}"


def tell_end(told: Sequence[str]) -> str:
    """At the planned end, with the harm that remains possible."""
    return f"Passed: no harm was found. {_some(told)}"


def tell_running(told: Sequence[str]) -> str:
    """While nothing is decided."""
    return f"Undecided so far. {_some(told)}"


def tell_problems(problems: Sequence[str]) -> str:
    """At the end, if some metric could not be judged."""
    return f"Cannot be judged. {_some(problems)}"


def tell_mismatch(check: ExposureCheck, harmful: Sequence[str] = ()) -> str:
    """If requests were not shared out as they should have been; with the harm that is seen all the
    same, for the person who decides."""
    total = check.requests_canary + check.requests_baseline
    return (
        f"Cannot be judged: the canary got {_percent(check.requests_canary / total)} of"
        f" {total:,.0f} requests and should have got {_percent(check.share)}. Something sorts the"
        " requests, so the two groups do not see the same ones; look at the router and at retries."
        f"{f' What is seen all the same: {_some(harmful)}' if harmful else ''}"
    )


def tell_time(seconds: float) -> str:
    """Seconds up to two minutes, then minutes, then hours."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def tell_odds(e_value: float) -> str:
    """1/e as a frequency, rounded down to two digits."""
    if e_value >= _MANY:
        return "once in a billion canaries"
    unit = 10 ** max(int(math.log10(e_value)) - 1, 0)
    return f"once in {int(e_value / unit) * unit:,} canaries"


def _some(told: Sequence[str]) -> str:
    """Those that come first, and how many more metrics there are."""
    more = len(told) - MOST_TOLD
    rest = [f"And {more} more {'metric' if more == 1 else 'metrics'}."] if more > 0 else []
    return " ".join([*told[:MOST_TOLD], *rest])


def _figures(metric: Metric, found: MetricVerdict) -> str:
    samples = found.samples
    if metric.kind is Kind.GAUGE:
        return _level(metric, found)
    if metric.kind is Kind.COUNT:
        return (
            f"{_number(samples.events_canary)} in the canary against"
            f" {_number(samples.events_baseline)} in the baseline{_times(found.estimate)}"
        )
    slower = "" if samples.threshold is None else f" were slower than {samples.threshold:g} ms"
    canary = _percent(samples.events_canary / max(samples.exposure_canary, 1))
    baseline = _percent(samples.events_baseline / max(samples.exposure_baseline, 1))
    return (
        f"{canary} of {samples.exposure_canary:,.0f} requests in the canary{slower} against"
        f" {baseline} of {samples.exposure_baseline:,.0f} in the baseline"
    )


def _times(ratio: float) -> str:
    return f", {ratio:.2g} times as many for the same exposure" if math.isfinite(ratio) else ""


def _level(metric: Metric, found: MetricVerdict) -> str:
    if metric.scale is Scale.DIFFERENCE:
        side = "above" if found.estimate >= 0 else "below"
        return f"{abs(found.estimate):.3g} {side} the baseline over {found.samples.steps} steps"
    change = abs(found.estimate - 1)
    if change < 0.0005:
        return f"the same as in the baseline over {found.samples.steps} steps"
    side = "higher" if found.estimate > 1 else "lower"
    return f"{_percent(change)} {side} than in the baseline over {found.samples.steps} steps"


def _conclusion(metric: Metric, found: MetricVerdict) -> str:
    if found.finding is Finding.HARM:
        evidence = max(found.peak_e_value, 1 / found.end_p if found.end_p else 0.0)
        return f"chance alone would show this less than {tell_odds(evidence)}"
    limit = _limit(metric, found)
    if share := evidence_share(found):
        return f"{limit}, and there is {share:.0%} of the evidence that a failure needs"
    if found.minutes_needed is None:
        return limit
    return f"{limit}, about {tell_time(60 * found.minutes_needed)} more to decide"


def evidence_share(found: MetricVerdict) -> float:
    """How far it is to a failure by this metric alone; 0 = nothing that is worth a word."""
    if found.e_value < DOUBTFUL or found.level <= 1:
        return 0.0
    return min(math.log(found.e_value) / math.log(found.level), 0.99)


def _limit(metric: Metric, found: MetricVerdict) -> str:
    """The harm that the confidence sequence excludes."""
    told = []
    if metric.direction is not Direction.DECREASE:
        told += _bound("increase", found.high, metric)
    if metric.direction is not Direction.INCREASE:
        told += _bound("decrease", found.low, metric)
    return (
        f"{' and '.join(told)} {'are' if len(told) > 1 else 'is'} excluded"
        if told
        else ("no difference is excluded yet")
    )


def _bound(word: str, end: float, metric: Metric) -> list[str]:
    if metric.scale is Scale.DIFFERENCE:
        size, is_bounded = end if word == "increase" else -end, math.isfinite(end)
        return [f"{_article(word)} of more than {max(size, 0):.3g}"] if is_bounded else []
    change = end - 1 if word == "increase" else 1 - end
    if not math.isfinite(end) or end == 0:
        return []
    return [f"{_article(word)} above {_percent(max(change, 0.0))}"]


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _percent(part: float) -> str:
    if 0 < part < 0.0001:
        return f"{100 * part:.1g} %"
    digits = 2 if part < 0.0095 and part else 1 if part < 0.0995 else 0
    return f"{100 * part:,.{digits}f} %" if part else "0 %"
