"""What Envoy reads when it starts, and the names of the files that it watches from then on. Pure.

Everything that may change while it runs is in the watched files; this one never changes.
"""

from __future__ import annotations

import zlib

from turnout.traffic.envoy.resources import Document, build_file_source

SHARDS = 16
"""Files of routes. Few, because Envoy takes an inotify instance for each; several, because Envoy
reads a file as a whole for every change in it."""

ADMIN_SOCKET = "admin.sock"
UPSTREAMS_FILE = "upstreams/upstreams.json"
LISTENERS_FILE = "listeners/listeners.json"
STAT_PREFIX = "turnout"
"""The same for all listeners, so that those of one file of routes share one subscription."""

LATENCY_MS = (
    *(0.5, 1, 2.5, 5, 10, 25, 50, 100, 150, 200, 300, 500, 750),
    *(1000, 1500, 2000, 3000, 5000, 10000, 30000, 60000),
)
"""Upper bounds of the latency histograms' buckets."""

_COUNTED = (
    r"cluster\.[a-z0-9-]+\.upstream_rq_(completed|4xx|5xx|active|pending_active|time|timeout)",
    r"cluster\.[a-z0-9-]+\.upstream_cx_(connect_fail|connect_timeout|destroy_remote_with_active_rq)",
    r"vhost\.[a-z0-9-]+\.route\.[a-z0-9-]+\.upstream_rq_(completed|4xx|5xx|time)",
    r"(cluster_manager\.cds|listener_manager\.lds|http\.turnout\.rds\.routes-[0-9]+)"
    r"\.(version_text|update_rejected|update_failure)",
    r"listener_manager\.(total_listeners_active|listener_create_failure)",
)


def shard_of(cluster: str) -> int:
    """Which file of routes a cluster is in."""
    return zlib.crc32(cluster.encode()) % SHARDS


def routes_name(shard: int) -> str:
    """The name of a shard's route configuration."""
    return f"routes-{shard:02d}"


def routes_file(shard: int) -> str:
    """Where a shard's route configuration is. A folder each: Envoy looks up whenever any file of a
    watched folder changes.
    """
    return f"{routes_name(shard)}/routes.json"


def build_bootstrap() -> Document:
    """The bootstrap file."""
    return {
        "node": {"id": "turnout", "cluster": "turnout"},
        "admin": {"address": {"pipe": {"path": ADMIN_SOCKET, "mode": 0o600}}},
        "dynamic_resources": {
            "cds_config": build_file_source(UPSTREAMS_FILE),
            "lds_config": build_file_source(LISTENERS_FILE),
        },
        # Histograms are merged at every flush; this is how old the recorded latencies may be.
        "stats_flush_interval": "0.5s",
        # Counters of upstreams without requests are not made: memory for those who need it.
        "deferred_stat_options": {"enable_deferred_creation_stats": True},
        "stats_config": {
            "use_all_default_tags": False,
            "stats_matcher": {
                "inclusion_list": {
                    "patterns": [{"safe_regex": {"regex": regex}} for regex in _COUNTED]
                }
            },
            "histogram_bucket_settings": [
                {"match": {"suffix": "upstream_rq_time"}, "buckets": list(LATENCY_MS)}
            ],
        },
    }
