from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.canary.recorded import ID
from tests.unit.cli import documents
from tests.unit.cli.canaries import failed, passed, running
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.documents import NOW, seconds
from tests.unit.cli.fake_server import FakeServer
from turnout.cli.canary import showing
from turnout.cli.exits import Exit
from turnout.model.report import Report


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "REFRESH", 0.0)


def server(*reports: Report) -> FakeServer:
    return FakeServer(reports=list(reports))


def test_canaries_are_listed_with_what_came_of_them() -> None:
    said = CommandLine(server(failed()))("canary", "list", "--cluster", "shop")
    assert said.code == Exit.SUCCESS
    (_, row) = said.out.splitlines()
    for word in ("shop-v004", "shop-v003", "2026-01-01 14:00:00 CET", "2m", "fail", ID):
        assert word in row


def test_without_a_canary_the_list_says_how_to_begin() -> None:
    said = CommandLine(server())("canary", "list")
    assert said.out == "No canary yet. A deployment with strategy: canary makes one.\n"


def test_a_report_is_a_sentence_then_why_then_its_metrics() -> None:
    said = CommandLine(server(failed()))("canary", "show", ID)
    lines = said.out.splitlines()
    assert lines[0] == "The canary failed: shop-v004 does worse than shop-v003."
    assert lines[2].startswith("Errors: 17 % of 1,200 requests in the canary")
    (row,) = (line for line in lines if line.startswith("✗"))
    assert "errors" in row
    assert "harm from 1 in" in row
    assert any(block in row for block in "▂▃▄▅▆▇█")
    assert lines[-1] == f"With pictures: http://127.0.0.1:7600/api/v1/canaries/{ID}/page"


@pytest.mark.parametrize("name", ["shop", "d-1", ID])
def test_a_canary_is_found_by_cluster_deployment_and_id(name: str) -> None:
    said = CommandLine(server(passed()))("canary", "show", name, "-o", "json")
    assert json.loads(said.out)["id"] == ID


def test_a_name_that_nothing_has_is_an_error() -> None:
    said = CommandLine(server(passed()))("canary", "show", "shpo")
    assert said.code == Exit.USAGE
    assert "shpo" in said.err


@pytest.mark.parametrize(("end", "code"), [(passed, 0), (failed, 1)])
def test_following_ends_with_the_verdict(end: type, code: int) -> None:
    said = CommandLine(server(running(), running(), end()))("canary", "show", "shop", "--follow")
    assert said.code == code
    lines = said.out.splitlines()
    assert "Still comparing shop-v004 with shop-v003" in lines[0]
    assert sum("Still comparing" in line for line in lines) == 1
    assert lines[1].startswith("The canary ")


def test_following_at_a_terminal_draws_it_in_one_place() -> None:
    said = CommandLine(server(running(), passed()), terminal=True)("canary", "show", ID, "-f")
    assert said.code == Exit.SUCCESS
    assert "The canary passed: no harm was found in shop-v004." in said.out


def test_the_page_is_written_to_a_file(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    said = CommandLine(server(passed()))("canary", "show", "shop", "--page", str(page))
    assert page.read_text() == "<!doctype html>\n<h1>page</h1>\n"
    assert said.out.splitlines()[-1] == f"The page is in {page}."


def test_a_person_answers_by_the_name_of_the_cluster() -> None:
    asked = server(running())
    said = CommandLine(asked)("canary", "answer", "shop", "pass", "--comment", "known")
    assert said.out == f"{ID}: anna@build1 said pass.\n"
    body = {"choice": "pass", "by": "anna@build1", "comment": "known"}
    assert asked.posted() == [(f"/canaries/{ID}/judgment", body)]


def test_somebody_else_may_be_named() -> None:
    asked = server(running())
    CommandLine(asked)("canary", "answer", ID, "fail", "--by", "team-lead")
    assert asked.posted()[0][1]["by"] == "team-lead"


def test_an_answer_is_pass_or_fail() -> None:
    asked = server(running())
    assert CommandLine(asked)("canary", "answer", ID, "maybe").code == Exit.USAGE
    assert not asked.posted()


def test_deploy_and_status_say_briefly_what_the_canary_says_and_where_its_page_is() -> None:
    long = "Undecided so far. " + "Errors: 1.0 % of 300 requests in the canary. " * 8
    view = documents.analysing_view(long)
    cluster = documents.cluster_view(running=view.record)
    address = f"http://127.0.0.1:7600/api/v1/canaries/{view.record.id}.analyse-50/page"
    said = CommandLine(FakeServer(views=[view], cluster=cluster), now=NOW + seconds(30))("status")
    (going_on,) = (line for line in said.out.splitlines() if "running:" in line)
    assert len(going_on) < 300
    assert "Undecided so far. Errors:" in going_on
    assert f"  canary: {address}" in said.out.splitlines()
