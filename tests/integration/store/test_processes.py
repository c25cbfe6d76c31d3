"""Several processes on one database, and one that dies in the middle."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.records import an_event
from turnout.model.deployment import Status
from turnout.store.database import parse_url
from turnout.store.sql import SqlStore

ROOT = Path(__file__).parents[3]


@contextmanager
def writer(url: str, name: str, count: int) -> Iterator[subprocess.Popen[str]]:
    """A process that writes once it gets a line."""
    command = [sys.executable, "-m", "tests.integration.store.writer", url, name, str(count)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def _start(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def _told(lines: str) -> dict[int, str]:
    """Sequence numbers and deployments that a writer has acknowledged; a torn last line is none."""
    pairs = (line.split() for line in lines.splitlines(keepends=True) if line.endswith("\n"))
    return {int(sequence): deployment for sequence, deployment in pairs}


async def test_what_a_killed_process_had_acknowledged_is_there(url: str) -> None:
    with writer(url, "shop", 0) as process:
        _start(process)
        assert process.stdout is not None
        lines = "".join(process.stdout.readline() for _ in range(40))
        process.kill()
        lines += process.stdout.read()
        process.wait()
    told = _told(lines)
    assert len(told) >= 40

    async with SqlStore(url) as store:
        events = await store.read_events(after=0, limit=100_000)
        found = {event.sequence: event.deployment for event in events}
        assert told.items() <= found.items()
        assert len(found) <= len(told) + 1  # one may have been written and not yet told
        for deployment in told.values():
            assert (await store.read_deployment(deployment)).status is Status.SUCCEEDED
            assert len((await store.read_steps(deployment))[0]) == 1
        after = await store.record_event(an_event())
        assert after.sequence == len(found) + 1

    if url.startswith("sqlite"):
        with sqlite3.connect(str(parse_url(url).database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


async def test_two_processes_write_at_once_without_losing_or_doubling_anything(url: str) -> None:
    with writer(url, "shop", 60) as one, writer(url, "cart", 60) as other:
        _start(one)
        _start(other)
        (first, _), (second, _) = await asyncio.gather(
            asyncio.to_thread(one.communicate), asyncio.to_thread(other.communicate)
        )
        assert (one.returncode, other.returncode) == (0, 0)
    told = _told(first) | _told(second)
    assert sorted(told) == list(range(1, 121))
    # They really were at it at the same time.
    assert min(_told(second)) < max(_told(first)) and min(_told(first)) < max(_told(second))
    async with SqlStore(url) as store:
        found = await store.read_events(after=0)
        assert {event.sequence: event.deployment for event in found} == told
        for cluster in ("shop", "cart"):
            done = frozenset({Status.SUCCEEDED})
            listed = await store.list_deployments(cluster=cluster, statuses=done, limit=100)
            assert len(listed) == 60


async def test_an_event_of_another_process_is_noticed(url: str) -> None:
    async with SqlStore(url) as store:
        with writer(url, "shop", 1) as process:
            waiting = asyncio.create_task(store.await_event(0, timedelta(seconds=30)))
            await asyncio.sleep(0)  # it has begun to wait
            _start(process)
            assert await waiting
        assert len(await store.read_events(after=0)) == 1


@pytest.mark.parametrize("count", [4])
async def test_several_processes_may_start_on_an_empty_database_at_once(
    empty_url: str, count: int
) -> None:
    code = (
        "import asyncio, sys; from turnout.store.migration import migrate;"
        "sys.stdin.readline(); print(asyncio.run(migrate(sys.argv[1])))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, empty_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    try:
        answers = await asyncio.gather(
            *(asyncio.to_thread(process.communicate, "go\n") for process in processes)
        )
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [process.returncode for process in processes] == [0] * count, answers
    async with SqlStore(empty_url) as store:
        assert (await store.record_event(an_event())).sequence == 1
