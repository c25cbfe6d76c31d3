"""Listeners that should be open and are not: another program has their port."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

from turnout.model.errors import Permanent, Temporary
from turnout.model.traffic import Listener
from turnout.server.doctor.judging import Shut
from turnout.traffic.envoy.admin import AdminUnavailable, EnvoyAdmin
from turnout.traffic.envoy.bootstrap import ADMIN_SOCKET
from turnout.traffic.envoy.listeners import listener_name
from turnout.traffic.envoy.listening import require_free


async def observe_shut(folder: Path, listeners: Collection[Listener]) -> dict[str, Shut]:
    """By cluster. Whether a listener is open is what Envoy says, whose folder it is, not what was
    written. Raises `Temporary` when it says nothing.
    """
    admin = EnvoyAdmin(folder / ADMIN_SOCKET)
    try:
        lines = (await admin.get("/listeners")).splitlines()
    except AdminUnavailable as error:
        raise Temporary(str(error)) from error
    finally:
        admin.close()
    is_open = {line.partition("::")[0] for line in lines}
    missing = [listener for listener in listeners if listener_name(listener) not in is_open]
    return {one.cluster: await asyncio.to_thread(_why, one) for one in missing}


def _why(listener: Listener) -> Shut:
    try:
        require_free(listener)
    except Permanent as error:
        return Shut(error.message, error.hint)
    return Shut(
        f"Envoy does not listen on {listener.host}:{listener.port}",
        "It is tried again every few seconds. If that does not help, see the server's log",
    )
