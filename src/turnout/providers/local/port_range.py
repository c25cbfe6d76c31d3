"""Ports for instances, chosen where the kernel takes none for outgoing connections."""

from __future__ import annotations

import errno
import secrets
import socket
from pathlib import Path

import structlog

from turnout.model.errors import Temporary

_log = structlog.get_logger()

_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


class PortRange:
    """Hands out ports `first` … `last`, both included, none twice while it is reserved."""

    def __init__(self, first: int, last: int) -> None:
        if not 1 <= first <= last <= 65535:
            raise ValueError(f"{first} to {last} is not a range of ports")
        self._first = first
        self._size = last - first + 1
        # Others on this host may use the same range: do not all begin at the same end.
        self._next = secrets.randbelow(self._size)
        self._reserved: set[int] = set()

    def warn_if_outgoing(self) -> None:
        """Say in the log when the kernel uses ports of the range for outgoing connections."""
        try:
            low, high = (int(word) for word in _OUTGOING.read_text().split())
        except (OSError, ValueError):
            return
        last = self._first + self._size - 1
        if low <= last and self._first <= high:
            _log.warning(
                "ports.overlap",
                instances=f"{self._first}-{last}",
                outgoing=f"{low}-{high}",
                hint="An outgoing connection may take an instance's port. Choose other ports.",
            )

    def reserve(self) -> int:
        """A port that nobody uses now. The oldest released one comes last.

        Raises `Temporary` when none is free.
        """
        for _ in range(self._size):
            port = self._first + self._next
            self._next = (self._next + 1) % self._size
            if port not in self._reserved and is_free(port):
                self._reserved.add(port)
                return port
        raise Temporary(
            f"no port from {self._first} to {self._first + self._size - 1} is free: "
            f"{len(self._reserved)} belong to instances, others to other programs",
            hint="Destroy server groups that are not needed, or widen the range of ports.",
        )

    def claim(self, port: int) -> bool:
        """Reserve a port that an instance has had all along; False when another one has it."""
        if port in self._reserved:
            return False
        self._reserved.add(port)
        return True

    def release(self, port: int) -> None:
        """Give a port back."""
        self._reserved.discard(port)


def is_free(port: int) -> bool:
    """Whether a program could listen on the port now, on any address of this host.

    Asked strictly: also a connection that lingers there makes it taken.
    """
    try:
        with socket.socket(socket.AF_INET6) as both:
            both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            both.bind(("::", port))
            return True
    except OSError as error:
        if not _is_missing_ipv6(error):
            return False
    try:
        with socket.socket(socket.AF_INET) as only:
            only.bind(("0.0.0.0", port))  # noqa: S104 - bound for a moment, never listened on
            return True
    except OSError:
        return False


def _is_missing_ipv6(error: OSError) -> bool:
    return error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
