from __future__ import annotations

import math
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.history import Counts, Grid, Means, Sample

NAN: Any = pytest.approx(math.nan, nan_ok=True)  # equals itself


def sample(begin: float, end: float, requests: float = 1) -> Sample:
    return Sample(end, end - begin, {"requests": requests})


def counted(grid: Grid, samples: Iterable[Sample]) -> list[float]:
    counts = Counts(grid)
    for one in samples:
        counts.add(one)
    return list(counts.column("requests"))


def every_second(begin: int, end: int) -> list[Sample]:
    return [sample(second, second + 1) for second in range(begin, end)]


def test_seconds_add_up_to_steps() -> None:
    assert counted(Grid(100, 10, 3), every_second(90, 140)) == [10, 10, 10]
    assert counted(Grid(100, 1, 3), every_second(90, 140)) == [1, 1, 1]


def test_a_column_that_was_never_counted_is_zero_where_somebody_looked() -> None:
    counts = Counts(Grid(100, 10, 2))
    for one in every_second(90, 110):
        counts.add(one)
    assert counts.column("errors") == (0, NAN)


def test_a_step_that_was_not_looked_at_to_its_end_is_missing() -> None:
    assert counted(Grid(100, 10, 3), every_second(103, 125)) == [NAN, 10, NAN]


def test_a_sample_belongs_to_the_step_that_holds_its_middle() -> None:
    samples = [sample(98.7, 99.7, 3), sample(99.7, 100.7, 5), sample(100.7, 101.7, 7)]
    assert counted(Grid(99, 1, 3), samples) == [3, 5, NAN]  # nobody has seen all of the last one
    assert counted(Grid(99, 1, 3), [*samples, sample(101.7, 102.2, 9)]) == [3, 5, 16]


def test_a_pause_is_missing_in_fine_steps_and_counted_in_coarse_ones() -> None:
    samples = [*every_second(100, 110), sample(110, 125, 40), *every_second(125, 160)]
    assert counted(Grid(100, 5, 12), samples) == [5, 5, NAN, NAN, NAN, *[5] * 7]
    assert counted(Grid(100, 30, 2), samples) == [10 + 40 + 5, 30]


def test_a_pause_over_the_boundary_of_two_steps_belongs_to_neither() -> None:
    samples = [*every_second(100, 120), sample(120, 140, 40), *every_second(140, 160)]
    assert counted(Grid(100, 30, 2), samples) == [NAN, NAN]
    assert counted(Grid(100, 60, 1), samples) == [80]


def test_what_happened_in_a_pause_that_reaches_beyond_the_grid_is_missing() -> None:
    samples = [sample(70, 105, 40), *every_second(105, 120)]
    assert counted(Grid(100, 10, 2), samples) == [NAN, 10]


def test_what_nobody_knows_spoils_its_step() -> None:
    samples = [*every_second(100, 110), Sample(111, 1, {"requests": None}), *every_second(111, 120)]
    assert counted(Grid(100, 10, 2), samples) == [10, NAN]


def test_means_are_over_the_samples_of_a_step() -> None:
    means = Means(Grid(100, 10, 3), "cpu")
    for end, cpu in ((105, 10.0), (110, 20.0), (115, None), (120, 40.0), (125, None)):
        means.add(Sample(end, 5, {"cpu": cpu}))
    assert means.values() == (15.0, 40.0, NAN)


@pytest.mark.parametrize("phase", [0.0, 0.9, 1.1, 2.4, 2.6, 4.9])
def test_levels_are_known_whatever_the_phase_of_looks_and_steps(phase: float) -> None:
    means = Means(Grid(100, 5, 6), "cpu")
    for number in range(-1, 8):
        means.add(Sample(105 + phase + 5 * number, 5, {"cpu": 8}))
    assert means.values() == (8,) * 6


def test_a_mean_is_in_one_step_only_however_fine_they_are() -> None:
    means = Means(Grid(100, 1, 5), "cpu")
    means.add(Sample(102.5, 1, {"cpu": 8}))
    assert means.values() == (NAN, NAN, 8, NAN, NAN)


def test_a_grid_has_whole_steps_only() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    grid = Grid.over(start, start + timedelta(seconds=59), timedelta(seconds=20))
    assert (grid.start, grid.step, grid.count) == (start.timestamp(), 20, 2)
    assert Grid.over(start, start - timedelta(seconds=5), timedelta(seconds=1)).count == 0
    with pytest.raises(ValueError, match="not longer than nothing"):
        Grid.over(start, start, timedelta(0))


@given(
    step=st.sampled_from([1, 2, 5, 10, 60]),
    phase=st.floats(0, 0.1),
    seed=st.integers(0, 1000),
)
def test_looks_once_a_second_leave_no_step_out_and_no_request(
    step: int, phase: float, seed: int
) -> None:
    """As the recorder looks: at whole seconds, a bit late."""
    chance = random.Random(seed)
    ends = [second + phase + chance.uniform(0, 0.2) for second in range(1000, 1302)]
    samples = [sample(begin, end, chance.randint(0, 9)) for begin, end in pairwise(ends)]
    found = counted(Grid(1000, step, 300 // step), [sample(998, ends[0], 0), *samples])
    assert not any(math.isnan(value) for value in found[1:])
    within = [s.values["requests"] or 0 for s in samples if 1000 + step <= s.middle < 1300]
    assert sum(found[1:]) == sum(within)
