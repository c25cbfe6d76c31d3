"""How long a canary must run."""

from __future__ import annotations

import math
import random
from datetime import timedelta

import pytest

from turnout.canary.evidence import Slice
from turnout.canary.lasting import DurationTask, log_deviation, tell_duration
from turnout.canary.recorded import write_config
from turnout.documents.canary import default_config


def quiet(_doing: str, _done: float) -> None:
    pass


def given(**more: object) -> DurationTask:
    asked = {"shares": (500,), "rate": 100.0, "errors": 0.01, "regression": 1.05} | more
    return DurationTask.model_validate(asked)


def test_a_small_regression_of_errors_takes_hours_and_that_is_said() -> None:
    """A hundred requests a second, one per cent errors: one event a second, 5.5 h for a coin
    flip."""
    (row,) = tell_duration(given(), quiet).rows
    assert row.events == pytest.approx(20_125, rel=0.01)
    assert row.median_minutes == pytest.approx(327, rel=0.01)
    assert row.most_minutes == pytest.approx(503, rel=0.01)
    assert row.advice.startswith("A regression of 5 % needs 5.5 h")


def test_arms_of_a_tenth_take_ten_times_as_long() -> None:
    half, twentieth = tell_duration(given(shares=(500, 50)), quiet).rows
    assert twentieth.median_minutes == pytest.approx(10 * half.median_minutes)


def test_a_large_regression_needs_no_advice() -> None:
    (row,) = tell_duration(given(regression=None, to=0.05), quiet).rows
    assert row.ratio == pytest.approx(5)
    assert row.median_minutes < 5
    assert row.advice == ""


def test_what_is_no_regression_is_told() -> None:
    (same,) = tell_duration(given(regression=None, to=0.01), quiet).rows
    assert same.advice == "That is no regression: there are as many now."
    (row,) = tell_duration(given(regression=None, to=0.005), quiet).rows
    assert row.advice == "That is no regression: there are more now."
    assert math.isinf(row.median_minutes)


def test_a_gauge_is_as_noisy_as_its_neighbouring_steps() -> None:
    draw = random.Random(5)
    values = [100 * math.exp(draw.gauss(0, 0.1)) for _ in range(2000)]
    assert log_deviation(values) == pytest.approx(0.1 * math.sqrt(2), rel=0.1)
    assert math.isnan(log_deviation([1.0, 2.0]))


def test_history_is_measured_and_simulated_the_same_way_each_time() -> None:
    draw = random.Random(7)
    requests = tuple(float(draw.randint(90, 110)) for _ in range(900))
    errors = tuple(float(sum(draw.random() < 0.02 for _ in range(int(n)))) for n in requests)
    history = Slice(metric="errors", first=0, canary=(errors, requests), baseline=())
    task = given(
        rate=None,
        errors=None,
        regression=3.0,
        document=write_config(default_config()),
        slices=(history,),
    )
    result = tell_duration(task, quiet)
    (measured,), (row,) = result.measured, result.rows
    assert measured.rate == pytest.approx(100, rel=0.02)
    assert measured.part == pytest.approx(0.02, rel=0.1)
    assert row.simulated_median is not None
    assert row.simulated_most is not None
    assert 0 < row.simulated_median <= row.simulated_most
    assert timedelta(minutes=row.simulated_most) < timedelta(minutes=10)
    assert tell_duration(task, quiet) == result
