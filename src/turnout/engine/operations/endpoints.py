"""From server groups to what the router must know of them."""

from __future__ import annotations

from collections.abc import Iterable

from turnout.model.servers import Instance, InstanceState, ServerGroup
from turnout.model.traffic import Endpoint, EndpointState

_STATES = {
    InstanceState.STARTING: EndpointState.UNHEALTHY,
    InstanceState.HEALTHY: EndpointState.HEALTHY,
    InstanceState.UNHEALTHY: EndpointState.UNHEALTHY,
    InstanceState.DRAINING: EndpointState.DRAINING,
}


def endpoints_of(groups: Iterable[ServerGroup]) -> dict[str, tuple[Endpoint, ...]]:
    """The endpoints of every group; an instance that is gone, or has no port yet, has none."""
    return {
        group.name: tuple(_endpoint(i) for i in group.instances if i.state in _STATES and i.port)
        for group in groups
    }


def _endpoint(instance: Instance) -> Endpoint:
    return Endpoint(
        instance=instance.id,
        host=instance.host,
        port=instance.port,
        state=_STATES[instance.state],
    )
