from __future__ import annotations

import asyncio

import pytest
import structlog

from turnout.server import tasks
from turnout.server.tasks import running_tasks


async def test_a_mistake_in_one_work_ends_neither_it_nor_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "AGAIN_AFTER", 0.001)
    done: list[str] = []
    enough = asyncio.Event()

    async def good() -> None:
        while True:
            done.append("good")
            await asyncio.sleep(0.001)

    async def bad() -> None:
        done.append("bad")
        if done.count("bad") >= 3:
            enough.set()
        raise ZeroDivisionError("a mistake")

    with structlog.testing.capture_logs() as logs:
        async with asyncio.timeout(60), running_tasks() as running:
            running.start("good", good)
            running.start("bad", bad)
            await enough.wait()
            before = done.count("good")
            while done.count("good") == before:
                await asyncio.sleep(0.001)
    assert {(entry["event"], entry["work"]) for entry in logs} == {("work.failed", "bad")}


async def test_leaving_ends_all_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    started = asyncio.Event()
    async with asyncio.timeout(60):
        async with running_tasks() as running:
            running.start("work", work)
            await started.wait()
        assert ended.is_set()
