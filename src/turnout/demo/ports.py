"""Ports of the demo: one for the shop's users, and one for the server, which comes back to it."""

from __future__ import annotations

import random
import socket

from turnout.demo.errors import DemoFailed

HOST = "127.0.0.1"
_USUAL = 8080
# Below those that the system gives to outgoing connections, and those that instances get.
_SHOPS = range(19000, 19500)
_SERVERS = range(19500, 20000)


def choose_shop_port(*, usual: bool) -> int:
    """8080 if that is wished for and free, else another free one. Raises `DemoFailed`."""
    return _USUAL if usual and is_free(_USUAL) else _choose(_SHOPS)


def choose_server_port() -> int:
    """A free one, never one for the shop. Raises `DemoFailed`."""
    return _choose(_SERVERS)


def is_free(port: int) -> bool:
    """Whether one could listen there. Past connections that still linger do not matter."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _choose(ports: range) -> int:
    for port in random.sample(ports, len(ports)):
        if is_free(port):
            return port
    raise DemoFailed(f"no port from {ports[0]} to {ports[-1]} is free")
