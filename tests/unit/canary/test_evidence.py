from __future__ import annotations

import math

from turnout.canary.evidence import Evidence, Slice, write_slices

NAN = math.nan


def look(
    first: int, *values: float, metric: str = "cpu", tags: dict[str, str] | None = None
) -> str:
    twice = tuple(2 * value for value in values)
    one = Slice(metric="cpu", tags=tags or {}, first=first, canary=(values,), baseline=(twice,))
    return write_slices([one])


def test_looks_are_put_together_to_one_slice_of_each_series() -> None:
    evidence = Evidence()
    evidence.add([look(0, 1.0, 2.0), look(0, 7.0, tags={"zone": "a"}), look(2, 3.0)])
    assert evidence.looks == 3
    assert evidence.slices == (
        Slice(metric="cpu", first=0, canary=((1.0, 2.0, 3.0),), baseline=((2.0, 4.0, 6.0),)),
        Slice(metric="cpu", tags={"zone": "a"}, first=0, canary=((7.0,),), baseline=((14.0,),)),
    )


def test_a_step_that_was_kept_twice_counts_once() -> None:
    evidence = Evidence()
    evidence.add([look(0, 1.0, 2.0), look(1, 9.0, 3.0), look(0, 9.0)])
    (one,) = evidence.slices
    assert one.canary == ((1.0, 2.0, 3.0),)


def test_behind_a_gap_another_slice_begins() -> None:
    evidence = Evidence()
    evidence.add([look(0, 1.0), look(5, 2.0)])
    assert [(one.first, one.count) for one in evidence.slices] == [(0, 1), (5, 1)]


def test_a_window_that_looks_back_begins_before_the_first_step() -> None:
    evidence = Evidence()
    evidence.add([look(-2, 1.0, 2.0), look(0, 3.0)])
    assert [(one.first, one.canary) for one in evidence.slices] == [(-2, ((1.0, 2.0, 3.0),))]


def test_what_is_added_later_is_told_alone() -> None:
    evidence = Evidence()
    assert evidence.add([look(0, 1.0, 2.0)]) == evidence.slices
    (new,) = evidence.add([look(1, 9.0, 3.0)])
    assert (new.first, new.canary) == (2, ((3.0,),))
    assert evidence.add([look(0, 9.0)]) == ()


def test_a_missing_sample_stays_missing() -> None:
    evidence = Evidence()
    evidence.add([look(0, NAN, 2.0)])
    (one,) = evidence.slices
    assert math.isnan(one.canary[0][0])
    assert one.canary[0][1] == 2.0
