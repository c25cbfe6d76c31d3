from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from turnout.history import History, Sample
from turnout.model.canary.queries import ProcessQuery, Query, RouterQuery
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Permanent
from turnout.processes import Process
from turnout.processes.identity import Identity, observe_status
from turnout.providers.local.gauges import InstanceGauges, ProcessSource

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAN: Any = pytest.approx(math.nan, nan_ok=True)  # equals itself
GROUP = "shop-v001"

MEMORY = 64 * 2**20
COMMAND = f"""
import sys, time
kept = bytearray({MEMORY})
files = [open("/dev/null") for _ in range(50)]
print("ready", flush=True)
sys.stdin.readline()
began = time.process_time()
while time.process_time() - began < 0.3:
    pass
print("done", flush=True)
sys.stdin.readline()
"""


class Instance:
    """A process of a session of its own, which does its work in a child."""

    def __init__(self, folder: Path) -> None:
        self.popen = subprocess.Popen(
            ["/bin/sh", "-c", f"{sys.executable} -c '{COMMAND}'; true"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        status = observe_status(self.popen.pid)
        assert status is not None
        self.process = Process(folder, "mark", Identity(self.popen.pid, status.identity.started))
        self.hear("ready")

    def hear(self, word: str) -> None:
        assert self.popen.stdout is not None
        assert self.popen.stdout.readline() == f"{word}\n"

    def say(self) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()

    def work(self) -> None:
        self.say()
        self.hear("done")

    def end(self) -> None:
        self.say()
        self.popen.communicate(timeout=20)


class Host:
    """Clocks that only move when they are told to."""

    def __init__(self, folder: Path, *instances: Instance) -> None:
        self.folder, self.instances = folder, instances
        self.seconds = 0.0
        self.start()

    def start(self) -> None:
        self.history = History(self.folder / "instances", hours=10)
        self.gauges = InstanceGauges(
            lambda: {GROUP: [one.process for one in self.instances]},
            self.history,
            clock=lambda: self.seconds + 77,
            wall=lambda: NOON + timedelta(seconds=self.seconds),
        )

    async def sample(self, after: float = 5) -> None:
        self.seconds += after
        await self.gauges.sample()

    async def samples(self) -> list[Sample]:
        found: list[Sample] = []
        await self.history.read(GROUP, NOON, NOON + timedelta(hours=1), found.append)
        return found


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    started = Instance(tmp_path)
    yield started
    started.end()


async def test_an_instance_is_measured_with_all_that_it_has_started(
    tmp_path: Path, instance: Instance
) -> None:
    host = Host(tmp_path, instance)
    await host.sample()
    instance.work()
    await host.sample()
    first, second = await host.samples()
    assert first.values["cpu"] is None  # what it had used before is no rate
    assert 55 <= (second.values["cpu"] or 0) <= 100  # 0.3 s and a bit of 5 s of one core
    assert MEMORY <= (second.values["memory"] or 0) <= 2 * MEMORY
    assert 50 <= (second.values["open_files"] or 0) <= 70


async def test_a_group_is_the_mean_of_its_instances(tmp_path: Path, instance: Instance) -> None:
    other = Instance(tmp_path)
    try:
        host = Host(tmp_path, instance, other)
        await host.sample()
        instance.work()
        await host.sample()
        _, found = await host.samples()
        assert 25 <= (found.values["cpu"] or 0) <= 50
        assert MEMORY <= (found.values["memory"] or 0) <= 2 * MEMORY
        other.work()
    finally:
        other.end()


async def test_after_a_pause_or_a_restart_there_is_no_rate(
    tmp_path: Path, instance: Instance
) -> None:
    host = Host(tmp_path, instance)
    await host.sample()
    instance.work()
    await host.sample(after=16)
    await host.sample()
    await host.history.flush()
    host.start()
    await host.sample()
    cpu = [sample.values.get("cpu", 0) for sample in await host.samples()]
    assert [value is None for value in cpu] == [True, True, False, True]


async def test_an_instance_that_is_gone_is_no_idle_one(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    host = Host(tmp_path, instance)
    await host.sample()
    instance.work()
    instance.end()
    host.instances = ()
    await host.sample()
    assert len(await host.samples()) == 1


def scope(step: int = 10, group: str = GROUP) -> CanaryScope:
    return CanaryScope(scope=group, start=NOON, end=NOON + timedelta(seconds=30), step=step)


def query(metric: str) -> Query:
    return ProcessQuery(type="process", metric_name=metric)


async def test_a_canary_gets_the_means_of_its_steps(tmp_path: Path, instance: Instance) -> None:
    host = Host(tmp_path, instance)
    source = ProcessSource(host.history)
    assert source.complete_until() is None
    for _ in range(4):
        await host.sample()
    assert source.complete_until() == NOON + timedelta(seconds=20)
    (cpu,) = await source.fetch(query("cpu"), scope(), {})
    (files,) = await source.fetch(query("open_files"), scope(), {})
    idle: Any = pytest.approx(0, abs=20)
    assert cpu.values == (idle, idle, NAN)
    assert files.values == (files.values[0], files.values[0], NAN)
    assert (cpu.start, cpu.step) == (NOON, timedelta(seconds=10))
    (fine,) = await source.fetch(query("cpu"), scope(5), {})
    assert fine.values[0] == NAN  # the first sample has no rate
    assert await source.fetch(query("cpu"), scope(group="shop-v009"), {}) == ()
    instance.work()


async def test_a_wrong_question_is_told_with_its_place(tmp_path: Path) -> None:
    source = ProcessSource(History(tmp_path, hours=10))
    for asked, place in (
        (query("speed"), "query.metricName"),
        (RouterQuery(type="router", metric_name="requests"), "query.type"),
    ):
        with pytest.raises(InvalidDocument) as told:
            source.describe(asked, scope(), {})
        assert told.value.problems[0].path == place
        with pytest.raises(Permanent):
            await source.fetch(asked, scope(), {})
    assert source.describe(query("cpu"), scope(), {}) == (
        "cpu in per mille of one core of shop-v001, per instance, every 10 s"
    )


async def test_processes_of_others_are_not_counted(tmp_path: Path, instance: Instance) -> None:
    from turnout.processes.usage import Usage, observe_usage

    found = observe_usage([instance.popen.pid, 2**30])
    assert found[2**30] == Usage()
    assert found[instance.popen.pid].memory < 3 * MEMORY
    ours = observe_usage([os.getpid()])[os.getpid()]
    assert ours.open_files > found[instance.popen.pid].open_files  # its parent has it, too
    instance.work()
