"""Section 11."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.analysis.compatible.builders import result
from turnout.analysis.compatible.intervals import (
    FEW_SAMPLES_WARNING,
    Decision,
    Schedule,
    decide,
    must_stop,
    plan_windows,
    sample_warning,
)
from turnout.model.canary.result import MetricResult, SideMetadata, Stats

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def windows(**schedule: object) -> list[tuple[float, float]]:
    """Begin and end in minutes after noon."""
    found = plan_windows(Schedule(NOON, **schedule))  # type: ignore[arg-type]  # as given
    return [((w.start - NOON) / MINUTE, (w.end - NOON) / MINUTE) for w in found]


def test_windows_grow() -> None:
    assert windows(lifetime=60 * MINUTE, interval=20 * MINUTE) == [(0, 20), (0, 40), (0, 60)]


def test_what_is_left_of_the_lifetime_is_not_judged() -> None:
    assert windows(lifetime=50 * MINUTE, interval=20 * MINUTE) == [(0, 20), (0, 40)]


@pytest.mark.parametrize("interval", [None, 0 * MINUTE, 61 * MINUTE])
def test_without_a_usable_interval_there_is_one_judgement(interval: timedelta | None) -> None:
    assert windows(lifetime=60 * MINUTE, interval=interval) == [(0, 60)]


def test_a_delay_moves_windows_unless_an_end_is_given() -> None:
    delayed = {"interval": 10 * MINUTE, "begin_after": 5 * MINUTE}
    assert windows(lifetime=20 * MINUTE, **delayed) == [(5, 15), (5, 25)]
    assert windows(end=NOON + 20 * MINUTE, **delayed) == [(0, 10), (0, 20)]


def test_an_end_counts_in_whole_minutes_and_before_a_lifetime() -> None:
    end = NOON + timedelta(minutes=9, seconds=59)
    assert windows(end=end, lifetime=60 * MINUTE) == [(0, 9)]


def test_a_lookback_makes_windows_slide() -> None:
    assert windows(lifetime=30 * MINUTE, interval=10 * MINUTE, lookback=5 * MINUTE) == [
        (5, 10),
        (15, 20),
        (25, 30),
    ]


def test_the_control_window_may_be_earlier() -> None:
    schedule = Schedule(NOON, lifetime=10 * MINUTE, control_offset=60 * MINUTE)
    (window,) = plan_windows(schedule)
    assert window.control_start == NOON - 60 * MINUTE
    assert window.control_end == NOON - 50 * MINUTE


def test_some_end_is_needed() -> None:
    with pytest.raises(ValueError, match="without an end or a lifetime"):
        plan_windows(Schedule(NOON))


def test_no_time_has_no_judgement() -> None:
    assert windows(end=NOON) == []


@pytest.mark.parametrize(
    ("score", "pass_", "marginal", "expected"),
    [
        (1.0, None, None, Decision(True, "No score thresholds were specified.")),
        (
            75.0,
            95.0,
            75.0,
            Decision(False, "Final canary score 75.0 is not above the marginal score threshold."),
        ),
        (
            75.01,
            95.0,
            75.0,
            Decision(False, "Final canary score 75.01 is below the pass score threshold."),
        ),
        (
            95.0,
            95.0,
            75.0,
            Decision(True, "Final canary score 95.0 met or exceeded the pass score threshold."),
        ),
        (
            76.0,
            None,
            75.0,
            Decision(True, "Final canary score 76.0 met or exceeded the pass score threshold."),
        ),
        (
            10.0,
            95.0,
            None,
            Decision(False, "Final canary score 10.0 is below the pass score threshold."),
        ),
    ],
)
def test_the_last_score_decides(
    score: float, pass_: float | None, marginal: float | None, expected: Decision
) -> None:
    assert decide(score, pass_=pass_, marginal=marginal) == expected


def test_a_score_at_the_marginal_threshold_stops_it() -> None:
    assert must_stop(75.0, marginal=75.0)
    assert not must_stop(75.01, marginal=75.0)
    assert not must_stop(0.0, marginal=None)


def with_samples(count: int) -> MetricResult:
    stats = Stats(min=0, max=0, mean=0, std=0, count=count)
    return result("Pass").model_copy(update={"control_metadata": SideMetadata(stats=stats)})


def test_few_control_samples_are_warned_of() -> None:
    assert sample_warning([with_samples(50), with_samples(49)], store="prometheus") == (
        FEW_SAMPLES_WARNING
    )
    assert sample_warning([with_samples(50)], store="prometheus") == ""
    assert sample_warning([with_samples(1)], store="datadog") == ""
