from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from turnout.checks import LocalChecker
from turnout.checks.command import OWNER, end_strays
from turnout.model.checks import CheckAnswer, CommandCheck, Verdict
from turnout.model.traffic import GroupTraffic, Listener
from turnout.ports import CheckContext
from turnout.processes.identity import observe_status
from turnout.testing import MemoryAnalyst, MemoryClock, World


class RealTime(MemoryClock):
    def elapsed(self) -> timedelta:
        return timedelta(seconds=time.monotonic())

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())


class NoMetrics:
    async def observe_window(
        self, cluster: str, group: str, since: datetime, until: datetime
    ) -> GroupTraffic:
        raise AssertionError("not asked for")


async def make(
    *command: str, timeout: float = 30, folder: Path | None = None, owner: str = "test"
) -> CheckAnswer:
    checker = LocalChecker(NoMetrics(), MemoryAnalyst(), RealTime(World()), owner=owner)
    context = CheckContext(
        cluster="shop",
        group="shop-v002",
        source="shop-v001",
        listener=Listener(cluster="shop", host="0.0.0.0", port=8080, preview_header="x-preview"),
        folder=str(folder or ""),
    )
    check = CommandCheck(command=command, timeout=timedelta(seconds=timeout))
    return await checker.answer(check, context)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    status = observe_status(pid)
    return status is not None and status.is_alive


async def test_a_command_is_told_what_it_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNOUT_TOKEN", "secret")
    monkeypatch.setenv("SOMETHING", "else")
    answer = await make(
        "sh",
        "-c",
        "echo $TURNOUT_CLUSTER $TURNOUT_GROUP $TURNOUT_SOURCE $TURNOUT_URL"
        " $TURNOUT_PREVIEW_HEADER $SOMETHING ${TURNOUT_TOKEN-unset}",
    )
    assert answer.verdict is Verdict.PASS
    said = "shop shop-v002 shop-v001 http://127.0.0.1:8080 x-preview else unset"
    assert answer.sentence.endswith(f'"{said}"')


async def test_a_command_runs_in_the_folder_of_the_group(tmp_path: Path) -> None:
    script = tmp_path / "smoke.sh"
    script.write_text("#!/bin/sh\npwd\nexit 3\n")
    script.chmod(0o755)
    answer = await make("./smoke.sh", folder=tmp_path)
    assert answer.verdict is Verdict.FAIL
    assert answer.figures["exit_code"] == 3
    assert answer.sentence.endswith(f'"{tmp_path}"')


@pytest.mark.parametrize("command", ["no-such-command", "/etc/hostname", "./no-such-script"])
async def test_a_command_that_cannot_be_run_is_an_error_at_once(
    command: str, tmp_path: Path
) -> None:
    answer = await make(command, folder=tmp_path)
    assert answer.verdict is Verdict.ERROR
    assert f"{command} cannot be run in {tmp_path}" in answer.sentence


async def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    answer = await make("true", folder=tmp_path / "gone")
    assert answer.verdict is Verdict.ERROR


async def test_a_command_that_does_not_end_is_killed_with_all_it_started(tmp_path: Path) -> None:
    """Its children too, also one that ignores SIGTERM and one that left the session."""
    pids = tmp_path / "pids"
    script = (
        "trap '' TERM; echo $$ >> pids;"
        "(sh -c 'trap \"\" TERM; echo $$ >> pids; sleep 1000; sleep 1000') &"
        "setsid sh -c 'echo $$ >> pids; sleep 1000; sleep 1000' &"
        "sleep 1000; sleep 1000"
    )
    answer = await make("sh", "-c", script, timeout=1.0, folder=tmp_path)
    assert answer.verdict is Verdict.ERROR
    assert answer.sentence.endswith("sh did not end within 1s and was killed")
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 3
    assert not [pid for pid in started if is_running(pid)]


async def test_what_a_command_leaves_behind_is_ended(tmp_path: Path) -> None:
    answer = await make("sh", "-c", "sleep 1000 & echo $! > pid; exit 0", folder=tmp_path)
    assert answer.verdict is Verdict.PASS
    assert not is_running(int((tmp_path / "pid").read_text()))


async def test_a_cancelled_check_leaves_nothing(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    task = asyncio.create_task(make("sh", "-c", "echo $$ > pid; sleep 1000; :", folder=tmp_path))
    await until(lambda: pid.exists() and pid.read_text().endswith("\n"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_running(int(pid.read_text()))


async def test_much_output_neither_blocks_nor_is_kept() -> None:
    script = "import sys; sys.stdout.write('x' * 5_000_000 + '\\nthe end\\n')"
    answer = await make(sys.executable, "-c", script)
    assert answer.verdict is Verdict.PASS
    assert answer.sentence.endswith('"the end"')


async def test_commands_of_a_killed_server_are_found_by_their_owner() -> None:
    """Those of another owner are left alone."""
    owner, other = uuid4().hex, uuid4().hex
    ours, theirs = [
        await asyncio.create_subprocess_exec(
            "sleep", "1000", env={**os.environ, OWNER: name}, start_new_session=True
        )
        for name in (owner, other)
    ]
    try:
        assert await end_strays(owner) == 1
        assert await ours.wait() == -signal.SIGKILL
        assert theirs.returncode is None
        assert await end_strays(owner) == 0
    finally:
        for process in (ours, theirs):
            if process.returncode is None:
                process.kill()
                await process.wait()
