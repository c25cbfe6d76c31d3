"""Starting the server, and the doctor: without starting anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.fake_server import FakeServer
from turnout.api.views import Finding
from turnout.cli import server as command
from turnout.cli.exits import Exit
from turnout.metrics import read_accounts
from turnout.server import running
from turnout.settings import Settings


def options_of(name: str) -> set[str]:
    import typer

    from turnout.cli.app import build_app

    group: Any = typer.main.get_command(build_app())  # Typer keeps the class to itself
    return {option.name for option in group.commands[name].params}


def test_every_setting_has_its_option_but_the_secret_and_the_calendar() -> None:
    settings = set(Settings.model_fields) - {"token", "freezes"}
    assert options_of("server") == settings


def test_options_become_settings(tmp_path: Path) -> None:
    given = {"data": str(tmp_path), "ports": "21000-21999", "log_level": "debug", "listen": None}
    settings = command.read_settings(given)
    assert settings.data == tmp_path
    assert settings.ports == (21000, 21999)
    assert settings.log_level == "debug"


def test_wrong_settings_are_told_one_by_one(tmp_path: Path) -> None:
    said = CommandLine()("server", "--data", str(tmp_path), "--listen", "here", "--ports", "twenty")
    assert said.code == Exit.USAGE
    assert sorted(said.err.splitlines()) == [
        "settings: listen: 'here' is not an address: write 127.0.0.1:7600",
        "settings: ports: 'twenty' is not a range of ports: write 20000-29999",
    ]


def test_a_wrong_settings_file_is_told_with_lines(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("log_level: debug\nlog_formt: json\n")
    said = CommandLine()("server", "--data", str(tmp_path), "--config", str(file))
    assert said.code == Exit.USAGE
    assert (
        said.err == f"{file}:2:1: log_formt: there is no such setting. Did you mean 'log_format'?\n"
    )


def test_wrong_accounts_of_metrics_systems_are_told_with_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(settings: Settings, ready: object) -> None:
        read_accounts(settings.metrics_file)

    monkeypatch.setattr(running, "serve", serve)
    file = tmp_path / "metrics.yaml"
    file.write_text(
        "prod: {type: prometeus, url: http://p}\n"
        "other:\n  type: prometheus\n  url: http://p\n  scope_labell: x\n"
    )
    said = CommandLine()("server", "--data", str(tmp_path))
    assert said.code == Exit.USAGE
    first, second = said.err.splitlines()
    assert first.startswith(f"{file}:1:14: prod.type: ")
    assert first.endswith("Did you mean 'prometheus'?")
    assert second.startswith(f"{file}:5:3: other.scope_labell: ")
    assert second.endswith("Did you mean 'scope_label'?")


def test_other_machines_are_let_in_only_with_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TURNOUT_TOKEN", raising=False)
    said = CommandLine()("server", "--data", str(tmp_path), "--listen", "0.0.0.0:7600")
    assert said.code == Exit.USAGE
    assert "so a token is needed" in said.err


WELL = Finding(name="envoy", ok=True, sentence="1.40.0")
ILL = Finding(name="disk", ok=False, sentence="12 MB are free", hint="Make room.")


def test_the_doctor_tells_what_is_well_and_what_to_do() -> None:
    well = CommandLine(FakeServer(findings=[WELL]))("doctor")
    assert well.code == Exit.SUCCESS
    assert well.out == "✓  envoy  1.40.0\n\nAll is well.\n"
    ill = CommandLine(FakeServer(findings=[WELL, ILL]))("doctor")
    assert ill.code == Exit.FAILED
    assert ill.out == (
        "✓  envoy  1.40.0\n✗  disk   12 MB are free\n          Make room.\n\n1 thing not well.\n"
    )


def test_the_doctor_for_programs_is_the_servers_document() -> None:
    said = CommandLine(FakeServer(findings=[WELL, ILL]))("doctor", "-o", "json")
    assert said.code == Exit.FAILED
    assert [finding["ok"] for finding in json.loads(said.out)] == [True, False]
