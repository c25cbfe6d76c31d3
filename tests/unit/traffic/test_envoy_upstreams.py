from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.traffic.facts import DRAINING, HEALTHY, UNHEALTHY, endpoint, fact
from turnout.model.traffic import EndpointState
from turnout.traffic.envoy.upstreams import (
    build_upstream,
    build_upstreams,
    group_of,
    routed,
    upstream_name,
    usable,
)

EXPECTED = {
    "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "name": "shop-v001#40dea78f83",
    "alt_stat_name": "shop-v001",
    "type": "STATIC",
    "connect_timeout": "1s",
    "lb_policy": "LEAST_REQUEST",
    "ignore_health_on_host_removal": True,
    "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
    "circuit_breakers": {
        "thresholds": [
            {
                "max_connections": 100000,
                "max_pending_requests": 100000,
                "max_requests": 100000,
                "max_retries": 100000,
            }
        ]
    },
    "outlier_detection": {
        "interval": "1s",
        "base_ejection_time": "1s",
        "max_ejection_time": "5s",
        "max_ejection_percent": 99,
        "always_eject_one_host": False,
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 3,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
    },
    "typed_extension_protocol_options": {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": ("type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
            "common_http_protocol_options": {"idle_timeout": "1s"},
            "explicit_http_config": {"http_protocol_options": {}},
        }
    },
    "load_assignment": {
        "cluster_name": "shop-v001#40dea78f83",
        "endpoints": [
            {
                "lb_endpoints": [
                    {
                        "endpoint": {
                            "hostname": "i-1",
                            "address": {
                                "socket_address": {"address": "127.0.0.1", "port_value": 4001}
                            },
                        }
                    },
                    {
                        "endpoint": {
                            "hostname": "i-2",
                            "address": {
                                "socket_address": {"address": "127.0.0.1", "port_value": 4002}
                            },
                        }
                    },
                ]
            }
        ],
    },
}


def test_upstream_holds_the_usable_endpoints_of_its_group() -> None:
    endpoints = (
        endpoint("i-2", 4002),
        endpoint("i-3", 4003, UNHEALTHY),
        endpoint("i-1", 4001),
        endpoint("i-4", 4004, DRAINING),
    )
    assert build_upstream("shop-v001", endpoints) == EXPECTED


def test_unhealthy_endpoints_are_better_than_nothing() -> None:
    unhealthy = (endpoint("i-1", 4001, UNHEALTHY), endpoint("i-2", 4002, UNHEALTHY))
    assert usable((*unhealthy, endpoint("i-3", 4003, DRAINING))) == unhealthy


def test_nothing_is_better_than_a_draining_endpoint() -> None:
    assert usable((endpoint("i-1", 4001, DRAINING),)) == ()


@given(st.permutations([endpoint(f"i-{n}", 4000 + n) for n in range(4)]))
def test_order_of_endpoints_does_not_matter_to_the_name(found: list) -> None:  # type: ignore[type-arg]
    first = tuple(endpoint(f"i-{n}", 4000 + n) for n in range(4))
    assert upstream_name("shop-v001", found) == upstream_name("shop-v001", first)


@given(
    st.lists(st.sampled_from(list(EndpointState)), min_size=1, max_size=6),
    st.lists(st.sampled_from(list(EndpointState)), min_size=1, max_size=6),
)
def test_names_are_equal_exactly_when_the_same_endpoints_are_used(
    one: list[EndpointState], other: list[EndpointState]
) -> None:
    first = [endpoint(f"i-{n}", 4000 + n, state) for n, state in enumerate(one)]
    second = [endpoint(f"i-{n}", 4000 + n, state) for n, state in enumerate(other)]
    same_use = [e.instance for e in usable(first)] == [e.instance for e in usable(second)]
    assert (upstream_name("g-v001", first) == upstream_name("g-v001", second)) is same_use


def test_instance_that_moved_to_another_port_makes_another_upstream() -> None:
    before = upstream_name("shop-v001", [endpoint("i-1", 4001)])
    after = upstream_name("shop-v001", [endpoint("i-1", 4002)])
    assert before != after
    assert group_of(before) == group_of(after) == "shop-v001"


def test_group_without_usable_endpoints_and_without_share_has_no_upstream() -> None:
    built = fact(
        shares={"shop-v001": 1000},
        endpoints={
            "shop-v001": (),
            "shop-v002": (endpoint("i-1", 4001, HEALTHY),),
            "shop-v003": (endpoint("i-2", 4002, DRAINING),),
            "shop-v004": (),
        },
    )
    assert sorted(routed(built)) == ["shop-v001", "shop-v002"]
    assert sorted(build_upstreams(built)) == sorted(routed(built).values())


def test_cluster_without_listener_needs_no_upstreams() -> None:
    built = fact(endpoints={"shop-v001": (endpoint("i-1", 4001),)})
    assert build_upstreams(built.model_copy(update={"listener": None})) == {}
