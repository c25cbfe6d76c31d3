"""`turnout canary config …` against the API itself, over ports in memory."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.unit.api.parts import build_parts
from tests.unit.api.test_canary_configs import SHOP
from tests.unit.cli.command_line import CommandLine, Result
from turnout.cli.exits import Exit
from turnout.documents.canary import default_config, to_json, to_yaml
from turnout.model.canary.document import to_json_value


class Turnout:
    """Runs commands; a server in memory answers, without a network."""

    def __init__(self) -> None:
        self._app = build_parts().app

    def __call__(self, *arguments: str, **more: Any) -> Result:
        transport = httpx2.MockTransport(self._answer)
        return CommandLine(transport=transport, **more)("canary", "config", *arguments)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        async def ask() -> httpx2.Response:
            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(self._app)) as client:
                return await client.request(
                    request.method,
                    request.url,
                    content=request.content,
                    headers=request.headers,
                )

        answer = asyncio.run(ask())
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def turnout() -> Turnout:
    return Turnout()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path, "shop.yaml", SHOP)


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def done(said: Result) -> str:
    assert (said.code, said.err) == (Exit.SUCCESS, "")
    return said.out


def test_what_is_imported_is_listed_with_what_is_built_in(turnout: Turnout, shop: Path) -> None:
    assert done(turnout("import", str(shop))) == "shop is kept, in version 1.\n"
    lines = [line.split() for line in done(turnout("list")).splitlines()]
    assert [line[:2] for line in lines] == [
        ["name", "version"],
        ["default", "built"],
        ["shop", "1"],
    ]
    assert "anna@build1" in lines[2]
    names = [one["name"] for one in json.loads(done(turnout("list", "-o", "json")))]
    assert names == ["default", "shop"]


def test_the_versions_of_one_are_listed_newest_first(turnout: Turnout, shop: Path) -> None:
    turnout("import", str(shop))
    shop.write_text(SHOP.replace("0.1", "0.2"))
    turnout("import", str(shop))
    lines = done(turnout("list", "shop")).splitlines()
    assert [line.split()[0] for line in lines] == ["version", "2", "1"]
    assert done(turnout("list", "default")).splitlines()[1].startswith("built in")


def test_a_name_on_the_command_line_wins(turnout: Turnout, shop: Path) -> None:
    assert "cart is kept" in done(turnout("import", str(shop), "--name", "cart"))
    assert done(turnout("export", "cart")).startswith("name: cart\n")


def test_a_file_without_a_name_needs_one(turnout: Turnout, tmp_path: Path) -> None:
    file = write(tmp_path, "nameless.yaml", SHOP.replace("name: shop\n", ""))
    said = turnout("import", str(file))
    assert said.code == Exit.USAGE
    assert said.err == (
        f"Error: {file} has no name.\nGive it one: --name NAME, or a line `name: …` in it.\n"
    )
    done(turnout("import", str(file), "--name", "shop"))


def test_standard_input_is_read_too(turnout: Turnout) -> None:
    assert done(turnout("import", "-", typed=SHOP)) == "shop is kept, in version 1.\n"


def test_a_mistake_is_one_line_as_compilers_write_it(turnout: Turnout, shop: Path) -> None:
    shop.write_text(SHOP.replace("gauge", "gaugee").replace("groups:", "groupss:"))
    for command in ("check", "import"):
        said = turnout(command, str(shop))
        assert (said.code, said.out) == (Exit.USAGE, "")
        assert said.err.splitlines() == [
            f"{shop}:6:5: warning: metrics[0].groupss: is not known here; it is kept, and means "
            "nothing. Did you mean 'groups'?",
            f"{shop}:9:16: metrics[0].analysisConfigurations.canary.kind: 'gaugee' is not one "
            "of count, proportion, latency, gauge, legacy. Did you mean 'gauge'?",
            f"{shop}:11:18: warning: classifier.groupWeights.errors: no metric is in the group "
            "'errors': its weight is lost",
        ]


def test_warnings_go_to_standard_error_and_change_nothing(turnout: Turnout, shop: Path) -> None:
    shop.write_text(SHOP.replace("100", "90"))
    warning = f"{shop}:11:3: warning: classifier.groupWeights: total 90, not 100\n"
    checked, kept = turnout("check", str(shop)), turnout("import", str(shop), "-o", "json")
    assert checked == Result(Exit.SUCCESS, f"{shop} can be used, with 1 warning.\n", warning)
    assert (kept.code, kept.err) == (Exit.SUCCESS, warning)
    assert json.loads(kept.out)["config"]["version"] == 1


def test_checking_keeps_nothing(turnout: Turnout, shop: Path) -> None:
    assert done(turnout("check", str(shop))) == f"{shop} can be used.\n"
    assert turnout("show", "shop").code == Exit.USAGE


def test_what_is_built_in_is_shown(turnout: Turnout) -> None:
    rows = [line.split("  ") for line in done(turnout("show", "default")).splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells[0] == ["default", "built in"]
    assert ["Judge", "turnout-sequential (alpha 0.01, beta 0.05)"] in cells
    assert ["Weights", "errors 60, latency 25, client errors 5, resources 10"] in cells
    assert ["latency", "router latency", "latency", "increase", "yes", "10 %", "latency"] in cells
    assert ["cpu", "process cpu", "gauge", "increase", "no", "25 %", "resources"] in cells


def test_a_version_is_shown_with_who_kept_it(turnout: Turnout, shop: Path) -> None:
    turnout("import", str(shop))
    first = done(turnout("show", "shop", "--version", "1")).splitlines()[0]
    assert first.startswith("shop  version 1, kept 20")
    assert first.endswith("by anna@build1")
    assert json.loads(done(turnout("show", "shop", "-o", "json")))["version"] == 1
    assert turnout("show", "shop", "--version", "2").err.splitlines() == [
        "Error: The canary configuration 'shop' has no version 2.",
        "Its newest version is 1.",
    ]


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_exported_can_be_imported_again(
    turnout: Turnout, tmp_path: Path, form: str
) -> None:
    file = tmp_path / f"mine.{form}"
    assert done(turnout("export", "default", "--format", form, "--to", str(file))) == ""
    document = to_json_value(default_config())
    assert file.read_text() == (to_yaml if form == "yaml" else to_json)(document)
    assert done(turnout("import", str(file), "--name", "mine")) == "mine is kept, in version 1.\n"
    assert (
        turnout("diff", "mine", str(file)).out == f"version 1 and {file} agree: nothing differs.\n"
    )


def test_for_programs_an_export_is_json(turnout: Turnout) -> None:
    said = done(turnout("export", "default", "-o", "json"))
    assert json.loads(said) == to_json_value(default_config())


def test_an_export_to_where_nobody_may_write_says_so(turnout: Turnout, tmp_path: Path) -> None:
    said = turnout("export", "default", "--to", str(tmp_path / "no" / "x.yaml"))
    assert said.code == Exit.USAGE
    assert "cannot be written: No such file or directory." in said.err


def test_versions_and_files_are_compared(turnout: Turnout, shop: Path) -> None:
    turnout("import", str(shop))
    assert done(turnout("diff", "shop")) == "shop has one version only: nothing differs.\n"
    margin = "metrics[errors].analysisConfigurations.canary.margin"
    shop.write_text(SHOP.replace("0.1", "0.2"))
    turnout("import", str(shop))
    changed = f"shop: from version 1 to version 2\n~ {margin}: 0.1 -> 0.2\n"
    assert done(turnout("diff", "shop")) == changed
    assert done(turnout("diff", "shop", "1")) == changed
    assert done(turnout("diff", "shop", "1", "2")) == changed
    assert done(turnout("diff", "shop", "2", "1")).endswith("0.2 -> 0.1\n")
    shop.write_text(SHOP.replace("margin: 0.1", "critical: true"))
    assert done(turnout("diff", "shop", "1", str(shop))).splitlines() == [
        f"shop: from version 1 to {shop}",
        f"- {margin}: 0.1",
        "+ metrics[errors].analysisConfigurations.canary.critical: true",
    ]
    changes = json.loads(done(turnout("diff", "shop", str(shop), "-o", "json")))["changes"]
    assert [change["kind"] for change in changes] == ["removed", "added"]


def test_the_name_in_a_file_makes_no_difference(turnout: Turnout, shop: Path) -> None:
    turnout("import", str(shop), "--name", "cart")
    assert "agree" in done(turnout("diff", "cart", str(shop)))


def test_a_deleted_one_is_gone(turnout: Turnout, shop: Path) -> None:
    turnout("import", str(shop))
    assert done(turnout("delete", "shop")) == "shop is deleted.\n"
    assert turnout("delete", "shop").code == Exit.USAGE


def test_at_a_terminal_a_person_is_asked_before_it_is_deleted(turnout: Turnout, shop: Path) -> None:
    turnout("import", str(shop))
    said = turnout("delete", "shop", terminal=True, typed="n\n")
    assert said.code == Exit.REFUSED
    assert "Delete shop with 1 version? [y/N]" in said.err
    assert turnout("delete", "shop", "--yes", terminal=True).code == Exit.SUCCESS


def test_what_is_built_in_is_neither_replaced_nor_deleted(turnout: Turnout, shop: Path) -> None:
    for said in (turnout("import", str(shop), "--name", "default"), turnout("delete", "default")):
        assert said.code == Exit.REFUSED
        assert said.err.splitlines() == [
            "Error: The canary configuration 'default' is built in and stays as it is.",
            "Export it, and import your own under another name.",
        ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "my shop"),
        ("show", ""),
        ("import", "{shop}", "--name", "a/b"),
        ("diff", "shop", "a", "2"),
        ("diff", "shop", "9999999"),
        ("check", "no-such-file.yaml"),
        ("list", "x y"),
    ],
)
def test_wrong_usage_is_two_lines(turnout: Turnout, shop: Path, arguments: tuple[str, ...]) -> None:
    said = turnout(*(argument.format(shop=shop) for argument in arguments))
    assert said.code == Exit.USAGE
    assert said.out == ""
    assert len(said.err.splitlines()) == 2


def test_a_name_mistyped_is_answered_with_the_nearest(turnout: Turnout, shop: Path) -> None:
    turnout("import", str(shop))
    assert turnout("show", "shpo").err.splitlines()[1] == "Did you mean 'shop'?"
