from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.integration.envoy.services import Service, ask, envoys_below, reserved_port, services
from turnout.model.traffic import Listener
from turnout.traffic.envoy import EnvoyRouter

CLUSTERS = 200


def memory_mb(pid: int) -> float:
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return int(fields["VmRSS"].split()[0]) / 1024


def inotify_instances(pid: int) -> int:
    targets = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # a connection that has just been closed
            targets.append(str(path.readlink()))
    return sum("inotify" in target for target in targets)


async def prepare(router: EnvoyRouter, cluster: str, port: int, service: Service) -> None:
    await router.apply_endpoints(
        cluster,
        {f"{cluster}-v{number:03d}": [service.endpoint()] for number in (1, 2)},
    )
    await router.apply_listener(cluster, Listener(cluster=cluster, port=port))
    await router.apply_split(cluster, {f"{cluster}-v001": 1000}, 0, "d:1")


@pytest.mark.slow
async def test_two_hundred_clusters_are_served_by_one_small_envoy(
    router: EnvoyRouter, tmp_path: Path
) -> None:
    with ExitStack() as held:
        ports = [held.enter_context(reserved_port()) for _ in range(CLUSTERS)]
        names = [f"app{number:03d}-web" for number in range(CLUSTERS)]
        async with services("one") as (service,):
            begin = time.monotonic()
            async with asyncio.TaskGroup() as tasks:
                for name, port in zip(names, ports, strict=True):
                    tasks.create_task(prepare(router, name, port, service))
            prepared = time.monotonic() - begin
            (pid,) = envoys_below(tmp_path)
            took = []
            for name in names[::4]:
                begin = time.monotonic()
                await router.apply_split(name, {f"{name}-v001": 900, f"{name}-v002": 100}, 1, "d:2")
                await router.confirm_split(name, 2)
                took.append((time.monotonic() - begin) * 1000)
            for port in ports:
                async with asyncio.timeout(60):
                    while (await ask(port)).status != 200:
                        pass
            counted = await router.observe_all_traffic()
            assert set(counted) == set(names)
            print(  # noqa: T201 - measured figures are worth a look
                f"{CLUSTERS} clusters in {prepared:.1f} s: Envoy {memory_mb(pid):.0f} MB, "
                f"{inotify_instances(pid)} inotify instances, "
                f"switch p50 {statistics.median(took):.0f} ms, max {max(took):.0f} ms"
            )
            assert inotify_instances(pid) <= 20
            assert memory_mb(pid) < 250
