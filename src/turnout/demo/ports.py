"""A port for the shop's users."""

from __future__ import annotations

import socket
from contextlib import suppress

HOST = "127.0.0.1"
_USUAL = 8080


def choose_port(*, usual: bool) -> int:
    """8080 if that is wished for and free, else any free one."""
    return _USUAL if usual and is_free(_USUAL) else _bind(0)


def is_free(port: int) -> bool:
    """Whether one could listen there. Past connections that still linger do not matter."""
    with suppress(OSError):
        return _bind(port) == port
    return False


def _bind(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        probe.listen(1)
        chosen: int = probe.getsockname()[1]
        return chosen
