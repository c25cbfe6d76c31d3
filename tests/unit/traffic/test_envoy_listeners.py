from __future__ import annotations

from tests.unit.traffic.facts import fact
from turnout.model.traffic import Listener
from turnout.traffic.envoy.bootstrap import (
    LATENCY_MS,
    SHARDS,
    build_bootstrap,
    routes_file,
    shard_of,
)
from turnout.traffic.envoy.listeners import build_listeners, listener_name

EXPECTED = {
    "version_info": "a1-1",
    "resources": [
        {
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            "name": "shop@127.0.0.1:8080",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 8080}},
            "enable_reuse_port": False,
            "connection_balance_config": {"exact_balance": {}},
            "filter_chains": [
                {
                    "filters": [
                        {
                            "name": "envoy.filters.network.http_connection_manager",
                            "typed_config": {
                                "@type": "type.googleapis.com/envoy.extensions.filters.network."
                                "http_connection_manager.v3.HttpConnectionManager",
                                "stat_prefix": "turnout",
                                "codec_type": "AUTO",
                                "rds": {
                                    "route_config_name": "routes-02",
                                    "config_source": {
                                        "resource_api_version": "V3",
                                        "path_config_source": {"path": "routes-02/routes.json"},
                                    },
                                },
                                "early_header_mutation_extensions": [
                                    {
                                        "name": "turnout.listener",
                                        "typed_config": {
                                            "@type": "type.googleapis.com/envoy.extensions.http."
                                            "early_header_mutation.header_mutation.v3."
                                            "HeaderMutation",
                                            "mutations": [
                                                {
                                                    "append": {
                                                        "header": {
                                                            "key": "x-turnout-listener",
                                                            "value": "shop",
                                                        },
                                                        "append_action": (
                                                            "OVERWRITE_IF_EXISTS_OR_ADD"
                                                        ),
                                                    }
                                                }
                                            ],
                                        },
                                    }
                                ],
                                "http_filters": [
                                    {
                                        "name": "envoy.filters.http.router",
                                        "typed_config": {
                                            "@type": "type.googleapis.com/envoy.extensions."
                                            "filters.http.router.v3.Router",
                                            "suppress_envoy_headers": True,
                                        },
                                    }
                                ],
                                "http_protocol_options": {
                                    "accept_http_10": True,
                                    "default_host_for_http_10": "localhost",
                                },
                                "http2_protocol_options": {"allow_connect": True},
                                "upgrade_configs": [{"upgrade_type": "websocket"}],
                                "stream_idle_timeout": "0s",
                                "use_remote_address": True,
                                "preserve_external_request_id": True,
                                "server_header_transformation": "PASS_THROUGH",
                            },
                        }
                    ]
                }
            ],
        }
    ],
}


def test_listener_reads_its_routes_from_a_file() -> None:
    assert build_listeners("a1-1", [fact()]) == EXPECTED


def test_nothing_of_a_split_is_in_the_listener() -> None:
    """A changed listener closes its connections; a changed split must not."""
    shifted = fact(shares={"shop-v001": 1000})
    assert build_listeners("1", [fact()]) == build_listeners("1", [shifted])


def test_clusters_without_listener_are_left_out() -> None:
    closed = fact("web").model_copy(update={"listener": None})
    assert build_listeners("1", [closed]) == {"version_info": "1", "resources": []}


def test_listener_on_another_address_is_another_listener() -> None:
    names = {
        listener_name(Listener(cluster="shop", port=port, host=host))
        for port in (8080, 8081)
        for host in ("127.0.0.1", "0.0.0.0")
    }
    assert len(names) == 4


def test_every_cluster_has_a_place_in_few_files() -> None:
    shards = {shard_of(f"app{number}") for number in range(1000)}
    assert shards == set(range(SHARDS))
    assert shard_of("shop") == 2
    assert {routes_file(shard) for shard in shards} >= {"routes-00/routes.json"}


def test_bootstrap_watches_two_files_and_counts_what_is_needed() -> None:
    assert build_bootstrap() == {
        "node": {"id": "turnout", "cluster": "turnout"},
        "admin": {"address": {"pipe": {"path": "admin.sock", "mode": 0o600}}},
        "dynamic_resources": {
            "cds_config": {
                "resource_api_version": "V3",
                "path_config_source": {"path": "upstreams/upstreams.json"},
            },
            "lds_config": {
                "resource_api_version": "V3",
                "path_config_source": {"path": "listeners/listeners.json"},
            },
        },
        "stats_flush_interval": "0.5s",
        "deferred_stat_options": {"enable_deferred_creation_stats": True},
        "stats_config": {
            "use_all_default_tags": False,
            "stats_matcher": {
                "inclusion_list": {
                    "patterns": [
                        {
                            "safe_regex": {
                                "regex": r"cluster\.[a-z0-9-]+\.upstream_rq_"
                                r"(completed|4xx|5xx|active|pending_active|time|timeout)"
                            }
                        },
                        {
                            "safe_regex": {
                                "regex": r"cluster\.[a-z0-9-]+\.upstream_cx_"
                                r"(connect_fail|connect_timeout|destroy_remote_with_active_rq)"
                            }
                        },
                        {
                            "safe_regex": {
                                "regex": r"vhost\.[a-z0-9-]+\.route\.[a-z0-9-]+\.upstream_rq_"
                                r"(completed|4xx|5xx|time)"
                            }
                        },
                        {
                            "safe_regex": {
                                "regex": r"(cluster_manager\.cds|listener_manager\.lds|"
                                r"http\.turnout\.rds\.routes-[0-9]+)"
                                r"\.(version_text|update_rejected|update_failure)"
                            }
                        },
                        {
                            "safe_regex": {
                                "regex": r"listener_manager\."
                                r"(total_listeners_active|listener_create_failure)"
                            }
                        },
                    ]
                }
            },
            "histogram_bucket_settings": [
                {"match": {"suffix": "upstream_rq_time"}, "buckets": list(LATENCY_MS)}
            ],
        },
    }
