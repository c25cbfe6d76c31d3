from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from turnout.model.errors import Conflict, Permanent
from turnout.server.holding import LOCK, holding, read_holder

HOLD = """
import sys, time
from pathlib import Path
from turnout.server.holding import holding
with holding(Path(sys.argv[1])) as note:
    note("http://127.0.0.1:1234")
    print("held", flush=True)
    sys.stdin.read()
"""


def hold_elsewhere(data: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_server_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with hold_elsewhere(tmp_path) as other:
        with pytest.raises(Conflict) as refused, holding(tmp_path):
            pass
        assert f"process {other.pid}, at http://127.0.0.1:1234, since 2" in refused.value.message
        holder = read_holder(tmp_path)
        assert holder is not None
        assert holder.pid == other.pid
        other.communicate("")
    assert read_holder(tmp_path) is None
    with holding(tmp_path):
        pass


def test_a_killed_server_holds_nothing(tmp_path: Path) -> None:
    with hold_elsewhere(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.communicate()
    assert read_holder(tmp_path) is None
    with holding(tmp_path) as note:
        note("http://127.0.0.1:1")
        holder = read_holder(tmp_path)
        assert holder is not None
        assert (holder.pid, holder.address) == (os.getpid(), "http://127.0.0.1:1")


def test_processes_that_the_server_starts_do_not_hold_it(tmp_path: Path) -> None:
    with holding(tmp_path):
        child = subprocess.Popen(["sleep", "1000"], close_fds=False)
    try:
        assert read_holder(tmp_path) is None
        with holding(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()


def test_the_folder_and_the_lock_are_for_this_user_only(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    with holding(data):
        assert data.stat().st_mode & 0o777 == 0o700
        assert (data / LOCK).stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Permanent, match="cannot be used"), holding(tmp_path / "file" / "data"):
        pass
