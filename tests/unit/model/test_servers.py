from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.model.servers import needed, ready_count


@pytest.mark.parametrize(
    ("size", "share", "count"),
    [(3, 0, 0), (3, 1, 1), (3, 333, 1), (3, 334, 2), (3, 1000, 3), (10, 250, 3), (0, 1000, 0)],
)
def test_a_share_needs_its_part_of_the_instances_rounded_up(
    size: int, share: int, count: int
) -> None:
    assert needed(size, share) == count


@pytest.mark.parametrize(
    ("size", "healthy_share", "count"),
    [(3, 1000, 3), (3, 500, 2), (3, 1, 1), (0, 1000, 0), (4, 750, 3), (3, 0, 1)],
)
def test_a_group_is_ready_with_its_share_of_healthy_instances_at_least_one(
    size: int, healthy_share: int, count: int
) -> None:
    assert ready_count(size, healthy_share) == count


@given(st.integers(1, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_what_two_parts_of_the_traffic_need_is_enough_for_both(
    size: int, one: int, other: int
) -> None:
    if one + other <= 1000:
        assert needed(size, one) + needed(size, other) >= needed(size, one + other)
    assert needed(size, one) * 1000 >= size * one
