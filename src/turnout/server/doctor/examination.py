"""The list of all that is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain

from turnout.api.views import Finding
from turnout.model.errors import TurnoutError
from turnout.server.doctor import host, parts
from turnout.server.doctor.clusters import Sources, look_at_clusters
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


async def examine(settings: Settings, sources: Sources | None = None) -> tuple[Finding, ...]:
    """Everything, in a fixed order. A look that fails is a finding, too.

    `sources`: of a running server, which alone knows how its clusters fare.
    """
    looks = [_look(_name(look), _single(look, settings)) for look in _LOOKS]
    if sources is not None:
        looks.append(_look("clusters", look_at_clusters(sources)))
    return tuple(chain.from_iterable(await asyncio.gather(*looks)))


def run(settings: Settings) -> tuple[Finding, ...]:
    """The same, outside of an event loop and of a server."""
    return asyncio.run(examine(settings))


def _name(look: Callable[[Settings], Awaitable[Finding]]) -> str:
    return look.__name__.removeprefix("look_at_").replace("_", " ")


async def _single(
    look: Callable[[Settings], Awaitable[Finding]], settings: Settings
) -> tuple[Finding, ...]:
    return (await look(settings),)


async def _look(name: str, looking: Awaitable[tuple[Finding, ...]]) -> tuple[Finding, ...]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await looking
    except TimeoutError:
        return (trouble(name, f"no answer within {PATIENCE:g} s", "Try again; is the host busy?"),)
    except TurnoutError as error:
        hint = error.hint or "Try again; the server's log may say more."
        return (trouble(name, f"could not be looked at: {error.message}", hint),)
    except Exception as error:
        return (trouble(name, f"could not be looked at: {error!r}", "Please report this."),)
