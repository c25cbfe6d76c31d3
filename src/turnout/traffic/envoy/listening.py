"""Whether a listener's port can be had, and who has it."""

from __future__ import annotations

import errno
import socket

import psutil

from turnout.model.errors import Permanent
from turnout.model.traffic import Listener

_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not listened on


def is_same_place(first: Listener, second: Listener) -> bool:
    """Whether both cannot listen at the same time."""
    if first.port != second.port:
        return False
    hosts = {first.host, second.host}
    return len(hosts) == 1 or bool(hosts & _ANY)


def require_free(listener: Listener) -> None:
    """Raises `Permanent`, naming the port and its holder if that can be told, when Envoy would not
    get it.
    """
    try:
        _bind(listener)
    except OSError as error:
        raise _refuse(listener, error) from error


def _refuse(listener: Listener, error: OSError) -> Permanent:
    """Why nobody can listen there."""
    tried = f"{listener.cluster} cannot listen on {listener.host}:{listener.port}"
    if error.errno == errno.EADDRINUSE:
        return Permanent(
            f"{tried}: port {listener.port} is taken by {_describe(find_holder(listener))}",
            hint="End that program, or choose another listener.port.",
        )
    if error.errno == errno.EACCES:
        return Permanent(
            f"{tried}: ports below 1024 need a special right",
            hint="Choose a port above 1023.",
        )
    return Permanent(
        f"{tried}: {error.strerror or error}",
        hint="listener.host must be an IP address of this machine.",
    )


def find_holder(listener: Listener) -> int | None:
    """The pid of the program that listens there; None when it cannot be told."""
    try:
        found = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return None
    for connection in found:
        if connection.status == psutil.CONN_LISTEN and connection.laddr:
            host, port = connection.laddr[:2]
            if port == listener.port and (host == listener.host or {host, listener.host} & _ANY):
                return connection.pid
    return None


def _describe(pid: int | None) -> str:
    if pid is None:
        return "another program"
    try:
        return f"{psutil.Process(pid).name()} (process {pid})"
    except psutil.Error:
        return f"process {pid}"


def _bind(listener: Listener) -> None:
    """As Envoy will do it: past connections that still linger do not matter."""
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((listener.host, listener.port))
        probe.listen(1)
