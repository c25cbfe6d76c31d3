"""Every verdict explains itself, to people who know no statistics."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from numpy.random import default_rng

from tests.unit.analysis.sequential.traffic import METRICS, SECOND, observe
from turnout.analysis.sequential import (
    EventSteps,
    GaugeSteps,
    Kind,
    Metric,
    Scale,
    advance,
    finish,
    start,
    verdict,
)
from turnout.analysis.sequential.sentences import tell_odds, tell_time


def test_harm_is_told_with_its_figures_and_its_odds() -> None:
    state = start(METRICS[:1], planned_steps=60)
    steps = EventSteps(range(20), [1] * 20, [20] * 20, [0] * 20, [20] * 20)
    found = verdict(advance(state, {"errors": steps}))
    assert found.sentence == (
        "Failed after 12 s. Errors: 5.0 % of 400 requests in the canary against 0 % of 400 in the"
        " baseline; chance alone would show this less than once in 49,000 canaries."
    )


def test_a_gauge_is_told_in_percent_or_in_its_unit() -> None:
    noise = default_rng(51).normal(0, 0.01, (2, 60))
    ratio, difference = (
        Metric("CPU", Kind.GAUGE, step=SECOND),
        Metric("balance", Kind.GAUGE, scale=Scale.DIFFERENCE, margin=9, harm_of_interest=10),
    )
    found = verdict(
        advance(
            start([ratio, difference], planned_steps=60),
            {
                "CPU": GaugeSteps(range(60), 1.3 + noise[0], 1 + noise[1]),
                "balance": GaugeSteps(range(60), 5 + noise[0], noise[1]),
            },
        )
    )
    cpu, balance = (metric.sentence for metric in found.metrics)
    assert cpu.startswith("CPU: 30 % higher than in the baseline over 60 steps; chance alone")
    assert balance.startswith("Balance: 5 above the baseline over 60 steps; an increase of more")


def test_a_pass_tells_which_harm_remains_possible() -> None:
    state = advance(start(METRICS, planned_steps=200), observe(default_rng(52), range(200)))
    found = finish(state)
    assert found.sentence.startswith("Passed: no harm was found. Errors:")
    latency = found.metrics[1]
    assert f"an increase above {100 * (latency.high - 1):.0f} % is excluded" in latency.sentence


def test_an_open_metric_tells_how_long_it_still_needs() -> None:
    steps = EventSteps(range(60), [2] * 60, [100] * 60, [2] * 60, [100] * 60)
    state = advance(start(METRICS[:1], planned_steps=600), {"errors": steps})
    needed = verdict(state).metrics[0].minutes_needed
    assert needed == pytest.approx((1.3 * math.log(20) / 0.001135 - 240) / 4 / 60, rel=0.01)


def test_only_together_is_told_as_together() -> None:
    """Three metrics with the same evidence: 193 after 11 steps, 351 after 12. The canary fails at
    200, one metric at 600."""
    metrics = [Metric(name, Kind.PROPORTION, step=SECOND) for name in ("a", "b", "c")]
    state = start(metrics, planned_steps=60)
    for second in range(40):
        one = EventSteps([second], [1], [20], [0], [20])
        state = advance(state, {"a": one, "b": one, "c": one})
        found = verdict(state)
        if found.answer == "fail":
            break
    assert "all metrics together show harm" in found.sentence
    assert state.failed_at == 12


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (4816.0, "once in 4,800 canaries"),
        (250.0, "once in 250 canaries"),
        (1e12, "once in a billion canaries"),
    ],
)
def test_odds_are_rounded_down_to_two_digits(value: float, told: str) -> None:
    assert tell_odds(value) == told


def test_times_are_told_in_a_unit_that_fits() -> None:
    assert [tell_time(s) for s in (9, 600, 9000)] == ["9 s", "10 min", "2.5 h"]


def test_whoever_imports_the_package_pays_for_no_numbers() -> None:
    code = "import sys, turnout.analysis; assert not {'numpy', 'scipy'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_judge_does_without_the_heavy_part_of_scipy() -> None:
    code = "import sys, turnout.analysis.sequential; assert 'scipy.stats' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
