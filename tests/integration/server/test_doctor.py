from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.ports import choose_port
from turnout.api.views import Finding
from turnout.model.errors import Temporary
from turnout.model.traffic import Listener
from turnout.server import doctor
from turnout.settings import Settings, read_settings
from turnout.traffic.envoy import EnvoyRouter


def look(settings: Settings) -> dict[str, Finding]:
    return {finding.name: finding for finding in doctor.run(settings)}


def settings(tmp_path: Path, **given: object) -> Settings:
    return read_settings({"data": tmp_path / "data", "listen": "127.0.0.1:0", **given})


def test_without_a_server_everything_is_looked_at_and_nothing_is_made(tmp_path: Path) -> None:
    found = look(settings(tmp_path))
    assert {"envoy", "temporal", "disk", "open files", "inotify", "clock", "journal"} <= set(found)
    for name in ("platform", "envoy", "temporal", "data folder", "journal", "server"):
        assert found[name].ok, found[name]
    assert "1.40.0" in found["envoy"].sentence
    assert not (tmp_path / "data").exists()


def test_whatever_is_not_well_comes_with_what_to_do(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    (tmp_path / "data").mkdir(mode=0o755)
    (tmp_path / "token").write_text("s3cret")
    (tmp_path / "token").chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = look(
            settings(
                tmp_path,
                envoy_binary=broken,
                token_file=tmp_path / "token",
                temporal_binary=tmp_path / "gone",
                listen=f"127.0.0.1:{port}",
                ports="40000-40010",
                store="sqlite:////proc/nowhere/turnout.db",
            )
        )
    for name in (
        *("envoy", "temporal", "data folder", "token"),
        *("server", "instance ports", "journal"),
    ):
        assert not found[name].ok, found[name]
        assert found[name].hint, found[name]
    assert "chmod 700" in found["data folder"].hint
    assert "could not listen" in found["server"].sentence


def test_a_look_that_fails_is_a_finding_and_not_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_settings: Settings) -> Finding:
        raise RuntimeError("boom")

    broken.__name__ = "look_at_moon"
    monkeypatch.setattr("turnout.server.doctor.examination._LOOKS", (broken,))
    (finding,) = doctor.run(settings(tmp_path))
    assert (finding.name, finding.ok) == ("moon", False)
    assert "boom" in finding.sentence


async def test_a_listener_whose_port_another_program_has_is_found(tmp_path: Path) -> None:
    shop = Listener(cluster="shop", port=choose_port())
    web = Listener(cluster="web", port=choose_port())
    async with EnvoyRouter(tmp_path) as first:
        for listener in (shop, web):
            await first.apply_listener(listener.cluster, listener)
        assert await doctor.observe_shut(tmp_path / "envoy", (shop, web)) == {}
        await first.stop()
    with pytest.raises(Temporary):
        await doctor.observe_shut(tmp_path / "envoy", (shop, web))
    with socket.create_server(("127.0.0.1", shop.port)):
        async with EnvoyRouter(tmp_path) as second:
            try:
                found = await doctor.observe_shut(tmp_path / "envoy", (shop, web))
            finally:
                await second.stop()
    assert set(found) == {"shop"}
    assert f"port {shop.port} is taken by " in found["shop"].sentence
    assert found["shop"].hint.startswith("End that program")
