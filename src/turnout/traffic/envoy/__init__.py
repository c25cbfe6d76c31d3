"""A real Envoy for every listener, configured by files that it watches.

    facts on disk ──> documents for Envoy ──> Envoy ──> figures
    fact, ledger      bootstrap, upstreams,   process,  admin,
                      routes, listeners       document  figures

Words: an *upstream* is what Envoy calls a cluster; a cluster is Turnout's. Envoy crashes when it
runs out of inotify instances (128 for all programs of a user on most machines) and takes one for
every file that it watches. So there are few files, whatever the number of clusters: one of
listeners, one of upstreams, and 16 of routes; and upstreams carry their endpoints with them instead
of watching a file each. An upstream is never changed: other endpoints make another upstream, under
another name, and the old one stays until its last request is done.

Imported by the server. Builders are pure; only `router` and `drainer` are meant for others.
"""

from turnout.traffic.envoy.bootstrap import LATENCY_MS
from turnout.traffic.envoy.drainer import EnvoyDrainer
from turnout.traffic.envoy.router import EnvoyRouter

__all__ = ["LATENCY_MS", "EnvoyDrainer", "EnvoyRouter"]
