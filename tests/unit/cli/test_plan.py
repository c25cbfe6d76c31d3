from __future__ import annotations

import json
from pathlib import Path

from tests.unit.cli import documents, plans
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.fake_server import FakeServer
from turnout.cli.exits import Exit

ROLLING = """\
Plan: deploy shop 1.2.0 by rolling_blue_green

  #  step                                                         split after           instances after  at most
  1  pin shop-v000 to at least 2 instances                        v000 100 %            v000 2           moments
  2  create shop-v001 with 1 instance of version 1.2.0                                  v001 1, v000 2   moments
  3  wait until 1 of 1 instance of shop-v001 are healthy                                                      2m
  4  shift traffic: shop-v000 90 %, shop-v001 10 %                v001 10 %, v000 90 %                   moments
  5  shift traffic: shop-v000 75 %, shop-v001 25 %                v001 25 %, v000 75 %                   moments
  6  shift traffic: shop-v000 50 %, shop-v001 50 %                v001 50 %, v000 50 %                   moments
  7  resize shop-v001 from 1 to 2 instances                                             v001 2, v000 2   moments
  8  wait until 2 of 2 instances of shop-v001 are healthy                                                     2m
  9  shift traffic: shop-v001 100 %                               v001 100 %                             moments
 10  watch shop-v001 for 30s                                                                                 30s
     (from here on it clears up, and is not taken back any more)
 11  let the requests on shop-v000 finish                                                                    30s
 12  release shop-v000                                                                                   moments

 Peak         4 instances
 Longest      5m
 Fingerprint  {fingerprint}

Do exactly this: turnout deploy {file} --fingerprint {fingerprint}
"""  # noqa: E501 - as it is printed


def test_a_plan_is_a_numbered_table_with_what_a_person_should_know(service_file: Path) -> None:
    plan = plans.rolling()
    said = CommandLine(FakeServer(plan=plan))("plan", str(service_file))
    assert said.code == Exit.SUCCESS
    assert said.out == ROLLING.format(fingerprint=plan.fingerprint, file=service_file)


def test_a_plan_names_what_is_destroyed_and_what_is_unusual(service_file: Path) -> None:
    note = "first deployment of shop: nothing serves yet, so it takes all traffic at once"
    first = plans.blue_green().model_copy(update={"notes": (note,)})
    shrink = CommandLine(FakeServer(plan=plans.shrink()))("shrink", "shop", "--keep", "1", "--plan")
    deploy = CommandLine(FakeServer(plan=first))("deploy", str(service_file), "--plan")
    assert " Destroys: shop-v007\n" in shrink.out
    assert " Note: first deployment of shop: nothing serves yet" in deploy.out


def test_a_plan_with_nothing_to_do_says_why_and_offers_nothing(service_file: Path) -> None:
    said = CommandLine(FakeServer(plan=plans.nothing()))("plan", str(service_file))
    assert said.code == Exit.SUCCESS
    assert "Note: shop-v000 already serves version 1.1.0" in said.out
    assert "Do exactly this" not in said.out


def test_a_plan_that_is_refused_says_by_which_rule(service_file: Path) -> None:
    plan = plans.refused("shop is held: we look into it", "held")
    said = CommandLine(FakeServer(plan=plan))("plan", str(service_file))
    assert said.code == Exit.REFUSED
    assert " Refused (held): shop is held: we look into it\n" in said.out
    for_programs = CommandLine(FakeServer(plan=plan))("plan", str(service_file), "-o", "json")
    assert for_programs.code == Exit.REFUSED
    assert json.loads(for_programs.out)["refused_rule"] == "held"
    assert json.loads(for_programs.err)["rule"] == "held"


def test_a_plan_for_programs_is_the_servers_document(service_file: Path) -> None:
    plan = plans.blue_green()
    said = CommandLine(FakeServer(plan=plan))("plan", str(service_file), "-o", "json")
    assert json.loads(said.out) == documents.document(plan)


def test_the_server_gets_the_text_and_where_it_lies(service_file: Path) -> None:
    server = FakeServer(plan=plans.blue_green())
    overrides = ("--version", "2", "--strategy", "dark", "--instances", "3")
    said = CommandLine(server)("plan", str(service_file), *overrides)
    [(path, body)] = server.posted()
    assert path == "/plans"
    assert body == {
        "document": {
            "text": service_file.read_text(),
            "folder": str(service_file.parent),
            "name": "service.yaml",
        },
        "version": "2",
        "strategy": "dark",
        "instances": 3,
        "on_busy": "queued",
        "by": "anna@build1",
        "reason": "",
        "force": "",
        "fingerprint": "",
    }
    again = "--version 2 --strategy dark --instances 3 --fingerprint"
    assert f"turnout deploy {service_file} {again} " in said.out


PROBLEMS = {
    "type": "about:blank",
    "title": "Unprocessable Content",
    "status": 422,
    "code": "invalid_document",
    "detail": "service.yaml: 2 problems",
    "hint": "",
    "problems": [
        {
            "message": "there is no such key",
            "path": "run.comand",
            "line": 7,
            "column": 3,
            "nearest": "command",
        },
        {"message": "listen is missing", "path": "", "line": 0, "column": 0, "nearest": ""},
    ],
}


def test_mistakes_in_a_document_are_told_like_a_compiler_does(service_file: Path) -> None:
    server = FakeServer(problems={"POST /plans": (422, PROBLEMS)})
    said = CommandLine(server)("plan", str(service_file))
    assert said.code == Exit.USAGE
    assert said.err == (
        f"{service_file}:7:3: run.comand: there is no such key. Did you mean 'command'?\n"
        f"{service_file}: listen is missing\n"
    )


def test_mistakes_in_a_document_are_data_for_programs(service_file: Path) -> None:
    server = FakeServer(problems={"POST /plans": (422, PROBLEMS)})
    said = CommandLine(server)("plan", str(service_file), "-o", "json")
    assert json.loads(said.err)["problems"] == PROBLEMS["problems"]


def test_a_file_that_cannot_be_read_is_told_in_two_lines(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"a: \xff\n")
    for file, why in (
        (tmp_path / "none.yaml", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (tmp_path / "binary", "byte 3 is not UTF-8"),
    ):
        server = FakeServer()
        said = CommandLine(server)("plan", str(file))
        assert said.code == Exit.USAGE
        assert said.err.splitlines()[0] == f"Error: {file} cannot be read: {why}."
        assert not server.asked


def test_a_document_may_come_from_standard_input() -> None:
    server = FakeServer(plan=plans.blue_green())
    CommandLine(server, typed="application: shop\n")("plan", "-")
    [(_, body)] = server.posted()
    assert body["document"]["text"] == "application: shop\n"
    assert body["document"]["folder"] == str(Path.cwd())
