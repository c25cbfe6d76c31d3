from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.checks import trip_wires
from turnout.checks.chance import count_slower, tail, upper_limit
from turnout.model.checks import TripWires, Verdict
from turnout.model.traffic import GroupTraffic, Listener
from turnout.ports import CheckContext


def exact_tail(failed: int, requests: int, share: float) -> float:
    return sum(
        math.comb(requests, n) * share**n * (1 - share) ** (requests - n)
        for n in range(failed, requests + 1)
    )


@given(st.integers(1, 60), st.data(), st.floats(0.001, 0.999))
def test_the_tail_is_that_of_the_binomial_distribution(
    requests: int, data: st.DataObject, share: float
) -> None:
    failed = data.draw(st.integers(0, requests))
    expected = exact_tail(failed, requests, share)
    if failed <= requests * share:
        assert tail(failed, requests, share) == 1.0
    else:
        assert tail(failed, requests, share) == pytest.approx(expected, rel=1e-9)


def test_the_tail_of_a_million_is_found() -> None:
    assert tail(10_600, 1_000_000, 0.01) == pytest.approx(1.0e-9, rel=0.5)
    assert tail(1_000_000, 1_000_000, 0.01) == 0.0


@pytest.mark.parametrize(("failed", "share", "expected"), [(0, 0.0, 1.0), (1, 0.0, 0.0), (3, 1, 1)])
def test_the_ends_of_the_tail(failed: int, share: float, expected: float) -> None:
    assert tail(failed, 3, share) == expected


@pytest.mark.parametrize(
    ("failed", "requests", "limit"),
    [(0, 0, 0.0), (0, 100, 4 / 104), (100, 100, 1.0), (48, 1000, 0.063413)],
)
def test_the_upper_limit_is_that_of_wilson(failed: int, requests: int, limit: float) -> None:
    assert upper_limit(failed, requests) == pytest.approx(limit, rel=1e-4)


def test_only_those_count_as_slower_that_certainly_are() -> None:
    traffic = GroupTraffic(requests=10, latency_ms=((50, 4), (100, 7), (math.inf, 10)))
    assert count_slower(traffic, 60) == (3, 10)
    assert count_slower(traffic, 100) == (3, 10)
    assert count_slower(traffic, 101) == (0, 10)
    assert count_slower(GroupTraffic(), 1) == (0, 0)


def test_a_service_that_always_fails_some_of_its_requests_is_hardly_ever_taken_back() -> None:
    """The same version again, 6 % failures, 20 requests a second, a watch of five minutes."""
    chance = random.Random(11)
    assert sum(_trips(chance, 0.06, 0.06) for _ in range(100)) <= 1


def test_a_version_that_fails_three_in_ten_is_caught_within_seconds() -> None:
    chance = random.Random(12)
    assert all(_trips(chance, 0.06, 0.36, seconds=10) for _ in range(50))


def _trips(chance: random.Random, before: float, after: float, *, seconds: int = 300) -> bool:
    source = GroupTraffic(requests=1200, failed=sum(chance.random() < before for _ in range(1200)))
    context = CheckContext(
        cluster="shop",
        group="shop-v002",
        source="shop-v001",
        listener=Listener(cluster="shop", port=8080),
    )
    failures: list[bool] = []
    for _ in range(seconds * 2):
        failures += [chance.random() < after for _ in range(10)]
        last = failures[-1200:]
        new = GroupTraffic(requests=len(last), failed=sum(last))
        if trip_wires.judge(TripWires(), context, new, source).verdict is Verdict.FAIL:
            return True
    return False
