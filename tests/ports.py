"""Ports for what tests start.

They lie below those that the system gives to outgoing connections, so nobody takes one between its
choice and its use; and each worker of pytest has ports of its own.
"""

from __future__ import annotations

import os
import secrets
import socket

_WORKERS = 4
_LISTENERS = range(10000, 19000)
_INSTANCES = range(20000, 30000)

_given: set[int] = set()


def choose_port() -> int:
    """A free port that no test got before."""
    ports = _mine(_LISTENERS)
    while True:
        port = secrets.choice(ports)
        if port not in _given and not is_taken(port):
            _given.add(port)
            return port


def instance_ports() -> tuple[int, int]:
    """The first and the last of the ports for instances that a server of this worker starts."""
    ports = _mine(_INSTANCES)
    return ports[0], ports[-1]


def ports_setting() -> str:
    """The same as the setting `ports` of a server."""
    return "{}-{}".format(*instance_ports())


def is_taken(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return True
    return False


def _mine(ports: range) -> range:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    size = len(ports) // _WORKERS
    return ports[worker * size : (worker + 1) * size]
