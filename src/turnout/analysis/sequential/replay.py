"""The judge on history, where nothing changed: how often would it have failed a good canary?

The only honest check of a configuration, and of differences between pods that no test can tell from
those between versions. Pure: whoever calls it reads the history, draws the windows and splits the
pods at random; chance comes in as finished arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betaincinv, stdtrit

from turnout.analysis.sequential.judge import advance, start
from turnout.analysis.sequential.metric import (
    EventSteps,
    GaugeSteps,
    LatencySteps,
    Metric,
    Scale,
    Steps,
)
from turnout.analysis.sequential.mixtures import Floats
from turnout.analysis.sequential.outcome import Answer, Finding, Verdict
from turnout.analysis.sequential.verdicts import finish

Window = Mapping[str, Steps]
"""A stretch of history without a deployment, split into two arms; by metric."""

Judge = Callable[[Window], Verdict]

_FEWEST_RATIOS = 3


@dataclass(frozen=True, slots=True)
class Alarms:
    """How many of so many independent windows, with an exact interval of the rate."""

    count: int
    windows: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Replay:
    """`canary` counts windows that failed, `metrics` those in which a metric was found harmful.

    `inconclusive` ones could not be judged; they are no alarms, and no proof of silence either.
    """

    canary: Alarms
    metrics: dict[str, Alarms]
    inconclusive: int
    seconds: tuple[float, ...]
    """When the failed ones failed, at the latest: the end of their last step if only then."""


def judge_window(
    metrics: Sequence[Metric],
    *,
    alpha: float = 0.01,
    beta: float = 0.05,
    planned_steps: int,
    expected_share: float | None = 0.5,
) -> Judge:
    """The judge that a canary of this configuration gets, as a function of a whole window."""
    fresh = start(
        metrics,
        alpha=alpha,
        beta=beta,
        planned_steps=planned_steps,
        expected_share=expected_share,
    )
    return lambda window: finish(advance(fresh, window))


def replay(judge: Judge, windows: Sequence[Window], blocks: Sequence[int] | None = None) -> Replay:
    """Judge every window. Windows that overlap share a number in `blocks` and count as one, which
    alarms if any of them does. Raises ValueError without windows.
    """
    if not windows:
        raise ValueError("A replay needs at least one window of history.")
    verdicts = [judge(window) for window in windows]
    numbers = list(range(len(windows))) if blocks is None else list(blocks)
    failed = [found.answer is Answer.FAIL for found in verdicts]
    harmful = {
        metric.name: [found.metrics[place].finding is Finding.HARM for found in verdicts]
        for place, metric in enumerate(verdicts[0].metrics)
    }
    return Replay(
        canary=_alarms(failed, numbers),
        metrics={name: _alarms(found, numbers) for name, found in harmful.items()},
        inconclusive=sum(found.answer is Answer.INCONCLUSIVE for found in verdicts),
        seconds=tuple(found.seconds for found in verdicts if found.answer is Answer.FAIL),
    )


def clopper_pearson(count: int, total: int, alpha: float = 0.05) -> tuple[float, float]:
    """The exact interval of a rate after `count` of `total`, two-sided at 1 - alpha."""
    low = float(betaincinv(count, total - count + 1, alpha / 2)) if count else 0.0
    high = float(betaincinv(count + 1, total - count, 1 - alpha / 2)) if count < total else 1.0
    return low, high


def inject(
    metric: Metric, steps: Steps, effect: float, uniform: Sequence[float] | None = None
) -> Steps:
    """The same history with harm in the canary: its figures times `effect`, for detection curves.

    Events are rounded to whole ones by `uniform`, numbers between 0 and 1, one for each step and
    threshold, so that their mean is right; without them to the nearest. A gauge that is compared by
    difference is moved by `effect`.
    """
    match steps:
        case GaugeSteps():
            values = np.asarray(steps.canary, dtype=float)
            is_moved = metric.scale is Scale.DIFFERENCE
            return replace(steps, canary=values + effect if is_moved else values * effect)
        case EventSteps():
            return replace(steps, events_canary=_scaled(steps.events_canary, effect, uniform))
        case LatencySteps():
            above = _scaled(steps.above_canary, effect, uniform)
            most = np.asarray(steps.requests_canary, dtype=float)[:, None]
            return replace(steps, above_canary=np.minimum(above, most))


def _scaled(events: object, effect: float, uniform: Sequence[float] | None) -> Floats:
    values = np.asarray(events, dtype=float) * effect
    chance = 0.5 if uniform is None else np.reshape(np.asarray(uniform), values.shape)
    return np.asarray(np.floor(values + chance), dtype=float)


def _alarms(is_alarm: Sequence[bool], blocks: Sequence[int]) -> Alarms:
    by_block: dict[int, bool] = {}
    for block, alarm in zip(blocks, is_alarm, strict=True):
        by_block[block] = by_block.get(block, False) or alarm
    count, total = sum(by_block.values()), len(by_block)
    return Alarms(count, total, *clopper_pearson(count, total))


def lasting_ratio(ratios: Sequence[float]) -> tuple[float, float]:
    """The 99 % interval (Student's t, of logarithms) of the ratio that two equal arms keep, from
    the ratio in each of several windows: what differs between their instances by itself. Not
    numbers with fewer than three windows.
    """
    logs = np.log(np.asarray(ratios, dtype=float))
    if len(logs) < _FEWEST_RATIOS:
        return math.nan, math.nan
    middle = float(np.mean(logs))
    reach = float(stdtrit(len(logs) - 1, 0.995) * np.std(logs, ddof=1)) / math.sqrt(len(logs))
    return math.exp(middle - reach), math.exp(middle + reach)
