"""Real processes under the shim: found again, waited for, ended, exit code kept."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from turnout import processes
from turnout.processes import Process

LONG = timedelta(seconds=20)


class Launch(Protocol):
    def __call__(
        self, *command: str, name: str = "p", environment: dict[str, str] | None = None
    ) -> Process: ...


@pytest.fixture
async def launch(tmp_path: Path) -> AsyncIterator[Launch]:
    """Starts commands; ends whatever is left of them after the test."""
    started: list[Process] = []

    def start(*command: str, name: str = "p", environment: dict[str, str] | None = None) -> Process:
        process = processes.launch(
            tmp_path / name,
            command,
            environment={"PATH": os.environ["PATH"]} if environment is None else environment,
            cwd=tmp_path,
            log=tmp_path / name / "log",
        )
        started.append(process)
        return process

    yield start
    for process in started:
        await process.stop(signal.SIGKILL, timedelta(seconds=1))


def says(process: Process) -> str:
    return (process.folder / "log").read_text()


async def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"not in 20 s: {what}"
        await asyncio.sleep(0.01)


def with_mark(mark: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and (
                process.environ().get("TURNOUT_PROCESS") == mark
            ):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


async def test_the_exit_code_is_kept(launch: Launch) -> None:
    process = launch("sh", "-c", "exit 3")
    assert await process.wait(LONG)
    assert process.read_exit() == 3
    assert processes.read_exit(process.folder) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
async def test_the_command_gets_signals_and_its_exit_code_tells_which(
    launch: Launch, number: signal.Signals
) -> None:
    process = launch("sleep", "100")
    await until(lambda: process.pid, "the command runs")
    process.signal(number)
    assert await process.wait(LONG)
    assert process.read_exit() == 128 + number


async def test_the_command_may_end_in_its_own_way_when_asked_to(launch: Launch) -> None:
    process = launch(
        "sh", "-c", "trap 'echo bye; exit 7' TERM; echo on; while :; do sleep 0.01; done"
    )
    await until(lambda: "on" in says(process), "the trap is set")
    await process.stop(signal.SIGTERM, LONG)
    assert process.read_exit() == 7
    assert "bye" in says(process)


async def test_a_command_that_ignores_the_signal_is_killed_after_the_time_out(
    launch: Launch,
) -> None:
    process = launch("sh", "-c", "trap '' TERM; echo on; while :; do sleep 0.01; done")
    await until(lambda: "on" in says(process), "the signal is ignored")
    await process.stop(signal.SIGTERM, timedelta(milliseconds=200))
    assert not process.is_alive()
    assert process.read_exit() == 137


async def test_processes_that_left_the_session_or_dropped_the_mark_are_ended_too(
    launch: Launch,
) -> None:
    process = launch(
        "sh",
        "-c",
        "setsid sleep 1000 & env -i sleep 1001 & (setsid sh -c 'sleep 1002 & sleep 1003') & "
        "echo on; wait",
    )
    await until(lambda: len(with_mark(process.mark)) >= 6, "all children run")
    session = [p for p in psutil.process_iter() if _session(p.pid) == process.shim.pid]
    await process.stop(signal.SIGTERM, timedelta(seconds=5))
    assert with_mark(process.mark) == []
    assert [p for p in session if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []


async def test_children_that_ignore_the_signal_and_dropped_the_mark_are_killed(
    launch: Launch,
) -> None:
    process = launch(
        "sh", "-c", "trap '' TERM; env -i sleep 1001 & echo on; while :; do sleep 0.01; done"
    )
    await until(lambda: "on" in says(process), "the signal is ignored")
    await process.stop(signal.SIGTERM, timedelta(milliseconds=200))
    left = [p for p in psutil.process_iter() if _session(p.pid) == process.shim.pid]
    assert [p for p in left if p.status() != psutil.STATUS_ZOMBIE] == []


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


async def test_what_a_command_left_behind_when_it_ended_is_swept(launch: Launch) -> None:
    process = launch("sh", "-c", "setsid sleep 1000 & env -i sleep 1001 & exit 0")
    assert await process.wait(LONG)
    assert await process.sweep() == 2
    assert await process.sweep() == 0
    assert process.read_exit() == 0


async def test_a_command_that_does_not_exist_ends_with_127_and_says_so(launch: Launch) -> None:
    process = launch("no-such-command", "--flag")
    assert await process.wait(LONG)
    assert process.read_exit() == 127
    assert "no-such-command" in says(process)
    assert "not found" in says(process)


async def test_a_file_that_cannot_be_run_ends_with_126(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    process = launch("./notes.txt")
    assert await process.wait(LONG)
    assert process.read_exit() == 126
    assert "notes.txt" in says(process)


async def test_a_working_folder_that_is_gone_ends_with_126_and_says_so(tmp_path: Path) -> None:
    process = processes.launch(
        tmp_path / "p", ["true"], environment={}, cwd=tmp_path / "gone", log=tmp_path / "log"
    )
    assert await process.wait(LONG)
    assert process.read_exit() == 126
    assert "gone" in (tmp_path / "log").read_text()


async def test_the_command_gets_exactly_its_environment(launch: Launch) -> None:
    given = {
        "PATH": os.environ["PATH"],
        "folder": "a b",
        "pid": "x",
        "with.dot": "1",
        "LINES": "two\nlines",
        "_": "under",
    }
    process = launch(sys.executable, "-c", "import os; print(dict(os.environ))", environment=given)
    assert await process.wait(LONG)
    got = eval(says(process))
    assert got.pop("TURNOUT_PROCESS") == process.mark
    assert got.pop("PWD") == str(process.folder.parent)
    got.pop("LC_CTYPE", None)  # set by the Python that prints
    assert got == given


async def test_the_command_runs_even_with_a_useless_path(launch: Launch) -> None:
    process = launch("/bin/sh", "-c", "exit 5", environment={"PATH": "/nowhere"})
    assert await process.wait(LONG)
    assert process.read_exit() == 5


async def test_arguments_arrive_as_they_are(launch: Launch) -> None:
    odd = ["a b", "$HOME", "`id`", "'", '"', "", "*", "-n", "ü\n"]
    process = launch(sys.executable, "-c", "import sys; print(sys.argv[1:])", *odd)
    assert await process.wait(LONG)
    assert eval(says(process)) == odd


async def test_the_command_inherits_no_file_and_no_ignored_signal(launch: Launch) -> None:
    read, write = os.pipe()
    os.set_inheritable(read, True)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = launch(
            sys.executable,
            "-c",
            "import os, signal; print(sorted(map(int, os.listdir('/proc/self/fd')))[:4], "
            "signal.getsignal(signal.SIGHUP) == signal.SIG_DFL, os.getsid(0) != os.getpid())",
        )
    finally:
        signal.signal(signal.SIGHUP, before)
        os.close(read)
        os.close(write)
    assert await process.wait(LONG)
    # 3 is the listing itself.
    assert says(process) == "[0, 1, 2, 3] True True\n"


async def test_an_ended_process_leaves_no_zombie(launch: Launch) -> None:
    process = launch("true")
    await until(lambda: not psutil.pid_exists(process.shim.pid), "the shim is reaped")
    assert process.read_exit() == 0


async def test_a_process_is_adopted_by_pid_and_start_time(launch: Launch) -> None:
    process = launch("sleep", "100")
    await until(lambda: process.pid, "the command runs")
    found = processes.adopt(process.folder)
    assert found is not None
    assert (found.pid, found.started, found.shim) == (
        process.pid,
        process.started,
        process.shim,
    )
    await found.stop(signal.SIGTERM, LONG)
    assert processes.adopt(process.folder) is None
    assert process.read_exit() == 143


async def test_a_process_outlives_the_one_that_launched_it(tmp_path: Path) -> None:
    program = (
        "import sys, os, pathlib; from turnout import processes\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "processes.launch(folder, ['sh', '-c', 'sleep 0.5; exit 9'], environment=dict(os.environ),"
        " cwd=folder, log=folder / 'log')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    run = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program, str(tmp_path)], check=False, timeout=60
    )
    assert run.returncode == -9
    found = processes.adopt(tmp_path)
    assert found is not None, "it runs on, and is found although it may not be recorded yet"
    assert await found.wait(LONG)
    assert found.read_exit() == 9


async def test_a_reused_pid_is_not_mistaken_for_the_process(launch: Launch) -> None:
    process = launch("sleep", "100")
    await until(lambda: process.pid, "the command runs")
    record = process.folder / "process"
    mark, shim, shim_started, pid, started, end = record.read_text().split()
    record.write_text(f"{mark} {shim} {int(shim_started) - 1} {pid} {int(started) - 1} {end}\n")
    assert processes.adopt(process.folder) is None


async def test_records_of_another_boot_name_nobody(launch: Launch) -> None:
    process = launch("sleep", "100")
    file = process.folder / "launch"
    file.write_text(file.read_text().replace('"boot": "', '"boot": "another-'))
    assert processes.adopt(process.folder) is None


@pytest.mark.parametrize("cut", [0, 5, 20, -2])
async def test_a_half_written_record_is_made_good_by_the_mark(launch: Launch, cut: int) -> None:
    process = launch("sleep", "100")
    await until(lambda: process.pid, "the command runs")
    record = process.folder / "process"
    record.write_text(record.read_text()[:cut])
    found = processes.adopt(process.folder)
    assert found is not None
    assert (found.pid, found.shim.pid) == (process.pid, process.shim.pid)


async def test_a_command_whose_shim_was_killed_is_found_and_ended(launch: Launch) -> None:
    process = launch("sleep", "100")
    await until(lambda: process.pid, "the command runs")
    os.kill(process.shim.pid, signal.SIGKILL)
    await until(lambda: not psutil.pid_exists(process.shim.pid), "the shim is gone")
    found = processes.adopt(process.folder)
    assert found is not None
    assert found.is_alive()
    assert not await found.wait(timedelta(milliseconds=50))
    await found.stop(signal.SIGTERM, LONG)
    assert not process.is_alive()
    assert process.read_exit() is None


async def test_the_whole_group_killed_at_once_leaves_the_exit_code_unknown(launch: Launch) -> None:
    process = launch("sleep", "100")
    await until(lambda: process.pid, "the command runs")
    os.killpg(process.shim.pid, signal.SIGKILL)
    assert await process.wait(LONG)
    assert process.read_exit() is None
    assert processes.format_exit(process.read_exit()) == "exit code unknown"


async def test_waiting_gives_up_at_its_deadline(launch: Launch) -> None:
    process = launch("sleep", "100")
    assert not await process.wait(timedelta(milliseconds=50))
    assert process.is_alive()


async def test_a_folder_holds_one_process_at_a_time(launch: Launch) -> None:
    process = launch("sleep", "100")
    with pytest.raises(FileExistsError, match="runs already"):
        launch("true")
    await process.stop(signal.SIGTERM, LONG)
    again = launch("sh", "-c", "exit 4")
    assert processes.read_exit(again.folder) in {None, 4}, "never the code of the earlier run"
    assert await again.wait(LONG)
    assert processes.read_exit(again.folder) == 4


async def test_stopping_twice_at_once_and_afterwards_is_fine(launch: Launch) -> None:
    process = launch("sleep", "100")
    await asyncio.gather(*(process.stop(signal.SIGTERM, LONG) for _ in range(3)))
    await process.stop(signal.SIGTERM, LONG)
    assert not process.is_alive()


async def test_a_log_is_rotated_under_its_writer(launch: Launch, tmp_path: Path) -> None:
    process = launch(
        "sh", "-c", "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; done; sleep 100"
    )
    log = process.folder / "log"
    await until(lambda: "line 2000" in says(process), "all lines are written")
    size = log.stat().st_size
    assert processes.rotate(log, size, 2) == 0
    assert processes.rotate(log, 1000, 2) == size
    assert log.stat().st_size == 0
    assert log.with_name("log.1").stat().st_size == 2000
    assert log.with_name("log.1").read_text().endswith("line 2000\n")
