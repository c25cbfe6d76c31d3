"""Logs of the instances of a server group as one stream of text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from turnout.api.backend import Backend
from turnout.api.clusters import no_group, require_cluster
from turnout.model.errors import InvalidDocument, NotFound
from turnout.model.names import parse_group

_WAITING = 1000
"""Lines that are read ahead of a slow client."""


async def read_logs(
    backend: Backend, group: str, instance: str | None, *, lines: int, follow: bool
) -> AsyncIterator[bytes]:
    """The last lines of one instance, or of all, each then marked with its instance.

    Raises `NotFound` at once, not when the stream is read.
    """
    names = await _instances(backend, group)
    if instance is not None:
        if instance not in names:
            there = f"It has: {', '.join(names)}." if names else "It has none."
            raise NotFound(f"{group} has no instance {instance!r}", hint=there)
        names = [instance]
    logs = {
        name: backend.inventory.read_log(group, name, lines=lines, follow=follow) for name in names
    }
    if follow:
        return _merged(logs, backend.feed.closed)
    return _in_turn(logs)


async def _instances(backend: Backend, group: str) -> list[str]:
    try:
        cluster, _ = parse_group(group)
    except InvalidDocument as error:
        raise NotFound(f"There is no server group {group!r}: {error.message}") from error
    state = await backend.observe(cluster)
    found = state.group(group)
    if found is None:
        await require_cluster(backend, cluster)
        raise no_group(cluster, group, [g.name for g in state.groups])
    return [i.id for i in found.instances]


async def _in_turn(logs: Mapping[str, AsyncIterator[str]]) -> AsyncIterator[bytes]:
    for name, log in logs.items():
        prefix = _prefix(name, logs)
        async for line in log:
            yield f"{prefix}{line}\n".encode()


async def _merged(
    logs: Mapping[str, AsyncIterator[str]], closed: asyncio.Event
) -> AsyncIterator[bytes]:
    """Lines as they come, until all logs have ended, or until `closed`."""
    queue: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)

    async def read(name: str, log: AsyncIterator[str]) -> None:
        prefix = _prefix(name, logs)
        async for line in log:
            await queue.put(f"{prefix}{line}\n".encode())

    async def read_all() -> None:
        async with asyncio.TaskGroup() as group:
            for name, log in logs.items():
                group.create_task(read(name, log))
        await queue.put(None)

    async def end() -> None:
        await closed.wait()
        await queue.put(None)

    tasks = [asyncio.create_task(read_all()), asyncio.create_task(end())]
    try:
        while True:
            parts = [await queue.get()]
            while not queue.empty():
                parts.append(queue.get_nowait())
            yield b"".join(part for part in parts if part is not None)
            if None in parts:
                break
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _prefix(name: str, logs: Mapping[str, object]) -> str:
    return f"{name} " if len(logs) > 1 else ""
