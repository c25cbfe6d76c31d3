"""docs/server.md has every setting, docs/http-api.md every route."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from turnout.api.app import create_app
from turnout.api.backend import Entrance
from turnout.api.security import Access
from turnout.settings import Settings, read_settings

DOCS = Path(__file__).parents[2] / "docs"
SERVER = (DOCS / "server.md").read_text(encoding="utf-8")
API = (DOCS / "http-api.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.M | re.S)


def test_every_setting_is_documented_and_no_other() -> None:
    documented = re.findall(r"^\| `([a-z_]+)` \| .*\|", SERVER, re.M)
    assert sorted(documented) == sorted(Settings.model_fields)


def test_the_freeze_windows_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = blocks(SERVER, "yaml")
    (tmp_path / "turnout.yaml").write_text(block)
    monkeypatch.setenv("TURNOUT_DATA", str(tmp_path))
    weekly, dated = read_settings().freezes
    assert (weekly.timezone, dated.applications) == ("Europe/Madrid", "shop*")


def test_every_route_is_documented_and_no_other() -> None:
    paths = create_app(Entrance("0", "/data"), Access()).openapi()["paths"]
    routes = {f"{method.upper()} {path}" for path, found in paths.items() for method in found}
    documented = re.findall(r"^\| `((?:GET|POST|PUT|DELETE) [^`]+)` \|", API, re.M)
    assert sorted(documented) == sorted(routes)
