"""docs/cli.md says all there is, nothing that is not, and its samples are what is printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.unit.cli import canaries, documents, plans
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.documents import NOW, seconds
from tests.unit.cli.fake_server import FakeServer
from tests.unit.cli.test_plan import PROBLEMS
from turnout.cli.app import build_app
from turnout.cli.exits import MEANING

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
GROUP: Any = typer.main.get_command(build_app())  # Typer keeps the class to itself


def commands_of(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its whole name: `status`, `canary config list`."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


COMMANDS = dict(commands_of(GROUP))
CHANGING = "options of commands that change something"
SHARED = {"--server", "--output", "-o", "--no-color", "--help", "-h"}


def section(command: str) -> str:
    found = re.search(rf"^### turnout {command}\b.*?\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
    return found[0] if found else ""


def section_about(title: str) -> str:
    found = re.search(rf"^### {title}\n(.*?)(?=^##)", PAGE, re.M | re.S | re.I)
    assert found
    return found[1]


def options_of(command: Any) -> set[str]:
    return {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("-")
    }


def arguments_of(command: Any) -> list[str]:
    return [p.metavar for p in command.params if p.param_type_name == "argument"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_its_arguments_and_options(name: str) -> None:
    text = section(name)
    command = COMMANDS[name]
    heading = " ".join(["### turnout", name, *arguments_of(command)])
    assert text.startswith(f"{heading}\n")
    if CHANGING in text:
        text += section_about(CHANGING)
    for option in options_of(command) - SHARED:
        assert re.search(rf"`{option}[` ]", text), f"{option} of turnout {name} is not documented"


def test_the_options_that_all_commands_share_are_documented() -> None:
    general = PAGE[: PAGE.index("## Deploy\n")]
    for option in options_of(GROUP) | SHARED:
        assert f"`{option}" in general, f"{option} is not documented"


@pytest.mark.parametrize("name", COMMANDS)
def test_no_section_documents_an_option_that_its_command_does_not_have(name: str) -> None:
    text = section(name)
    if CHANGING in text:
        text += section_about(CHANGING)
    named = set(re.findall(r"`(--?[a-z][a-z-]*)", text))
    assert named - options_of(COMMANDS[name]) == set()


def test_no_section_is_about_a_command_that_does_not_exist() -> None:
    titles = re.findall(r"^### turnout ((?:[a-z]+ ?)+)", PAGE, re.M)
    assert {title.strip() for title in titles} == set(COMMANDS)


def test_every_exit_code_is_documented_with_its_meaning() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", PAGE, re.M))
    assert rows == {str(code.value): meaning for code, meaning in MEANING.items()}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_explains_every_option(name: str) -> None:
    for parameter in COMMANDS[name].params:
        assert parameter.help, f"turnout {name}: {parameter.opts} has no help"


def sample(name: str) -> str:
    found = re.search(rf"<!-- sample: {name} -->\n```text\n(.*?)```", PAGE, re.S)
    assert found, f"there is no sample {name}"
    return found[1]


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "service.yaml").write_text("application: shop\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("in_folder")
def test_the_sample_of_a_plan_is_what_is_printed() -> None:
    said = CommandLine(FakeServer(plan=plans.blue_green()))("plan", "service.yaml")
    assert sample("plan") == said.out


@pytest.mark.usefixtures("in_folder")
def test_the_sample_of_progress_is_what_is_printed() -> None:
    views = [documents.waiting_view(), documents.switched_view(), documents.rolled_back_view()]
    said = CommandLine(FakeServer(views=views), now=NOW + seconds(3))("deploy", "service.yaml")
    assert sample("progress") == said.out


@pytest.mark.usefixtures("in_folder")
def test_the_sample_of_mistakes_is_what_is_printed() -> None:
    server = FakeServer(problems={"POST /deployments": (422, PROBLEMS)})
    assert sample("problems") == CommandLine(server)("deploy", "service.yaml").err


def test_the_sample_of_a_status_is_what_is_printed() -> None:
    server = FakeServer(cluster=documents.cluster_view(), views=[documents.waiting_view()])
    said = CommandLine(server)("status", "shop")
    assert sample("status") == said.out


def test_the_sample_of_a_canary_is_what_is_printed() -> None:
    said = CommandLine(FakeServer(reports=[canaries.failed()]))("canary", "show", "shop")
    assert sample("canary") == said.out
