"""The whole server: real Envoy, real Temporal, real processes, SQLite; over its HTTP API."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.integration.server.running import (
    Server,
    find_processes,
    running_server,
    service,
    start,
    until,
)
from tests.ports import choose_port
from turnout.history import History, Sample

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]


@pytest.fixture
async def data(tmp_path: Path) -> AsyncIterator[Path]:
    """A data folder; whatever still runs for it at the end is ended."""
    folder = tmp_path / "data"
    yield folder
    if find_processes(str(tmp_path)):
        async with running_server(folder, stop_everything=True):
            pass


async def statuses(port: int, count: int = 5) -> set[int]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        answers = [await client.get(f"http://127.0.0.1:{port}/") for _ in range(count)]
    return {answer.status_code for answer in answers}


async def shares(server: Server) -> dict[str, int]:
    found: dict[str, int] = (await server.get("/clusters/tiny"))["state"]["split"]["shares"]
    return found


async def test_a_service_is_deployed_switched_and_taken_back(data: Path, tmp_path: Path) -> None:
    port = choose_port()
    async with running_server(data, stop_everything=True) as server:
        assert (await server.get("/health"))["status"] == "ready"
        first = await server.deploy(service(port), tmp_path, by="ana")
        assert (await server.await_end(first))["status"] == "succeeded"
        assert await statuses(port) == {200}
        second = await server.deploy(service(port, "2"), tmp_path)
        assert (await server.await_end(second))["status"] == "succeeded"
        assert await shares(server) == {"tiny-v001": 1000}
        back = await server.post("/clusters/tiny/operations", {"kind": "rollback"})
        assert (await server.await_end(back))["status"] == "succeeded"
        assert await shares(server) == {"tiny-v000": 1000}
        assert await statuses(port) == {200}

        view = await server.get(f"/deployments/{second['request']['id']}")
        assert [step["state"] for step in view["steps"]] == ["succeeded"] * len(view["steps"])
        assert view["splits"][0]["confirmed_at"] >= view["splits"][0]["requested_at"]
        log = await server.api.get("/groups/tiny-v000/log", params={"lines": 3})
        assert "GET / HTTP/1.1" in log.text
        findings = await server.get("/doctor")
        unwell = [f["name"] for f in findings if not f["ok"]]
        assert [name for name in unwell if name.startswith(("running", "cluster"))] == []
        assert findings[-1]["sentence"] == "tiny is served"

        resize = {"kind": "resize", "group": "tiny-v000", "instances": 0, "force": "a test"}
        emptied = await server.post("/clusters/tiny/operations", resize)
        assert (await server.await_end(emptied))["status"] == "succeeded"
        assert await statuses(port) == {503}
        ill = [
            f for f in await server.get("/doctor") if f["name"] == "cluster tiny" and not f["ok"]
        ]
        assert [f["sentence"] for f in ill] == [
            "tiny-v000 gets 100 % of the users, but has no instance"
        ]
        log_text = server.log.read_text()
        assert await server.end() == 0
    assert "Traceback" not in log_text
    assert find_processes(str(tmp_path)) == []


async def test_the_data_path_outlives_the_server_and_is_found_again(
    data: Path, tmp_path: Path
) -> None:
    port = choose_port()
    async with running_server(data) as server:
        first = await server.deploy(service(port), tmp_path)
        await server.await_end(first)
        before = await server.get("/clusters/tiny")
    assert await statuses(port) == {200}
    assert not find_processes(f"{data}/temporal")
    async with running_server(data, stop_everything=True) as server:
        after = await server.get("/clusters/tiny")
        assert await statuses(port) == {200}
        pids = [
            [i["pid"] for g in view["state"]["groups"] for i in g["instances"]]
            for view in (before, after)
        ]
        assert pids[0] == pids[1]
        assert after["state"]["split"] == before["state"]["split"]
    assert find_processes(str(tmp_path)) == []


async def test_a_stopped_everything_comes_back_with_the_next_server(
    data: Path, tmp_path: Path
) -> None:
    port = choose_port()
    async with running_server(data, stop_everything=True) as server:
        await server.await_end(await server.deploy(service(port), tmp_path))
    assert find_processes(str(tmp_path)) == []
    async with running_server(data, stop_everything=True) as server:

        async def serves() -> dict[str, Any] | None:
            return {} if await statuses(port, 1) == {200} else None

        await until(serves)


async def test_what_was_served_is_known_over_the_death_of_the_server(
    data: Path, tmp_path: Path
) -> None:
    port = choose_port()
    async with running_server(data) as server:
        await server.await_end(await server.deploy(service(port), tmp_path))
        assert await statuses(port, 20) == {200}
        await server.end(signal.SIGKILL)
    assert await statuses(port, 7) == {200}
    async with running_server(data, stop_everything=True) as server:

        async def looks_again() -> dict[str, Any] | None:
            past, present = (data / "figures" / f"traffic{n}.jsonl" for n in (".1", ""))
            if not past.exists() or not present.exists():
                return None
            # A second look: the first one is in the history.
            return {} if len(present.read_text().splitlines()) > 1 else None

        await until(looks_again)

    kept: list[Sample] = []
    now = datetime.now(UTC)
    for kind in ("router", "instances"):
        history = History(data / "figures" / kind, hours=1)
        await history.read("tiny-v000", now - timedelta(hours=1), now, kept.append)
    assert sum(sample.values.get("requests") or 0 for sample in kept) == 27
    assert any(sample.values.get("memory") for sample in kept)


@pytest.mark.parametrize("moment", ["create", "ready", "switch"])
async def test_a_deployment_survives_the_death_of_the_server(
    data: Path, tmp_path: Path, moment: str
) -> None:
    port = choose_port()
    async with running_server(data) as server:
        await server.await_end(await server.deploy(service(port), tmp_path))
        second = await server.deploy(service(port, "2"), tmp_path)
        path = f"/deployments/{second['request']['id']}"

        async def begun() -> dict[str, Any] | None:
            view: dict[str, Any] = await server.get(path)
            return view if moment in [s["step"] for s in view["steps"]] else None

        await until(begun)
        await server.end(signal.SIGKILL)
    assert await statuses(port) == {200}
    async with running_server(data, stop_everything=True) as server:
        ended = await server.await_end(second)
        assert ended["status"] == "succeeded", ended
        assert await shares(server) == {"tiny-v001": 1000}
        groups = (await server.get("/clusters/tiny"))["state"]["groups"]
        assert [g["name"] for g in groups] == ["tiny-v000", "tiny-v001"]
        assert [g["pin"] for g in groups] == [0, 0]
    assert find_processes(str(tmp_path)) == []


async def test_open_streams_do_not_hold_up_the_end(data: Path, tmp_path: Path) -> None:
    async with running_server(data, stop_everything=True) as server:
        await server.await_end(await server.deploy(service(choose_port()), tmp_path))

        async def follow(path: str) -> float:
            async with server.api.stream("GET", path) as answer:
                opened.append(path)
                async for _ in answer.aiter_bytes():
                    pass
            return time.monotonic()

        opened: list[str] = []
        paths = ["/events", "/events?after=0", "/groups/tiny-v000/log?follow=true"]
        streams = [asyncio.create_task(follow(path)) for path in paths]
        async with asyncio.timeout(60):
            while len(opened) < len(paths):
                await asyncio.sleep(0.02)
        told = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        ended = await asyncio.wait_for(asyncio.gather(*streams), 60)
        assert max(ended) - told < 30, "not as long as a server waits for its last connections"
        assert await server.end() == 0


async def test_a_server_that_is_told_to_end_while_it_starts_leaves_nothing(data: Path) -> None:
    process, log = await start(data, stop_everything=True)

    async def has_begun() -> dict[str, Any] | None:
        return {} if find_processes(f"{data}/temporal", f"{data}/router") else None

    await until(has_begun)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert "Traceback" not in log.read_text()
    assert find_processes(str(data)) == []


async def test_a_second_server_on_the_folder_is_refused(data: Path) -> None:
    async with running_server(data, stop_everything=True) as server:
        second, log = await start(data)
        assert await asyncio.wait_for(second.wait(), 60) == 4
        said = log.read_text()
        assert f"process {server.process.pid}, at {server.address}, since" in said
        assert (await server.get("/health"))["status"] == "ready"


async def test_a_taken_address_is_told(data: Path) -> None:
    async with running_server(data, stop_everything=True) as server:
        listen = server.address.removeprefix("http://")
        other, log = await start(data.with_name("other"), listen=listen)
        assert await asyncio.wait_for(other.wait(), 60) == 3
        assert f"cannot listen on {listen}: somebody else listens there" in log.read_text()


async def test_a_freeze_refuses_deployments_and_no_rollback(data: Path, tmp_path: Path) -> None:
    port = choose_port()
    async with running_server(data) as server:
        for version in ("1", "2"):
            await server.await_end(await server.deploy(service(port, version), tmp_path))
    always = "[mon, tue, wed, thu, fri, sat, sun]"
    window = f"clusters: ti*\n  days: {always}\n  from: 00:00\n  to: 00:00\n  reason: audit\n"
    (data / "turnout.yaml").write_text(f"freezes:\n- {window}")
    async with running_server(data, stop_everything=True) as server:
        record = await server.await_end(await server.deploy(service(port, "3"), tmp_path))
        assert (record["status"], record["plan"]["refused_rule"]) == ("refused", "frozen")
        assert "tiny is frozen: audit (until" in record["sentence"]
        back = await server.post("/clusters/tiny/operations", {"kind": "rollback"})
        assert (await server.await_end(back))["status"] == "succeeded"
        forced = await server.deploy(service(port, "3"), tmp_path, force="it burns")
        assert (await server.await_end(forced))["status"] == "succeeded"


async def test_a_replaced_group_goes_cold_when_its_time_has_come(
    data: Path, tmp_path: Path
) -> None:
    port = choose_port()
    more = "options:\n  scale_down_after: 1s\n"
    async with running_server(data, stop_everything=True) as server:
        for version in ("1", "2"):
            await server.await_end(await server.deploy(service(port, version, more), tmp_path))

        async def is_cold() -> dict[str, Any] | None:
            old: dict[str, Any] = (await server.get("/clusters/tiny"))["state"]["groups"][0]
            return old if old["desired"] == 0 and not old["instances"] else None

        await until(is_cold)
        newest = (await server.get("/deployments"))[0]["request"]
        assert (newest["kind"], newest["by"]) == ("resize", "turnout")
        back = await server.post("/clusters/tiny/operations", {"kind": "rollback"})
        assert (await server.await_end(back))["status"] == "succeeded"
        assert await statuses(port) == {200}
