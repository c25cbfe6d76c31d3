"""Server groups as Envoy's upstreams. Pure.

An upstream is named after its endpoints and never changes, so that its requests in flight stay
visible per instance until they are done. All upstreams of a group count under the group's name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from turnout.model.traffic import Endpoint, EndpointState
from turnout.traffic.envoy.fact import ClusterFact
from turnout.traffic.envoy.resources import Document, build_address, build_typed

CONNECT_TIMEOUT = 1.0
"""Seconds; nothing waits longer than this for a connection to an instance."""

_UNLIMITED = 100_000
"""Envoy's own limits would answer 503 under load; keeping up is the service's business."""

_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def usable(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Those that get requests: the healthy ones; when there is none, the unhealthy ones, because
    somewhere is better than nowhere. Never a draining one: it is about to be stopped.
    """
    healthy = tuple(e for e in endpoints if e.state is EndpointState.HEALTHY)
    return healthy or tuple(e for e in endpoints if e.state is EndpointState.UNHEALTHY)


def upstream_name(group: str, endpoints: Sequence[Endpoint]) -> str:
    """`<group>#<which endpoints>`: the same endpoints in any order have the same name."""
    who = sorted(f"{e.instance} {e.host} {e.port}" for e in usable(endpoints))
    digest = hashlib.sha256("\n".join(who).encode()).hexdigest()[:10]
    return f"{group}#{digest}"


def group_of(upstream: str) -> str:
    """The server group behind an upstream's name."""
    return upstream.partition("#")[0]


def routed(fact: ClusterFact) -> dict[str, str]:
    """The upstream of every group that requests may be sent to: it has usable endpoints, or a share
    (then Envoy answers 503 for it until an endpoint comes).
    """
    return {
        group: upstream_name(group, fact.endpoints.get(group, ()))
        for group in fact.groups
        if usable(fact.endpoints.get(group, ())) or fact.split.share(group)
    }


def build_upstreams(fact: ClusterFact) -> dict[str, Document]:
    """The upstreams that a cluster needs, by name. A cluster without listener needs none."""
    if fact.listener is None:
        return {}
    return {
        name: build_upstream(group, fact.endpoints.get(group, ()))
        for group, name in routed(fact).items()
    }


def build_upstream(group: str, endpoints: Sequence[Endpoint]) -> Document:
    """One upstream: HTTP/1.1 to the usable endpoints, the one with the fewest requests first."""
    name = upstream_name(group, endpoints)
    ordered = sorted(usable(endpoints), key=lambda e: (e.instance, e.host, e.port))
    return build_typed(
        "envoy.config.cluster.v3.Cluster",
        name=name,
        alt_stat_name=group,
        type="STATIC",
        connect_timeout=f"{CONNECT_TIMEOUT:g}s",
        lb_policy="LEAST_REQUEST",
        ignore_health_on_host_removal=True,
        # Ejected ones come back by themselves, and one always stays: never spread to ejected ones.
        common_lb_config={"healthy_panic_threshold": {"value": 0}},
        circuit_breakers={"thresholds": [_build_thresholds()]},
        outlier_detection=_build_outlier_detection(),
        typed_extension_protocol_options={_HTTP: _build_protocol()},
        load_assignment={
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [_build_endpoint(e) for e in ordered]}],
        },
    )


def _build_endpoint(endpoint: Endpoint) -> Document:
    return {
        "endpoint": {
            "hostname": endpoint.instance,
            "address": build_address(endpoint.host, endpoint.port),
        }
    }


def _build_protocol() -> Document:
    """Idle connections are closed after a second, before a service does it by itself: a request
    sent on a connection that is just being closed may not be repeated, and would be lost.
    """
    return build_typed(
        _HTTP,
        common_http_protocol_options={"idle_timeout": "1s"},
        explicit_http_config={"http_protocol_options": {}},
    )


def _build_thresholds() -> Document:
    return {
        "max_connections": _UNLIMITED,
        "max_pending_requests": _UNLIMITED,
        "max_requests": _UNLIMITED,
        "max_retries": _UNLIMITED,
    }


def _build_outlier_detection() -> Document:
    """Instances that cannot be connected to are left out for seconds, also while nobody probes
    them; all but one at most. What a service answers does not count.
    """
    return {
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
    }
