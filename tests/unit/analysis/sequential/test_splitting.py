"""One group's requests in two arms."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from turnout.analysis.sequential.splitting import autocorrelation_of, split_nested

COUNTS = st.lists(st.tuples(*(st.integers(0, 400) for _ in range(3))), min_size=1, max_size=30)


@given(COUNTS, st.floats(0.01, 0.5), st.integers(0, 2**31))
def test_nobody_is_sent_to_both_arms_and_the_slow_are_among_all(
    rows: list[tuple[int, int, int]], share: float, seed: int
) -> None:
    nested = [sorted(row, reverse=True) for row in rows]
    columns = list(zip(*nested, strict=True))
    arms = split_nested(columns, share, share, seed)
    for n, row in enumerate(nested):
        ours, theirs = ([column[n] for column in arm] for arm in arms)
        assert ours == sorted(ours, reverse=True)
        assert theirs == sorted(theirs, reverse=True)
        assert all(a + b <= whole for a, b, whole in zip(ours, theirs, row, strict=True))


def test_each_arm_gets_its_share_of_all_and_of_the_slow() -> None:
    (ours, slow), (theirs, _) = split_nested([(1000.0,) * 400, (100.0,) * 400], 0.05, 0.05, seed=4)
    assert abs(sum(ours) / 400_000 - 0.05) < 0.002
    assert abs(sum(theirs) / 400_000 - 0.05) < 0.002
    assert abs(sum(slow) / 40_000 - 0.05) < 0.005


def test_halves_are_everybody() -> None:
    (ours,), (theirs,) = split_nested([(7.0, 0.0, 12.0)], 0.5, 0.5, seed=1)
    assert [a + b for a, b in zip(ours, theirs, strict=True)] == [7.0, 0.0, 12.0]


def test_the_same_seed_gives_the_same_arms_and_what_is_missing_stays_so() -> None:
    columns = [(10.0, math.nan, 10.0)]
    one, again = (split_nested(columns, 0.3, 0.3, seed=9) for _ in range(2))
    assert repr(one) == repr(again)
    assert math.isnan(one[0][0][1])
    assert math.isnan(one[1][0][1])


def test_what_lasts_is_told_from_what_does_not() -> None:
    lasting = [float(n // 10 % 2) for n in range(200)]
    hopping = [float(n % 2) for n in range(200)]
    assert autocorrelation_of(lasting) > 0.7
    assert autocorrelation_of(hopping) < -0.9
    assert math.isnan(autocorrelation_of([3.0] * 20))
