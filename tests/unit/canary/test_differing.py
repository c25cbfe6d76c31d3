"""Groups that differ all the time, by metric."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.unit.canary.test_replaying import SUBJECT
from turnout.canary.differing import Difference, advise, measure_difference
from turnout.canary.evidence import Columns, Slice
from turnout.model.canary.options import Kind

GAUGE = replace(SUBJECT, kind=Kind.GAUGE, exposure=None)
HOLE = math.nan


def windows(canary: list[Columns], baseline: list[Columns]) -> list[Slice]:
    return [
        Slice(metric="errors", first=0, canary=ours, baseline=theirs)
        for ours, theirs in zip(canary, baseline, strict=True)
    ]


def test_a_gauge_that_is_always_higher_differs_by_its_ratio() -> None:
    found = measure_difference(GAUGE, windows([((3.0, HOLE, 3.0),)] * 4, [((2.0, 2.0, HOLE),)] * 4))
    assert (found.low, found.high) == pytest.approx((1.5, 1.5))
    assert found.proven == pytest.approx(0.5)


def test_events_are_taken_by_their_requests_and_unknown_steps_left_out() -> None:
    ours: Columns = ((4.0, HOLE, 5.0), (100.0, 100.0, 90.0))
    theirs: Columns = ((1.0, 1.0, 1.0), (20.0, 20.0, 30.0))
    found = measure_difference(SUBJECT, windows([ours] * 3, [theirs] * 3))
    assert found.low == pytest.approx((9.5 / 190) / (3.5 / 70))


def test_windows_without_requests_or_with_a_gauge_at_zero_are_left_out() -> None:
    nothing: Columns = ((0.0,), (0.0,))
    assert math.isnan(measure_difference(SUBJECT, windows([nothing] * 5, [nothing] * 5)).low)
    assert math.isnan(measure_difference(GAUGE, windows([((0.0,),)] * 5, [((1.0,),)] * 5)).low)


@pytest.mark.parametrize("between", [Difference(1.2, 1.3), Difference(1 / 1.3, 1 / 1.2)])
def test_either_group_may_have_more_for_either_may_be_the_canary(between: Difference) -> None:
    told = advise(SUBJECT, between)
    assert "differ by 20 % or more in all windows, which is above the margin of 0 %" in told
    assert told.endswith("take more instances for each arm, or write margin: 0.3")


@pytest.mark.parametrize("between", [Difference(), Difference(0.9, 1.4)])
def test_what_may_be_chance_is_not_told(between: Difference) -> None:
    assert advise(SUBJECT, between) == ""


def test_a_difference_within_the_margin_is_not_told() -> None:
    assert advise(replace(SUBJECT, margin=0.25), Difference(1.2, 1.4)) == ""
