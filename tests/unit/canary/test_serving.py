"""Who served, and when, from the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from turnout.canary.serving import Period, Switch, find_periods, find_switch
from turnout.model.errors import NotFound
from turnout.model.journal import SplitRecord

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def split(generation: int, minutes: float, **shares: int) -> SplitRecord:
    return SplitRecord(
        cluster="shop",
        generation=generation,
        shares={f"shop-{name}": share for name, share in shares.items()},
        deployment="d-1",
        requested_at=at(minutes),
        confirmed_at=at(minutes + 0.5),
    )


FIRST, MOVING = split(1, 0, v001=1000), split(2, 60, v001=950, v002=50)
SECOND = split(3, 70, v002=1000)


def test_a_period_lasts_from_the_confirmed_change_to_the_next_request_for_one() -> None:
    found = list(find_periods([SECOND, FIRST, MOVING], at(100)))
    assert found == [
        Period("shop-v001", at(0.5), at(60)),
        Period("shop-v002", at(70.5), at(100)),
    ]


def test_a_change_to_the_same_group_ends_nothing() -> None:
    assert list(find_periods([FIRST, split(2, 30, v001=1000)], at(60))) == [
        Period("shop-v001", at(0.5), at(60))
    ]


def test_the_switch_is_between_the_two_groups_that_served() -> None:
    periods = list(find_periods([FIRST, MOVING, SECOND], at(100)))
    switch = Switch("shop-v001", "shop-v002", began=at(60), ended=at(70.5))
    assert find_switch(periods) == find_switch(periods, "shop-v002") == switch
    with pytest.raises(NotFound, match="no group that served before shop-v001"):
        find_switch(periods, "shop-v001")


def test_a_canary_that_was_taken_back_is_no_switch() -> None:
    periods = list(find_periods([FIRST, MOVING, split(3, 65, v001=1000)], at(100)))
    assert [period.group for period in periods] == ["shop-v001", "shop-v001"]
    with pytest.raises(NotFound):
        find_switch(periods)
