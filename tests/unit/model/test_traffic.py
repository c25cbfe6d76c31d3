from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from turnout.model.traffic import WHOLE, Listener, Sticky, TrafficSplit


def test_an_empty_split_serves_nothing() -> None:
    assert TrafficSplit().shares == {}
    assert TrafficSplit(shares={"a": 0, "b": 0}) == TrafficSplit()


@pytest.mark.parametrize(
    "shares", [{"a": 999}, {"a": 1001}, {"a": 500, "b": 501}, {"a": 1}, {"a": 1100, "b": -100}]
)
def test_a_split_that_is_not_whole_cannot_be_built(shares: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        TrafficSplit(shares=shares)


def test_groups_without_a_share_are_left_out() -> None:
    split = TrafficSplit(shares={"b": 1000, "a": 0})
    assert split.shares == {"b": 1000}
    assert (split.share("a"), split.share("b"), split.share("c")) == (0, 1000, 0)


def test_splits_that_send_alike_are_told_from_equal_ones() -> None:
    first = TrafficSplit(shares={"a": 400, "b": 600}, generation=1)
    again = TrafficSplit(shares={"b": 600, "a": 400}, generation=2)
    assert first.sends_like(again)
    assert first != again
    assert not first.sends_like(TrafficSplit(shares={"a": 600, "b": 400}, generation=1))


def test_equal_splits_have_equal_hashes() -> None:
    first = TrafficSplit(shares={"a": 400, "b": 600}, generation=1, changed_by="x")
    again = TrafficSplit(shares={"b": 600, "c": 0, "a": 400}, generation=1, changed_by="x")
    assert first == again
    assert len({first, again}) == 1


@given(st.dictionaries(st.text(max_size=3), st.integers(0, WHOLE), max_size=5))
def test_a_split_is_whole_or_empty_or_not_at_all(shares: dict[str, int]) -> None:
    if sum(shares.values()) not in (0, WHOLE):
        with pytest.raises(ValidationError):
            TrafficSplit(shares=shares)
        return
    split = TrafficSplit(shares=shares)
    assert sum(split.shares.values()) in (0, WHOLE)
    assert all(split.share(group) == share for group, share in shares.items())
    assert TrafficSplit.model_validate_json(split.model_dump_json()) == split


@pytest.mark.parametrize("port", [0, 65536, "80", 80.0, True])
def test_a_listener_has_a_port_that_exists(port: object) -> None:
    with pytest.raises(ValidationError):
        Listener.model_validate({"cluster": "shop", "port": port})


@pytest.mark.parametrize("name", ["", "a b", "a;b", "x" * 65])
def test_a_name_for_sticky_users_fits_into_a_header(name: str) -> None:
    with pytest.raises(ValidationError):
        Sticky(by="cookie", name=name)
