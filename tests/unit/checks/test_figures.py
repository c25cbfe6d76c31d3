from __future__ import annotations

import math

import pytest

from turnout.checks.figures import figure, quantile
from turnout.model.checks import Figure
from turnout.model.traffic import GroupTraffic

TRAFFIC = GroupTraffic(
    requests=200,
    failed=3,
    client_errors=10,
    latency_ms=((10.0, 100), (50.0, 190), (100.0, 199), (math.inf, 200)),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("error_share", 15.0),
        ("client_error_share", 50.0),
        ("requests", 200.0),
        ("p50_ms", 10.0),
        ("p90_ms", 10 + 40 * 80 / 90),
        ("p99_ms", 50 + 50 * 8 / 9),
    ],
)
def test_a_figure_comes_from_the_counters(name: Figure, expected: float) -> None:
    assert figure(name, TRAFFIC) == pytest.approx(expected)


def test_without_requests_there_is_no_share_and_no_latency() -> None:
    assert figure("error_share", GroupTraffic()) is None
    assert figure("p99_ms", GroupTraffic()) is None
    assert quantile(GroupTraffic(latency_ms=((10.0, 0), (math.inf, 0))), 0.5) is None


def test_a_latency_beyond_the_last_bound_is_that_bound() -> None:
    slow = GroupTraffic(requests=2, latency_ms=((10.0, 0), (100.0, 0), (math.inf, 2)))
    assert quantile(slow, 0.99) == 100.0


def test_quantiles_grow_with_their_share() -> None:
    found = [quantile(TRAFFIC, q / 100) for q in range(1, 101)]
    assert all(value is not None for value in found)
    assert found == sorted(value for value in found if value is not None)
