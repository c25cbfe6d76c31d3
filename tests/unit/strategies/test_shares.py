from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from turnout.model.traffic import WHOLE, TrafficSplit
from turnout.strategies.shares import half, with_share

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])


@st.composite
def some_shares(draw: st.DrawFn) -> dict[str, int]:
    """What a split may hold."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    few = len(names) - 1
    cuts = sorted(
        draw(st.lists(st.integers(1, WHOLE - 1), min_size=few, max_size=few, unique=True))
    )
    parts = [b - a for a, b in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
    return dict(zip(names, parts, strict=True))


@given(some_shares(), NAMES, st.integers(1, WHOLE))
def test_a_new_share_always_leaves_a_whole(shares: dict[str, int], group: str, share: int) -> None:
    result = with_share(shares, group, share)
    assert sum(result.values()) == WHOLE
    assert TrafficSplit(shares=result).shares == dict(sorted(result.items()))
    alone = shares.keys() <= {group}
    assert result[group] == (WHOLE if alone else share)


@given(some_shares(), NAMES, st.integers(0, WHOLE))
def test_the_others_keep_their_proportions_to_the_nearest_per_mille(
    shares: dict[str, int], group: str, share: int
) -> None:
    result = with_share(shares, group, share)
    others = {name: part for name, part in shares.items() if name != group}
    total = sum(others.values())
    for name, part in others.items():
        assert abs(result.get(name, 0) - part * (WHOLE - share) / total) < 1


@given(some_shares(), NAMES, st.integers(0, WHOLE))
def test_the_others_keep_their_order(shares: dict[str, int], group: str, share: int) -> None:
    result = with_share(shares, group, share)
    others = [name for name in shares if name != group]
    for one in others:
        for other in others:
            if shares[one] > shares[other]:
                assert result.get(one, 0) >= result.get(other, 0)


@given(some_shares(), NAMES)
def test_taking_a_share_away_leaves_a_whole_for_the_rest_or_nothing(
    shares: dict[str, int], group: str
) -> None:
    result = with_share(shares, group, 0)
    assert group not in result
    assert sum(result.values()) == (0 if shares.keys() <= {group} else WHOLE)


@given(some_shares(), NAMES, st.integers(0, WHOLE))
def test_the_same_question_has_the_same_answer_in_any_order(
    shares: dict[str, int], group: str, share: int
) -> None:
    turned = dict(reversed(shares.items()))
    assert with_share(shares, group, share) == with_share(turned, group, share)


def test_what_is_left_over_goes_to_the_largest_remainder_and_then_by_name() -> None:
    assert with_share({"a": 333, "b": 333, "c": 334}, "d", 500) == {
        "a": 167,
        "b": 166,
        "c": 167,
        "d": 500,
    }


def test_the_largest_remainder_comes_before_the_name() -> None:
    assert with_share({"a": 700, "b": 300}, "c", 1) == {"a": 699, "b": 300, "c": 1}


def test_half_of_a_group_is_rounded_up_and_never_nobody() -> None:
    assert [half(size) for size in range(6)] == [1, 1, 1, 2, 2, 3]
