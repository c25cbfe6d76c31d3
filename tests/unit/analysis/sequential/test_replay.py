"""The judge on history."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.random import default_rng

from tests.unit.analysis.sequential.traffic import METRICS, observe
from turnout.analysis.sequential import EventSteps, GaugeSteps, Kind, LatencySteps, Metric, Scale
from turnout.analysis.sequential.replay import (
    clopper_pearson,
    inject,
    judge_window,
    lasting_ratio,
    replay,
)

JUDGE = judge_window(METRICS[:1], planned_steps=60)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (0, 50, 0, 7.1),
        (0, 100, 0, 3.6),
        (0, 200, 0, 1.8),
        (2, 200, 0.1, 3.6),
        (5, 500, 0.3, 2.3),
    ],
)
def test_alarms_have_an_exact_interval(count: int, total: int, low: float, high: float) -> None:
    found = [100 * end for end in clopper_pearson(count, total)]
    assert found == pytest.approx([low, high], abs=0.05)


def windows(count: int) -> list[dict[str, EventSteps]]:
    rng = default_rng(61)
    found = []
    for _ in range(count):
        steps = observe(rng, range(60))["errors"]
        assert isinstance(steps, EventSteps)
        found.append({"errors": steps})
    return found


def test_quiet_history_raises_no_alarm_and_harm_in_it_is_found() -> None:
    quiet = windows(12)
    assert replay(JUDGE, quiet).canary.count == 0
    harmful = [{"errors": with_events(window["errors"])} for window in quiet]
    found = replay(JUDGE, harmful)
    assert found.canary.count == 12
    assert found.metrics["errors"].count == 12
    assert found.canary.high == 1.0


def with_events(steps: EventSteps) -> EventSteps:
    exposure = np.asarray(steps.exposure_canary)
    return EventSteps(
        steps.index, exposure // 10, exposure, steps.events_baseline, steps.exposure_baseline
    )


def test_windows_that_overlap_count_as_one() -> None:
    bad, good = {"errors": with_events(windows(1)[0]["errors"])}, windows(1)[0]
    found = replay(JUDGE, [bad, bad, good, good], blocks=[1, 1, 1, 2])
    assert (found.canary.count, found.canary.windows) == (1, 2)


def test_a_replay_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one window"):
        replay(JUDGE, [])


def test_an_injected_effect_multiplies_the_canary_only() -> None:
    gauge = Metric("CPU", Kind.GAUGE)
    moved = inject(gauge, GaugeSteps([0, 1], [2.0, 4.0], [2.0, 4.0]), 1.5)
    assert isinstance(moved, GaugeSteps)
    assert np.asarray(moved.canary).tolist() == [3, 6]
    assert moved.baseline == [2.0, 4.0]
    balance = Metric("balance", Kind.GAUGE, scale=Scale.DIFFERENCE)
    shifted = inject(balance, GaugeSteps([0], [-2.0], [-2.0]), 1.5)
    assert isinstance(shifted, GaugeSteps)
    assert np.asarray(shifted.canary).tolist() == [-0.5]


def test_injected_events_are_whole_and_right_on_average() -> None:
    events = np.full(4000, 3.0)
    steps = EventSteps(range(4000), events, events * 9, events, events * 9)
    more = inject(METRICS[0], steps, 1.25, uniform=default_rng(62).random(4000).tolist())
    assert isinstance(more, EventSteps)
    counted = np.asarray(more.events_canary)
    assert set(counted.tolist()) == {3.0, 4.0}
    assert counted.mean() == pytest.approx(3.75, abs=0.04)


def test_no_more_requests_are_slow_than_there_are() -> None:
    metric = Metric("latency", Kind.LATENCY, thresholds=(1.0, 2.0))
    steps = LatencySteps([0], [[8, 2]], [10], [[8, 2]], [10])
    slower = inject(metric, steps, 2.0)
    assert isinstance(slower, LatencySteps)
    assert np.asarray(slower.above_canary).tolist() == [[10, 4]]


def test_arms_that_differ_in_all_windows_have_a_lasting_ratio() -> None:
    reach = 9.9248432 * math.log(1.1) / math.sqrt(3)  # Student's t with 2 degrees, at 99.5 %
    found = lasting_ratio([1.2 / 1.1, 1.2, 1.2 * 1.1])
    assert found == pytest.approx((1.2 * math.exp(-reach), 1.2 * math.exp(reach)))


def test_arms_that_differ_by_chance_have_none() -> None:
    """At 99 % one of a hundred is wrong; the bound leaves four standard errors of that."""
    ratios = default_rng(63).lognormal(0, 0.3, (1000, 12))
    intervals = [lasting_ratio(row.tolist()) for row in ratios]
    wrong = sum(not low < 1 < high for low, high in intervals)
    assert wrong <= 10 + 4 * math.sqrt(10)


def test_two_windows_tell_nothing_that_lasts() -> None:
    assert all(math.isnan(end) for end in lasting_ratio([1.5, 1.5]))
