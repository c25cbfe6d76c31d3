from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest

from tests.integration.envoy.services import ask, paused_envoy, until
from turnout.model.errors import Permanent
from turnout.model.journal import Event
from turnout.model.traffic import Listener
from turnout.traffic.envoy import EnvoyRouter


@contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taker.bind(("127.0.0.1", port))
        taker.listen()
        yield


@asynccontextmanager
async def other_program(port: int) -> AsyncIterator[int]:
    """A process that listens on the port; its pid."""
    code = (
        "import socket,sys;s=socket.socket();"
        "s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1);"
        f"s.bind(('127.0.0.1',{port}));s.listen();print('ready',flush=True);sys.stdin.read()"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", code),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def status(port: int) -> int:
    try:
        return (await ask(port)).status
    except OSError:
        return 0


async def test_taken_port_is_refused_with_the_name_of_its_holder(
    router: EnvoyRouter, port: int, other_port: int
) -> None:
    await router.apply_listener("web", Listener(cluster="web", port=other_port))
    async with other_program(port) as pid:
        with pytest.raises(Permanent, match=rf"port {port} is taken by .*\(process {pid}\)"):
            await router.apply_listener("shop", Listener(cluster="shop", port=port))
    assert await router.observe_listener("shop") is None
    assert await status(other_port) == 503
    await router.apply_listener("shop", Listener(cluster="shop", port=port))
    assert await status(port) == 503


async def test_listener_cannot_move_to_a_taken_port_and_stays(
    router: EnvoyRouter, port: int, other_port: int
) -> None:
    here = Listener(cluster="shop", port=port)
    await router.apply_listener("shop", here)
    with listening(other_port), pytest.raises(Permanent, match=f"port {other_port} is taken"):
        await router.apply_listener("shop", Listener(cluster="shop", port=other_port))
    state = await router.observe_listener("shop")
    assert state is not None
    assert state.listener == here
    assert await status(port) == 503


async def test_moved_listener_leaves_its_old_port(
    router: EnvoyRouter, port: int, other_port: int
) -> None:
    await router.apply_listener("shop", Listener(cluster="shop", port=port))
    await router.apply_listener("shop", Listener(cluster="shop", port=other_port))
    assert await status(other_port) == 503
    async with asyncio.timeout(60):
        while await status(port) != 0:
            pass
    with listening(port):
        pass


async def test_address_of_another_machine_is_refused(router: EnvoyRouter, port: int) -> None:
    for host in ("192.0.2.1", "not-an-address.invalid"):
        with pytest.raises(Permanent, match="cannot listen on"):
            await router.apply_listener("shop", Listener(cluster="shop", port=port, host=host))


async def test_every_address_and_one_address_cannot_be_shared(
    router: EnvoyRouter, port: int
) -> None:
    await router.apply_listener("shop", Listener(cluster="shop", port=port))
    everywhere = Listener(cluster="web", port=port, host="0.0.0.0")
    with pytest.raises(Permanent, match="taken by the cluster shop"):
        await router.apply_listener("web", everywhere)


async def test_port_that_somebody_else_gets_first_is_refused_and_nothing_changes(
    router: EnvoyRouter, port: int, other_port: int, tmp_path: Path
) -> None:
    """It was free when we looked, and taken when Envoy wanted it."""
    here = Listener(cluster="shop", port=other_port)
    await router.apply_listener("shop", here)
    with ExitStack() as taken:
        with paused_envoy(tmp_path):
            moved = Listener(cluster="shop", port=port)
            move = asyncio.create_task(router.apply_listener("shop", moved))
            file = tmp_path / "router/envoy/listeners/listeners.json"
            await until(lambda: f":{port}" in file.read_text())
            taken.enter_context(listening(port))
        with pytest.raises(Permanent, match="Address already in use"):
            await move
    state = await router.observe_listener("shop")
    assert state is not None
    assert state.listener == here
    assert await status(other_port) == 503


async def test_port_that_was_taken_while_envoy_was_down_is_told_and_opened_once_it_is_free(
    tmp_path: Path, port: int, other_port: int
) -> None:
    events: list[Event] = []
    folder = tmp_path / "router"
    async with EnvoyRouter(folder) as first:
        await first.apply_listener("shop", Listener(cluster="shop", port=port))
        await first.apply_listener("web", Listener(cluster="web", port=other_port))
        await first.stop()
    with listening(port):
        async with EnvoyRouter(folder, on_event=events.append) as second:
            try:
                assert await status(other_port) == 503
                await until(lambda: any(f"port {port} is taken" in e.sentence for e in events))
            finally:
                await second.stop()


async def test_listener_that_could_not_be_opened_is_opened_once_its_port_is_free(
    tmp_path: Path, port: int
) -> None:
    events: list[Event] = []
    folder = tmp_path / "router"
    async with EnvoyRouter(folder) as first:
        await first.apply_listener("shop", Listener(cluster="shop", port=port))
        await first.stop()
    taker = listening(port)
    taker.__enter__()
    async with EnvoyRouter(folder, on_event=events.append) as second:
        try:
            await until(lambda: len(events) == 1)
            taker.__exit__(None, None, None)
            await until(lambda: any("open again" in e.sentence for e in events))
            assert await status(port) == 503
        finally:
            await second.stop()
