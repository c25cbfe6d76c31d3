"""Facts for tests of the builders."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.model.traffic import Endpoint, EndpointState, Listener, Sticky, TrafficSplit
from turnout.traffic.envoy.fact import ClusterFact

HEALTHY, UNHEALTHY, DRAINING = (
    EndpointState.HEALTHY,
    EndpointState.UNHEALTHY,
    EndpointState.DRAINING,
)


def endpoint(instance: str, port: int, state: EndpointState = HEALTHY) -> Endpoint:
    return Endpoint(instance=instance, host="127.0.0.1", port=port, state=state)


def fact(
    cluster: str = "shop",
    *,
    shares: Mapping[str, int] | None = None,
    endpoints: Mapping[str, tuple[Endpoint, ...]] | None = None,
    sticky: Sticky | None = None,
    port: int = 8080,
) -> ClusterFact:
    return ClusterFact(
        cluster=cluster,
        listener=Listener(cluster=cluster, port=port, sticky=sticky),
        split=TrafficSplit(shares=dict(shares or {}), generation=7, changed_by="d-1:shift"),
        endpoints=dict(endpoints or {}),
    )
