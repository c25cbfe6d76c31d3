"""Where a process really listens: the answer to half of all services that never become healthy."""

from __future__ import annotations

import psutil


def observe_listening(pid: int) -> frozenset[tuple[str, int]]:
    """Addresses on which the process or its children accept TCP connections. Takes milliseconds."""
    found: set[tuple[str, int]] = set()
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return frozenset()
    for process in family:
        try:
            connections = process.net_connections(kind="tcp")
        except psutil.Error:
            continue
        found |= {
            (c.laddr.ip, c.laddr.port)
            for c in connections
            if c.status == psutil.CONN_LISTEN and c.laddr
        }
    return frozenset(found)


def format_listening(host: str, port: int, found: frozenset[tuple[str, int]]) -> str:
    """Say that nothing listens at the address, and where the process does instead. Pure."""
    nothing = f"nothing listens on {host}:{port}"
    if not found:
        return nothing
    if any(p == port for _, p in found):
        where = ", ".join(sorted(f"[{h}]:{p}" if ":" in h else f"{h}:{p}" for h, p in found))
        return f"{nothing}; the process listens on {where}: make it listen on {host}"
    ports = ", ".join(str(p) for p in sorted({p for _, p in found}))
    return f"{nothing}; the process listens on {ports} instead of $PORT"
