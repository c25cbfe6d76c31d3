from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

import pytest

from turnout.checks import command, http, metric, trip_wires
from turnout.model.checks import (
    CommandCheck,
    HttpCheck,
    MetricCheck,
    TripWires,
    Verdict,
)
from turnout.model.traffic import GroupTraffic, Listener
from turnout.ports import CheckContext

SWITCHED = datetime(2026, 11, 23, 12, tzinfo=UTC)
CONTEXT = CheckContext(
    cluster="shop",
    group="shop-v002",
    source="shop-v001",
    listener=Listener(cluster="shop", port=8080),
    switched_at=SWITCHED,
)


def traffic(requests: int, failed: int = 0, ms: float = 10) -> GroupTraffic:
    """All requests took at most `ms`, and more than half of it."""
    return GroupTraffic(
        requests=requests,
        failed=failed,
        latency_ms=((ms / 2, 0), (ms, requests), (math.inf, requests)),
    )


def two_slow(requests: int) -> GroupTraffic:
    """Two of all requests took a second, as when a program has just been started."""
    rest = requests - 2
    return GroupTraffic(
        requests=requests,
        latency_ms=((50, 0), (100, rest), (500, rest), (1000, requests), (math.inf, requests)),
    )


@pytest.mark.parametrize(
    ("status", "body", "ms", "verdict", "said"),
    [
        (200, b"all well", 20, Verdict.PASS, "GET /health on shop-v002: 200 in 20 ms"),
        (
            500,
            b"boom\n  now",
            20,
            Verdict.FAIL,
            'GET /health on shop-v002: 500 in 20 ms, 200 to 204 expected: "boom now"',
        ),
        (205, b"all well", 20, Verdict.FAIL, "205 in 20 ms, 200 to 204 expected"),
        (200, b"all well", 101, Verdict.FAIL, "200 in 101 ms, 100ms allowed"),
        (200, b"all ill", 20, Verdict.FAIL, "but 'w[e]ll' is not in the body: \"all ill\""),
        (200, b"\xff well", 20, Verdict.PASS, "200"),
    ],
)
def test_an_answer_is_judged_by_status_time_and_body(
    status: int, body: bytes, ms: int, verdict: Verdict, said: str
) -> None:
    check = HttpCheck(
        path="/health", status_to=204, matches="w[e]ll", within=timedelta(milliseconds=100)
    )
    answer = http.judge(
        check,
        CONTEXT,
        http.Answer(status, body, timedelta(milliseconds=ms)),
        re.compile(check.matches),
    )
    assert answer.verdict is verdict
    assert said in answer.sentence
    assert answer.figures == {"status": status, "took_ms": ms}


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://[::1]:8080"),
        ("::1", "http://[::1]:8080"),
        ("10.1.2.3", "http://10.1.2.3:8080"),
    ],
)
def test_a_listener_is_asked_at_an_address_that_this_host_can_reach(host: str, url: str) -> None:
    assert http.build_url(Listener(cluster="shop", host=host, port=8080)) == url


@pytest.mark.parametrize(
    ("code", "verdict", "said"),
    [
        (0, Verdict.PASS, 'smoke: exit code 0 after 1s: "last words"'),
        (75, Verdict.INCONCLUSIVE, "exit code 75"),
        (1, Verdict.FAIL, "exit code 1"),
        (-11, Verdict.FAIL, "exit code 139 (SIGSEGV)"),
    ],
)
def test_a_command_is_judged_by_its_exit_code(code: int, verdict: Verdict, said: str) -> None:
    answer = command.judge(
        CommandCheck(command=("smoke",)), code, "first\nlast words\n\n", timedelta(seconds=1)
    )
    assert answer.verdict is verdict
    assert said in answer.sentence


@pytest.mark.parametrize(
    ("check", "window", "verdict", "said"),
    [
        (
            MetricCheck(figure="error_share", max=10),
            traffic(1000, 20),
            Verdict.FAIL,
            "failed requests of shop-v002 over the last 30s: 20 ‰ (1000 requests), "
            "at most 10 ‰ allowed",
        ),
        (MetricCheck(figure="error_share", max=10), traffic(1000, 10), Verdict.PASS, "10 ‰"),
        (
            MetricCheck(figure="error_share", max=10),
            traffic(19, 19),
            Verdict.INCONCLUSIVE,
            "19 requests of shop-v002 over the last 30s, at least 20 are needed",
        ),
        (MetricCheck(figure="p99_ms", max=100), traffic(50, ms=300), Verdict.FAIL, "p99 latency"),
        (MetricCheck(figure="p99_ms", max=400), traffic(50, ms=300), Verdict.PASS, "p99 latency"),
        (
            MetricCheck(figure="requests", min=5),
            traffic(0),
            Verdict.FAIL,
            "requests of shop-v002 over the last 30s: 0, at least 5 expected",
        ),
        (
            MetricCheck(figure="error_share", max=10, min_requests=0),
            traffic(0),
            Verdict.INCONCLUSIVE,
            "at least 1 are needed",
        ),
    ],
)
def test_a_figure_is_judged_by_its_bounds(
    check: MetricCheck, window: GroupTraffic, verdict: Verdict, said: str
) -> None:
    answer = metric.judge(check, "shop-v002", window)
    assert (answer.verdict, said in answer.sentence) == (verdict, True), answer.sentence
    assert answer.figures["requests"] == window.requests


class Windows:
    """Figures per group, and which windows were asked for."""

    def __init__(self, **traffic: GroupTraffic) -> None:
        self.traffic = traffic
        self.asked: list[tuple[str, float, float]] = []

    async def observe_window(
        self, cluster: str, group: str, since: datetime, until: datetime
    ) -> GroupTraffic:
        assert cluster == "shop"
        start, end = ((moment - SWITCHED).total_seconds() for moment in (since, until))
        self.asked.append((group, start, end))
        return self.traffic[group[-4:]]


@pytest.mark.parametrize(
    ("new", "old", "verdict", "said"),
    [
        (traffic(100, 2), traffic(100), Verdict.PASS, "2 of 100 requests to shop-v002 failed"),
        (traffic(100, 3), traffic(100), Verdict.PASS, "(30 ‰, shop-v001 had 0 ‰)"),
        (traffic(1000, 50), traffic(1000), Verdict.FAIL, "(50 ‰, shop-v001 had 0 ‰), p99"),
        (traffic(1000, 50), traffic(1000), Verdict.FAIL, "at most 13.98 ‰ allowed"),
        (traffic(20, 20), traffic(20), Verdict.FAIL, "20 of 20"),
        (traffic(50, 3), traffic(1000, 48), Verdict.PASS, "(60 ‰, shop-v001 had 48 ‰)"),
        (traffic(35, 9), traffic(1000, 246), Verdict.PASS, "shop-v001 had 246 ‰"),
        (traffic(1000, 9), traffic(1000), Verdict.PASS, "9 ‰"),
        (traffic(1000, 400), traffic(1000, 250), Verdict.FAIL, "at most 288.3 ‰ allowed"),
        (traffic(100, 26), traffic(100, 25), Verdict.PASS, "shop-v001 had 250 ‰"),
        (traffic(19, 19), traffic(100), Verdict.INCONCLUSIVE, "at least 20 requests"),
        (traffic(100, 8), traffic(0), Verdict.FAIL, "80 ‰), p99"),
        (traffic(100, 4), traffic(0), Verdict.PASS, "40 ‰), p99"),
        (traffic(100, ms=900), traffic(100, ms=100), Verdict.FAIL, "(99.5 ms before), at most"),
        (two_slow(100), traffic(100, ms=100), Verdict.PASS, "(99.5 ms before)"),
        (traffic(100, ms=900), traffic(19, ms=100), Verdict.PASS, "p99"),
        (traffic(100, ms=90), traffic(100, ms=10), Verdict.PASS, "p99"),  # by less than 100 ms
        (traffic(100, ms=1500), traffic(100, ms=1000), Verdict.PASS, "p99"),  # by less than twice
    ],
)
def test_a_wire_trips_only_when_the_new_group_is_worse_than_the_source_was(
    new: GroupTraffic, old: GroupTraffic, verdict: Verdict, said: str
) -> None:
    answer = trip_wires.judge(TripWires(), CONTEXT, new, old)
    assert (answer.verdict, said in answer.sentence) == (verdict, True), answer.sentence


async def test_the_source_is_looked_at_before_the_switch_and_the_new_group_after_it() -> None:
    windows = Windows(v001=traffic(100), v002=traffic(100))
    now = SWITCHED + timedelta(seconds=5)
    await trip_wires.make_trip_wires(TripWires(), CONTEXT, windows, now)
    assert windows.asked == [("shop-v001", -60, 0), ("shop-v002", 0, 5)]


async def test_a_long_watch_looks_at_the_last_window_so_that_late_trouble_shows() -> None:
    windows = Windows(v001=traffic(100), v002=traffic(100))
    now = SWITCHED + timedelta(minutes=10)
    await trip_wires.make_trip_wires(TripWires(), CONTEXT, windows, now)
    assert windows.asked == [("shop-v001", -60, 0), ("shop-v002", 540, 600)]


async def test_with_little_traffic_the_new_group_is_looked_at_since_the_switch() -> None:
    windows = Windows(v001=traffic(100), v002=traffic(5))
    now = SWITCHED + timedelta(minutes=10)
    answer = await trip_wires.make_trip_wires(TripWires(), CONTEXT, windows, now)
    assert windows.asked[-1:] == [("shop-v002", 0, 600)]
    assert answer.verdict is Verdict.INCONCLUSIVE


async def test_a_first_version_is_compared_with_nothing() -> None:
    windows = Windows(v002=traffic(100, 8))
    first = CONTEXT.model_copy(update={"source": ""})
    now = SWITCHED + timedelta(seconds=5)
    answer = await trip_wires.make_trip_wires(TripWires(), first, windows, now)
    assert answer.verdict is Verdict.FAIL
    assert answer.sentence.startswith("8 of 100 requests to shop-v002 failed (80 ‰), p99")


async def test_before_any_traffic_wires_say_nothing() -> None:
    dark = CONTEXT.model_copy(update={"switched_at": None})
    answer = await trip_wires.make_trip_wires(TripWires(), dark, Windows(), SWITCHED)
    assert answer.verdict is Verdict.INCONCLUSIVE
