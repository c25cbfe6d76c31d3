import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from tests.integration.load.services import Rogue, RunningShop
from turnout.testing.load import LoadProcess


async def run(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "turnout.testing.load", *arguments), stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def summary(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())["summary"]
    return found


async def test_a_load_from_another_process_accounts_for_every_request(rogue: Rogue) -> None:
    async with asyncio.timeout(60), LoadProcess(rogue.url, rate=100, path="/ok") as load:
        while rogue.served < 30:
            await asyncio.sleep(0.01)
        report = await load.stop()
    assert report.requests == report.counts.started == rogue.served
    assert report.failed == 0
    assert report.versions["1"].requests == report.requests


async def test_losses_are_seen_from_another_process_too(rogue: Rogue) -> None:
    load = LoadProcess(rogue.url, rate=100, path="/stale", strict=True, method="PUT")
    async with asyncio.timeout(60), load:
        while rogue.served < 10:
            await asyncio.sleep(0.01)
        report = await load.stop()
    assert report.failed >= 1
    assert report.reconnects == report.unaccounted == 0


async def test_requests_that_died_with_the_load_are_not_passed_over(rogue: Rogue) -> None:
    async with asyncio.timeout(60):
        with pytest.raises(RuntimeError, match="ended with -9"):
            async with LoadProcess(rogue.url, rate=100, path="/ok") as load:
                assert load.pid is not None
                os.kill(load.pid, signal.SIGKILL)


async def test_a_load_process_does_not_outlive_an_error_of_the_caller(rogue: Rogue) -> None:
    pid = None
    with pytest.raises(LookupError):
        async with LoadProcess(rogue.url, rate=100, path="/never") as load:
            pid = load.pid
            raise LookupError
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_load_that_cannot_start_says_why() -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        async with LoadProcess("https://127.0.0.1:1", rate=1):
            pass


async def test_a_steady_load_ends_after_its_time(shop: RunningShop, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    code, out, _ = await run(
        *(shop.url, "--rate", "50", "--seconds", "0.5", "--path", "/slow?ms=10"),
        *("--json", str(file)),
    )
    assert code == 0
    assert out.startswith("load began: 50 requests/s to http://127.0.0.1")
    found = summary(file)
    assert (found["failed"], found["unaccounted"]) == (0, 0)
    assert found["requests"] == found["versions"]["1"]["requests"] >= 25
    assert f"{found['requests']} requests in" in out


async def test_so_many_requests_over_so_many_connections(shop: RunningShop, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    code, _, _ = await run(
        *(shop.url, "--requests", "1000", "--connections", "4"),
        *("--header", "x-user: 7", "--timeout", "10", "--json", str(file)),
    )
    assert code == 0
    found = summary(file)
    assert (found["requests"], found["connections"], found["failed"]) == (1000, 4, 0)
    assert "answers" not in json.loads(file.read_text())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "give either --rate or --requests"),
        (["--rate", "5", "--requests", "5"], "give either --rate or --requests"),
        (["--rate", "0"], "0 is not above 0"),
        (["--rate", "5", "--header", "nonsense"], "a header is 'name: value'"),
        (["--rate", "5", "--timeout", "soon"], "invalid"),
    ],
)
async def test_a_wrong_call_is_refused(arguments: list[str], complaint: str) -> None:
    code, out, err = await run("http://127.0.0.1:1", *arguments)
    assert code == 2
    assert complaint in err
    assert out == ""
