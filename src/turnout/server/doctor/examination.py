"""The list of all that is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from turnout.api.views import Finding
from turnout.server.doctor import host, parts
from turnout.server.doctor.findings import trouble
from turnout.settings import Settings

PATIENCE = 15.0
"""Seconds that one look may take."""

_LOOKS: tuple[Callable[[Settings], Awaitable[Finding]], ...] = (
    host.look_at_platform,
    host.look_at_envoy,
    host.look_at_temporal,
    host.look_at_data_folder,
    host.look_at_token,
    host.look_at_disk,
    host.look_at_memory,
    host.look_at_open_files,
    host.look_at_inotify,
    host.look_at_instance_ports,
    host.look_at_clock,
    host.look_at_time_zones,
    parts.look_at_server,
    parts.look_at_store,
    parts.look_at_running_temporal,
    parts.look_at_running_envoy,
)


async def examine(settings: Settings) -> tuple[Finding, ...]:
    """Everything, in a fixed order. A look that fails is a finding, too."""
    return tuple(await asyncio.gather(*(_look(look, settings) for look in _LOOKS)))


def run(settings: Settings) -> tuple[Finding, ...]:
    """The same, outside of an event loop."""
    return asyncio.run(examine(settings))


async def _look(look: Callable[[Settings], Awaitable[Finding]], settings: Settings) -> Finding:
    name = look.__name__.removeprefix("look_at_").replace("_", " ")
    try:
        async with asyncio.timeout(PATIENCE):
            return await look(settings)
    except TimeoutError:
        return trouble(name, f"no answer within {PATIENCE:g} s", "Try again; is the host busy?")
    except Exception as error:
        return trouble(name, f"could not be looked at: {error!r}", "Please report this.")
