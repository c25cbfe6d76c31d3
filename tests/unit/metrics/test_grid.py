from __future__ import annotations

import math
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.metrics.scopes import START, START_MS, scope
from turnout.metrics.grid import (
    MOST_STEPS,
    Track,
    build_grid,
    build_windows,
    format_time,
    join,
    milliseconds,
    place,
)
from turnout.model.errors import InvalidDocument

MINUTE = 60_000
FIVE = scope(minutes=5)


def values(*samples: tuple[int, float | None]) -> tuple[float, ...]:
    return place(build_grid(FIVE), Track({}, samples)).values


def shown(found: tuple[float, ...]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in found]


def test_a_series_has_every_step_and_says_where_it_begins() -> None:
    series = place(build_grid(FIVE), Track({"zone": "a"}, ()))
    assert (series.start, series.step, len(series.values)) == (START, timedelta(minutes=1), 5)
    assert series.tags == {"zone": "a"}
    assert series.end == FIVE.end


def test_a_step_without_a_sample_is_missing_and_not_zero() -> None:
    found = values((START_MS, 1.0), (START_MS + 2 * MINUTE, 0.0))
    assert shown(found) == [1.0, None, 0.0, None, None]


def test_null_and_nan_are_no_samples() -> None:
    nothing = [(START_MS + 1, None), (START_MS + 2, math.nan), (START_MS + MINUTE, math.nan)]
    found = values((START_MS, 3.0), *nothing)
    assert shown(found) == [3.0, None, None, None, None]


def test_infinity_is_a_sample() -> None:
    assert values((START_MS, math.inf))[0] == math.inf


def test_a_sample_off_the_grid_belongs_to_the_step_it_falls_in() -> None:
    found = values((START_MS + MINUTE - 1, 1.0), (START_MS + MINUTE, 2.0))
    assert shown(found) == [1.0, 2.0, None, None, None]


def test_the_last_of_several_samples_counts_whatever_their_order() -> None:
    early, late = (START_MS + 10_000, 1.0), (START_MS + 50_000, 2.0)
    assert values(early, late)[0] == values(late, early)[0] == 2.0


def test_what_is_outside_of_the_scope_is_dropped() -> None:
    assert shown(values((START_MS - 1, 1.0), (START_MS + 5 * MINUTE, 2.0))) == [None] * 5


def test_a_part_of_a_step_at_the_end_is_left_out() -> None:
    assert build_grid(scope(minutes=5.5)).count == 5


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (scope(step=0), "scope.step: 0 s is too short"),
        (scope(minutes=0.5), "scope.end: the time from start to end is shorter than a step"),
        (scope(minutes=-5), "scope.end"),
        (scope(minutes=MOST_STEPS, step=1), "too many"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(asked: object, said: str) -> None:
    with pytest.raises(InvalidDocument, match=said):
        build_grid(asked)  # type: ignore[arg-type]


@given(st.integers(1, 200), st.integers(1, 50))
def test_windows_cover_the_scope_without_gap_and_overlap(minutes: int, most: int) -> None:
    whole = scope(minutes=minutes)
    windows = build_windows(whole, most)
    assert windows[0].start == whole.start
    assert windows[-1].end == whole.end
    assert all(a.end == b.start for a, b in pairwise(windows))
    assert all(build_grid(window).count <= most for window in windows)
    assert sum(build_grid(window).count for window in windows) == minutes


def test_a_series_goes_on_in_the_next_window() -> None:
    first = [Track({"a": "1"}, ((0, 1.0),)), Track({"a": "2"}, ((0, 2.0),))]
    second = [Track({"a": "2"}, ((1, 3.0),))]
    assert join([first, second]) == [
        Track({"a": "1"}, ((0, 1.0),)),
        Track({"a": "2"}, ((0, 2.0), (1, 3.0))),
    ]


def test_series_with_the_same_tags_are_not_mixed() -> None:
    twins = [Track({}, ((0, 1.0),)), Track({}, ((0, 2.0),))]
    assert join([twins]) == twins


@given(st.lists(st.tuples(st.integers(-MINUTE, 6 * MINUTE), st.floats(-1e9, 1e9)), max_size=30))
def test_every_value_of_a_step_was_sampled_in_it(samples: list[tuple[int, float]]) -> None:
    found = values(*((START_MS + time, value) for time, value in samples))
    for number, value in enumerate(found):
        inside = [(t, v) for t, v in samples if number * MINUTE <= t < (number + 1) * MINUTE]
        if not inside:
            assert math.isnan(value)
        else:
            newest = max(time for time, _ in inside)
            assert value in [v for time, v in inside if time == newest]


def test_times_are_told_in_utc_and_as_short_as_they_are_exact() -> None:
    assert format_time(START) == "2026-03-01T12:00:00Z"
    assert format_time(START + timedelta(microseconds=1999)) == "2026-03-01T12:00:00.001Z"
    assert milliseconds(START) == START_MS
