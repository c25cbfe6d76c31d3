"""Listeners as Envoy's. Pure.

Whatever changes with a deployment is in the routes: a changed listener would close its connections.
"""

from __future__ import annotations

from collections.abc import Iterable

from turnout.model.traffic import Listener
from turnout.traffic.envoy.bootstrap import STAT_PREFIX, routes_file, routes_name, shard_of
from turnout.traffic.envoy.fact import ClusterFact
from turnout.traffic.envoy.resources import (
    Document,
    build_address,
    build_file_source,
    build_response,
    build_typed,
)
from turnout.traffic.envoy.routes import LISTENER_HEADER

_HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_EARLY = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"


def listener_name(listener: Listener) -> str:
    """With the address in it: Envoy does not move a listener, it closes one and opens another."""
    return f"{listener.cluster}@{listener.host}:{listener.port}"


def build_listeners(version: str, facts: Iterable[ClusterFact]) -> Document:
    """The file of listeners."""
    listeners = sorted(
        (f.listener for f in facts if f.listener is not None), key=lambda listener: listener.cluster
    )
    return build_response(version, [build_listener(listener) for listener in listeners])


def build_listener(listener: Listener) -> Document:
    """One listener, for HTTP/1 and HTTP/2 in clear text."""
    return build_typed(
        "envoy.config.listener.v3.Listener",
        name=listener_name(listener),
        address=build_address(listener.host, listener.port),
        # Two Envoys must not share a port without noticing.
        enable_reuse_port=False,
        connection_balance_config={"exact_balance": {}},
        filter_chains=[
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": _build_connection_manager(listener.cluster),
                    }
                ]
            }
        ],
    )


def _build_connection_manager(cluster: str) -> Document:
    shard = shard_of(cluster)
    return build_typed(
        _HCM,
        stat_prefix=STAT_PREFIX,
        codec_type="AUTO",
        rds={
            "route_config_name": routes_name(shard),
            "config_source": build_file_source(routes_file(shard)),
        },
        early_header_mutation_extensions=[
            {"name": "turnout.listener", "typed_config": _build_mark(cluster)}
        ],
        http_filters=[
            {
                "name": "envoy.filters.http.router",
                "typed_config": build_typed(
                    "envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True
                ),
            }
        ],
        http_protocol_options={"accept_http_10": True, "default_host_for_http_10": "localhost"},
        http2_protocol_options={"allow_connect": True},
        upgrade_configs=[{"upgrade_type": "websocket"}],
        # Event streams may be silent for long.
        stream_idle_timeout="0s",
        use_remote_address=True,
        preserve_external_request_id=True,
        server_header_transformation="PASS_THROUGH",
    )


def _build_mark(cluster: str) -> Document:
    """Tells the routes by which listener a request came in."""
    mark = {
        "header": {"key": LISTENER_HEADER, "value": cluster},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    return build_typed(_EARLY, mutations=[{"append": mark}])
