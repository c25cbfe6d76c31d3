"""`turnout canary compare --every`: the server waits, the command line shows."""

from __future__ import annotations

import json

import httpx2
import pytest

from tests.unit.canary.recorded import ID
from tests.unit.cli.canaries import repeated
from tests.unit.cli.command_line import CommandLine, Result
from tests.unit.cli.fake_server import FakeServer
from turnout.cli.canary import showing
from turnout.cli.exits import Exit
from turnout.model.analysis import AnalysisVerdict

DUE = "Judgement 1 of 3 is due at 2026-01-01 13:05:00 UTC."
FIRST = "Judgement 1 of 3: score 100.0, Pass."
LAST = "Final canary score 40.0 is not above the marginal score threshold."
BEGUN = repeated(verdict=AnalysisVerdict.RUNNING, sentence=DUE)
JUDGED = repeated(100, verdict=AnalysisVerdict.RUNNING, sentence=FIRST)
FAILED = repeated(100, 40, verdict=AnalysisVerdict.FAIL, sentence=LAST)
COMPARE = ("canary", "compare", "--cluster", "shop", "--every", "5m", "--duration", "15m")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "REFRESH", 0.0)


def test_each_judgement_is_told_and_the_last_one_is_the_exit_code() -> None:
    server = FakeServer(reports=[BEGUN, BEGUN, JUDGED, FAILED])
    said = CommandLine(server)(*COMPARE, "--lookback", "10m", "--begin-after", "30s")
    assert said.code == Exit.ROLLED_BACK, said.err
    ((_, body),) = server.posted()
    assert (body["every"], body["lookback"], body["begin_after"]) == (300, 600, 30)
    lines = said.out.splitlines()
    assert [line for line in lines if line.endswith((DUE, FIRST))] == lines[:2]
    rows = [line.split() for line in lines if line[1:6] == " of 3"]
    assert [(row[0], row[-2], row[-1]) for row in rows] == [
        ("1", "100", "Pass"),
        ("2", "40", "Fail"),
    ]
    assert "1 judgement not made" in lines


def test_a_program_gets_the_last_report_and_people_the_course() -> None:
    server = FakeServer(reports=[JUDGED, FAILED])
    said = CommandLine(server)(*COMPARE, "-o", "json")
    assert [window["score"] for window in json.loads(said.out)["windows"]] == [100, 40, None]
    assert FIRST in said.err


def test_at_a_terminal_it_is_drawn_in_one_place() -> None:
    said = CommandLine(FakeServer(reports=[JUDGED, FAILED]), terminal=True)(*COMPARE)
    assert said.code == Exit.ROLLED_BACK
    assert "2 judgements to come" in said.out
    assert LAST in said.out


def test_who_stops_looking_learns_what_was_decided_so_far() -> None:
    server = FakeServer(reports=[JUDGED])
    looks = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal looks
        looks += request.url.path.endswith(ID)
        if looks > 1:
            raise KeyboardInterrupt
        return server.answer(request)

    said: Result = CommandLine(transport=httpx2.MockTransport(answer))(*COMPARE)
    assert said.code == Exit.INTERRUPTED
    assert f"{ID} goes on in the server. So far: {FIRST}" in said.err
    assert f"End it: turnout canary answer {ID} fail." in said.err
