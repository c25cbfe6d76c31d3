from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from turnout.model.traffic import GroupTraffic
from turnout.traffic.envoy.figures import (
    Counters,
    activity_query,
    hosts_query,
    parse_activity,
    parse_hosts,
    parse_traffic,
    traffic_query,
)

ANSWER = """\
cluster.shop-v001.upstream_cx_connect_fail: 9
cluster.shop-v001.upstream_cx_connect_timeout: 4
cluster.shop-v001.upstream_cx_destroy_remote_with_active_rq: 2
cluster.shop-v001.upstream_rq_4xx: 2
cluster.shop-v001.upstream_rq_5xx: 3
cluster.shop-v001.upstream_rq_active: 4
cluster.shop-v001.upstream_rq_completed: 100
cluster.shop-v001.upstream_rq_pending_active: 9
cluster.shop-v001.upstream_rq_timeout: 1
cluster.shop-v002.upstream_rq_active: 0
cluster.shop-v002.upstream_rq_completed: 7
vhost.shop.route.shop-v001.upstream_rq_5xx: 1
vhost.shop.route.shop-v001.upstream_rq_completed: 10
cluster.shop-v001.upstream_rq_time: B0.5(0,50) B1(1,80) B1000(1,99) B60000(1,100)
vhost.shop.route.shop-v001.upstream_rq_time: B0.5(0,5) B1(0,6) B1000(0,9) B60000(0,10)
"""


def test_users_figures_are_without_those_of_previews() -> None:
    assert parse_traffic(ANSWER).of_users() == {
        "shop-v001": GroupTraffic(
            requests=90,
            failed=2,
            client_errors=2,
            timeouts=1 + 4,
            resets=2 + 9 - 4,
            active=4,
            latency_ms=((0.5, 45), (1.0, 74), (1000.0, 90), (60000.0, 90)),
        ),
        "shop-v002": GroupTraffic(requests=7),
    }


def test_nothing_counted_is_nothing() -> None:
    assert parse_traffic("").of_users() == {}


def test_requests_in_flight_include_those_waiting_for_a_connection() -> None:
    answer = (
        "cluster.shop-v001.upstream_rq_active: 4\ncluster.shop-v001.upstream_rq_pending_active: 9\n"
    )
    assert parse_activity(answer) == 13
    assert parse_activity("") == 0


def test_requests_in_flight_are_known_per_upstream_and_instance() -> None:
    def host(port: int, **figures: str) -> object:
        return {
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
            "stats": [
                {"name": "cx_active", "value": "5", "type": "GAUGE"},
                {"name": "rq_active", "type": "GAUGE"},
                *({"name": n, "value": v, "type": "GAUGE"} for n, v in figures.items()),
            ],
        }

    answer = {
        "cluster_statuses": [
            {"name": "g#1", "host_statuses": [host(1, rq_active="2"), host(2)]},
            {"name": "g#2", "host_statuses": [host(1, rq_active="1", rq_pending_active="1")]},
            {"name": "g#3"},
        ]
    }
    assert parse_hosts(json.dumps(answer)) == {
        "g#1": {("127.0.0.1", 1): 2, ("127.0.0.1", 2): 0},
        "g#2": {("127.0.0.1", 1): 2},
        "g#3": {},
    }
    assert parse_hosts("{}") == {}


def test_queries_name_exactly_their_group() -> None:
    assert traffic_query().startswith("/stats?usedonly&histogram_buckets=cumulative&filter=")
    assert hosts_query("shop-v001") == "/clusters?format=json&filter=%5Eshop%5C-v001%23"
    assert activity_query("shop-v001").endswith(
        "filter=%5Ecluster%5C.shop%5C-v001%5C.upstream_rq_%28active%7Cpending_active%29%24"
    )


def counted(requests: int, active: int = 0) -> dict[str, GroupTraffic]:
    latency = ((1.0, requests // 2), (60000.0, requests))
    return {"g": GroupTraffic(requests=requests, active=active, latency_ms=latency)}


def test_counters_go_on_after_a_restart_of_envoy() -> None:
    counters = Counters()
    assert counters.note("first", counted(100, 5))["g"].requests == 100
    assert counters.note("second", {})["g"] == counted(100)["g"]
    after = counters.note("second", counted(40, 2))["g"]
    assert (after.requests, after.active) == (140, 2)
    assert after.latency_ms == ((1.0, 70), (60000.0, 140))


def test_restart_is_noticed_even_when_the_new_counters_are_higher() -> None:
    counters = Counters()
    counters.note("first", counted(100))
    assert counters.note("second", counted(300))["g"].requests == 400


def test_counters_go_on_when_envoy_had_forgotten_an_empty_group() -> None:
    counters = Counters()
    counters.note("first", counted(100, 3))
    assert counters.note("first", {})["g"] == counted(100)["g"]
    assert counters.note("first", counted(7))["g"].requests == 107


def test_groups_that_are_gone_are_forgotten() -> None:
    counters = Counters()
    counters.note("first", counted(100))
    counters.keep(())
    assert counters.note("first", {}) == {}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=30))
def test_counters_count_every_request_once(steps: list[tuple[bool, int]]) -> None:
    counters, run, raw, total = Counters(), 0, 0, 0
    for restarts, added in steps:
        if restarts:
            run, raw = run + 1, 0
        raw, total = raw + added, total + added
        assert counters.note(run, counted(raw))["g"].requests == total
