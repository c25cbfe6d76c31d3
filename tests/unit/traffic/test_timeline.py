from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.traffic.timeline import Timeline

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def looked(*looks: tuple[float, float]) -> Timeline:
    """Looks at the clocks: (wall time after noon, steady time)."""
    timeline = Timeline()
    for wall, steady in looks:
        timeline.look(at(wall), steady)
    return timeline


def test_without_a_jump_times_are_as_far_apart_as_ever() -> None:
    timeline = looked((0, 100), (1, 101), (2, 102))
    assert timeline.place(at(1.5)) == pytest.approx(101.5)
    assert timeline.place(at(-30)) == pytest.approx(70)
    assert timeline.place(at(2.1)) == pytest.approx(102.1)


def test_a_time_from_before_the_clock_was_set_back_is_found() -> None:
    timeline = looked((0, 100), (10, 110), (-3590, 111), (-3580, 121))
    assert timeline.place(at(5)) == pytest.approx(105)
    assert timeline.place(at(-3585)) == pytest.approx(116)


def test_a_time_from_before_the_clock_was_set_forward_is_found() -> None:
    timeline = looked((0, 100), (10, 110), (3611, 111), (3621, 121))
    assert timeline.place(at(5)) == pytest.approx(105)
    assert timeline.place(at(3615)) == pytest.approx(115)


def test_a_time_that_never_was_counts_from_now() -> None:
    timeline = looked((0, 100), (10, 110), (3611, 111))
    assert timeline.place(at(3606)) == pytest.approx(106)


def test_of_a_time_that_came_twice_the_last_one_counts() -> None:
    timeline = looked((0, 100), (10, 110), (5, 111), (15, 121))
    assert timeline.place(at(7)) == pytest.approx(113)


def test_a_clock_that_is_slewed_is_followed() -> None:
    timeline = looked((0, 100), (1.2, 101), (2.4, 102))
    assert timeline.place(at(2.4)) == pytest.approx(102)


def test_what_is_too_old_is_forgotten() -> None:
    timeline = looked((0, 100), (10, 110), (-3590, 111), (-3580, 121))
    timeline.forget_before(112)
    assert timeline.place(at(5)) > 121


def test_nobody_has_looked() -> None:
    with pytest.raises(LookupError):
        Timeline().place(NOON)


@given(
    jumps=st.lists(st.floats(-7200, 7200).filter(lambda j: abs(j) > 0.5), max_size=4),
    share=st.floats(0, 1),
)
def test_the_last_stretch_is_placed_as_if_nothing_had_happened(
    jumps: list[float], share: float
) -> None:
    timeline, offset, steady = Timeline(), 0.0, 100.0
    for jump in [0.0, *jumps]:
        offset += jump
        for _ in range(5):
            steady += 1
            timeline.look(at(steady + offset), steady)
    placed = steady - 4 * share
    assert timeline.place(at(placed + offset)) == pytest.approx(placed, abs=1e-3)
