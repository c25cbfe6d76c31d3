from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

from tests.unit.cli import documents
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.fake_server import FakeServer
from turnout import __version__
from turnout.cli import options
from turnout.cli.exits import MEANING, OF_STATUS, Exit
from turnout.model.deployment import Choice, OnBusy, Status, StrategyName


def test_the_help_sorts_commands_and_explains_exit_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert CommandLine()("--help").code == Exit.SUCCESS
    help_page = capsys.readouterr().out
    for section in ("Deploy:", "Look:", "Operate:", "Canaries:", "Server:", "Exit codes:"):
        assert f"\n{section}\n" in help_page
    for code, meaning in MEANING.items():
        assert f"  {code.value:<3}  {meaning[:40]}" in help_page


def test_no_argument_at_all_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    CommandLine()("--help")
    asked = capsys.readouterr().out
    assert CommandLine()().code == Exit.SUCCESS
    assert capsys.readouterr().out == asked


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["stauts"], "No such command 'stauts'. Did you mean 'status'?"),
        (["status", "--wacth"], "No such option: --wacth. Did you mean '--watch'?"),
        (["deploy", "x", "--strategy", "blu_green"], "Did you mean 'blue_green'?"),
        (["deploy", "x", "--on-busy", "reject"], "Did you mean 'rejected'?"),
        (["answer", "d-1", "rolback"], "Did you mean 'rollback'?"),
        (["canary", "configg"], "No such command 'configg'. Did you mean 'config'?"),
        (["canary", "config", "deletee"], "Did you mean 'delete'?"),
    ],
)
def test_a_typing_error_gets_the_nearest_name(typed: list[str], meant: str) -> None:
    said = CommandLine(FakeServer())(*typed)
    assert said.code == Exit.USAGE
    first, second, *rest = said.err.splitlines()
    assert first.startswith("Error: ")
    assert first.endswith(meant)
    assert second.startswith("See: turnout")
    assert not rest


@pytest.mark.parametrize(
    "typed",
    [
        ["deploy"],
        ["canary"],
        ["canary", "config"],
        ["canary", "config", "show"],
        ["canary", "config", "show", "shop", "--version", "-1"],
        ["resize", "shop-v001", "many"],
        ["shrink", "shop", "--keep", "0"],
        ["resize", "shop-v001", "1001"],
        ["resize", "shop", "2"],
        ["enable", "shop-v001", "--share", "0.5"],
        ["enable", "shop-v001", "--share", "0"],
        ["enable", "shop-v001", "--share", "101%"],
        ["shrink", "shop"],
        ["hold", "shop"],
        ["history", "--limit", "0"],
        ["status", "--server", "ftp://elsewhere"],
        ["status", "--server", "http://127.0.0.1:seven"],
        ["status", "shop", "more"],
    ],
)
def test_wrong_usage_is_two_lines_on_standard_error_and_nothing_is_sent(typed: list[str]) -> None:
    server = FakeServer()
    said = CommandLine(server)(*typed)
    assert said.code == Exit.USAGE
    assert said.out == ""
    assert len(said.err.splitlines()) == 2
    assert not server.asked


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["resize", "shop-v007", "abc"], "N must be a whole number from 0 to 1000, not 'abc'."),
        (["resize", "shop-v007", "1.5"], "N must be a whole number from 0 to 1000, not '1.5'."),
        (
            ["shrink", "shop", "--keep", "0"],
            "--keep must be a whole number from 1 to 999, not '0'.",
        ),
        (
            ["plan", "x", "--instances", "0"],
            "--instances must be a whole number from 1 to 1000, not '0'.",
        ),
        (["history", "-n", "0"], "--limit must be a whole number from 1 to 500, not '0'."),
        (
            ["server", "--keep-events-days", "no"],
            "--keep-events-days must be a whole number of at least 1, not 'no'.",
        ),
    ],
)
def test_a_number_that_is_none_gets_a_sentence_of_ours(typed: list[str], said: str) -> None:
    assert CommandLine(FakeServer())(*typed).err.splitlines()[0] == f"Error: {said}"


@pytest.mark.parametrize("token", ["é", "top\nsecret", " ", "top\x00secret", "€"])
def test_a_token_that_cannot_be_sent_is_named_but_never_printed(token: str) -> None:
    server = FakeServer()
    for arguments in (["status"], ["version"], ["doctor"]):
        said = CommandLine(server, environment={"TURNOUT_TOKEN": token})(*arguments)
        assert said.code == Exit.USAGE
        first, _ = said.err.splitlines()
        assert first.startswith("Error: TURNOUT_TOKEN cannot be sent: ")
        assert "secret" not in said.err
        assert "é" not in said.err
    assert not server.asked


def test_an_error_is_one_document_for_programs() -> None:
    said = CommandLine()("status", "-o", "json", "--wacth")
    problem = json.loads(said.err)
    assert problem["code"] == "usage"
    assert problem["exit_code"] == said.code == Exit.USAGE
    assert said.out == ""


def test_options_count_before_and_after_the_name_of_the_command() -> None:
    server = FakeServer(cluster=documents.cluster_view())
    before = CommandLine(server)("-o", "json", "--server", "http://one:1", "status")
    after = CommandLine(server)("status", "-o", "json", "--server", "http://two:2")
    assert json.loads(before.out) == json.loads(after.out)
    assert [request.url.host for request in server.asked] == ["one", "two"]


def test_the_server_comes_from_the_option_then_the_environment_then_the_default() -> None:
    server = FakeServer()
    CommandLine(server)("status")
    CommandLine(server, environment={"TURNOUT_SERVER": "build1:7600"})("status")
    CommandLine(server, environment={"TURNOUT_SERVER": "build1"})("--server", "b2/", "status")
    assert [str(request.url) for request in server.asked] == [
        "http://127.0.0.1:7600/api/v1/clusters",
        "http://build1:7600/api/v1/clusters",
        "http://b2/api/v1/clusters",
    ]


def test_the_token_is_sent() -> None:
    server = FakeServer()
    CommandLine(server, environment={"TURNOUT_TOKEN": "let me in"})("status")
    assert server.asked[0].headers["authorization"] == "Bearer let me in"


def test_the_version_needs_no_server() -> None:
    assert CommandLine()("--version").out == f"turnout {__version__}\n"


def test_the_versions_of_both_sides_are_shown() -> None:
    said = CommandLine(FakeServer())("version")
    assert said.out == (f"turnout  {__version__}\nserver   9.9.9 at http://127.0.0.1:7600, ready\n")
    both = json.loads(CommandLine(FakeServer())("version", "-o", "json").out)
    assert both["version"] == __version__
    assert both["server"]["version"] == "9.9.9"


def test_the_schema_is_that_of_the_documents_and_needs_no_server() -> None:
    from turnout.documents import service_schema

    assert json.loads(CommandLine()("schema").out) == service_schema()


def test_the_words_of_the_options_are_those_of_the_model() -> None:
    assert [*options.Busy] == [*OnBusy]
    assert [*options.Strategy] == [*StrategyName]
    assert {*options.Answer} == {*Choice}
    assert [*options.StatusName] == [*Status]


def test_every_end_of_a_deployment_has_an_exit_code() -> None:
    assert OF_STATUS.keys() == {status for status in Status if status.is_end}


HEAVY = ("temporalio", "sqlalchemy", "fastapi", "uvicorn", "numpy", "alembic", "psutil", "yaml")


@pytest.mark.parametrize(
    ("typed", "never"),
    [
        (["--help"], (*HEAVY, "pydantic", "httpx2", "rich")),
        (["deploy", "--help"], (*HEAVY, "httpx2", "rich")),
        (["status", "--server", "http://127.0.0.1:9"], HEAVY),
    ],
)
def test_a_command_loads_only_what_it_needs(typed: list[str], never: tuple[str, ...]) -> None:
    program = (
        "import sys\n"
        "from turnout.cli.app import run\n"
        "from turnout.cli.surroundings import real_surroundings\n"
        f"run({typed!r}, real_surroundings())\n"
        f"print('loaded:', *[m for m in {never!r} if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1].strip() == "loaded:"


def processor_seconds(*arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "turnout", *arguments]
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=60, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_help_takes_little_of_a_processor() -> None:
    """The best of three: what else the machine does slows this down, nothing speeds it up."""
    assert min(processor_seconds("--help") for _ in range(3)) < 0.4


def test_python_can_run_the_package_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "turnout", "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"turnout {__version__}\n"
