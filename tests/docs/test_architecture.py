"""ARCHITECTURE.md says the same as the contracts, and names what exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
}
PACKAGES = {
    path.stem
    for path in (ROOT / "src" / "turnout").iterdir()
    if path.suffix == ".py" or (path / "__init__.py").exists()
} - {"__init__"}


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert found
    return found[1]


def test_the_layers_are_those_of_the_contract() -> None:
    written = re.search(r"```text\n(.*?)```", section("Layers"), re.S)
    assert written
    assert written[1].splitlines() == CONTRACTS["layers"]["layers"]


def test_every_package_is_in_a_layer_and_has_its_row() -> None:
    layers = {name for line in CONTRACTS["layers"]["layers"] for name in line.split(" | ")}
    told = set(re.findall(r"`([a-z_]+)`", "\n".join(rows())))
    assert layers == PACKAGES
    assert PACKAGES - {"__main__"} <= told


def rows() -> list[str]:
    return [line.split("|")[1] for line in section("Layers").splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("module", sorted(set(re.findall(r"`((?:[a-z]+\.)+[a-z]+)`", PAGE))))
def test_every_module_that_is_named_exists(module: str) -> None:
    place = ROOT / "src" / "turnout" / Path(*module.split("."))
    if module.endswith((".json", ".yaml", ".db", ".toml", ".log", ".now")):
        return
    assert place.is_dir() or place.with_suffix(".py").exists()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)", PAGE))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("folder", sorted(set(re.findall(r"`(tests/[a-z0-9]+)`", PAGE))))
def test_every_folder_of_tests_exists(folder: str) -> None:
    assert (ROOT / folder).is_dir()
