"""The command line and the real API, over a real port; behind it ports in memory."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from tests.unit.api.parts import SERVICE, Parts, build_parts
from tests.unit.cli.command_line import CommandLine, Result
from turnout.cli.exits import Exit


@dataclass(frozen=True, slots=True)
class Turnout:
    url: str
    parts: Parts

    def __call__(self, *arguments: str, token: str = "") -> Result:
        environment = {"TURNOUT_SERVER": self.url} | ({"TURNOUT_TOKEN": token} if token else {})
        return CommandLine(environment=environment)(*arguments)


def serve(parts: Parts) -> Iterator[Turnout]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # who comes before the server has begun waits for it
        config = uvicorn.Config(parts.app, log_level="error", lifespan="off")
        config.timeout_graceful_shutdown = 1
        server = uvicorn.Server(config)

        async def run() -> None:
            feed = asyncio.create_task(parts.feed.run())
            await server.serve([listening])
            feed.cancel()
            await asyncio.gather(feed, return_exceptions=True)

        thread = threading.Thread(target=asyncio.run, args=(run(),))
        thread.start()
        try:
            yield Turnout(f"http://127.0.0.1:{listening.getsockname()[1]}", parts)
        finally:
            parts.feed.close()
            server.should_exit = True
            thread.join(30)


@pytest.fixture
def turnout() -> Iterator[Turnout]:
    yield from serve(build_parts())


@pytest.fixture
def guarded() -> Iterator[Turnout]:
    yield from serve(build_parts(token="let me in"))


def write(folder: Path, version: str) -> str:
    file = folder / "service.yaml"
    file.write_text(SERVICE.replace('version: "1"', f'version: "{version}"'))
    return str(file)


def test_a_service_is_deployed_twice_rolled_back_held_and_released(
    turnout: Turnout, tmp_path: Path
) -> None:
    assert turnout("status").out.startswith("No cluster yet.")
    first = turnout("deploy", write(tmp_path, "1"))
    assert first.code == Exit.SUCCESS, first.err
    planned = turnout("plan", write(tmp_path, "2"))
    assert planned.code == Exit.SUCCESS
    assert "create shop-v001" in planned.out
    second = turnout("deploy", write(tmp_path, "2"), "-o", "json")
    assert json.loads(second.out)["status"] == "succeeded"
    assert "shop-v001" in turnout("status", "shop").out

    back = turnout("rollback", "shop", "--reason", "slow")
    assert back.code == Exit.SUCCESS, back.err
    view = json.loads(turnout("status", "shop", "-o", "json").out)
    assert view["state"]["split"]["shares"] == {"shop-v000": 1000}
    assert "held: slow" in turnout("status", "shop").out
    refused = turnout("deploy", write(tmp_path, "3"))
    assert refused.code == Exit.REFUSED
    assert turnout("release", "shop").code == Exit.SUCCESS
    assert turnout("deploy", write(tmp_path, "3")).code == Exit.SUCCESS

    listed = json.loads(turnout("history", "shop", "-o", "json").out)
    assert sorted(record["status"] for record in listed) == ["refused", *["succeeded"] * 4]
    assert turnout("history", "--status", "refused").out.count("\n") == 2
    shown = turnout("show", listed[0]["request"]["id"])
    assert shown.code == Exit.SUCCESS
    assert turnout("show", "shop").out == shown.out


def test_every_single_operation_is_understood(turnout: Turnout, tmp_path: Path) -> None:
    turnout("deploy", write(tmp_path, "1"))
    turnout("deploy", write(tmp_path, "2"))
    for arguments in (
        ["resize", "shop-v001", "3"],
        ["enable", "shop-v000", "--share", "2.5%"],
        ["disable", "shop-v000"],
        ["shrink", "shop", "--keep", "2"],
        ["destroy", "shop-v000"],
        ["hold", "shop", "--reason", "we look"],
        ["release", "shop"],
    ):
        said = turnout(*arguments)
        assert said.code == Exit.SUCCESS, (arguments, said)
    last = turnout("destroy", "shop-v001")
    assert last.code == Exit.REFUSED
    assert "without shop-v001 nothing would be served" in last.out


def test_mistakes_in_a_file_have_their_places(turnout: Turnout, tmp_path: Path) -> None:
    file = tmp_path / "service.yaml"
    file.write_text(SERVICE.replace("command:", "comand:"))
    said = turnout("deploy", str(file))
    assert said.code == Exit.USAGE
    assert f"{file}:5:3: run.comand: " in said.err
    assert "Did you mean 'command'?" in said.err
    document = json.loads(turnout("deploy", str(file), "-o", "json").err)
    assert document["code"] == "invalid_document"


def test_names_that_do_not_exist_end_with_2(turnout: Turnout, tmp_path: Path) -> None:
    turnout("deploy", write(tmp_path, "1"))
    for arguments in (
        ["status", "shp"],
        ["status", "Not A Name"],
        ["show", "d-nothing"],
        ["cancel", "shop"],
        ["cancel", "d-nothing"],
        ["logs", "shop-v009"],
        ["hold", "shp", "--reason", "x"],
        ["history", "shp"],
        ["rollback", "shp"],
        ["rollback", "shop", "--to", "shop-v009"],
        ["resize", "shop-v009", "3"],
        ["resize", "shop-v009", "3", "--plan"],
        ["destroy", "shp-v000"],
    ):
        said = turnout(*arguments)
        assert said.code == Exit.USAGE, (arguments, said)
        assert len(said.err.splitlines()) == 2, (arguments, said.err)
    assert len(json.loads(turnout("history", "-o", "json").out)) == 1
    assert "Did you mean 'shop'?" in turnout("status", "shp").err


def test_a_version_may_be_as_long_as_in_the_file(turnout: Turnout, tmp_path: Path) -> None:
    file = write(tmp_path, "1")
    assert turnout("plan", file, "--version", "x" * 128).code == Exit.SUCCESS
    for count in (129, 1000):
        said = turnout("plan", file, "--version", "x" * count)
        assert said.code == Exit.USAGE
        assert "is no version: use up to 128 letters" in said.err


def test_a_queued_deployment_is_left_alone_found_and_cancelled(
    turnout: Turnout, tmp_path: Path
) -> None:
    turnout("deploy", write(tmp_path, "1"))
    turnout.parts.deployer.hold_back = True
    left = turnout("deploy", write(tmp_path, "2"), "--no-wait")
    assert left.code == Exit.SUCCESS
    assert left.out.startswith("queued: waits for its turn\n")
    assert "queued: deploy shop 2 by blue_green" in turnout("status").out
    assert turnout("cancel", "shop").code == Exit.SUCCESS


def test_a_token_is_wanted_and_taken(guarded: Turnout) -> None:
    without = guarded("status")
    assert without.code == Exit.REFUSED
    assert "TURNOUT_TOKEN" in without.err
    wrong = guarded("status", token="wrong")
    assert wrong.code == Exit.REFUSED
    assert wrong.err.splitlines()[1].startswith("Ask whoever runs the server")
    assert guarded("status", token="let me in").code == Exit.SUCCESS


def test_the_doctors_document_is_understood(turnout: Turnout) -> None:
    said = turnout("doctor")
    assert said.code == Exit.FAILED
    assert "Make room." in said.out
