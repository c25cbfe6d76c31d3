from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.demo import records
from tests.unit.demo.records import NOW
from turnout.demo.acts import QUICK, Act, build_acts
from turnout.demo.outcome import (
    Harm,
    Outcome,
    Result,
    broken_promises,
    build_result,
    reason,
    verdict,
)
from turnout.demo.table import build_table
from turnout.model.deployment import Status
from turnout.testing.load import Report
from turnout.testing.load.record import Columns, Row
from turnout.testing.load.report import Counts

ACTS = build_acts(QUICK, python="python3", port=8099)


def outcome(act: Act, status: Status = Status.SUCCEEDED, **changes: object) -> Outcome:
    good = Outcome(
        act=act,
        status=status,
        share=0,
        is_there=True,
        requests=400,
        failed=0,
        served_for=timedelta(seconds=2),
        switches=(timedelta(milliseconds=8),),
        back=None,
    )
    return replace(good, **changes)  # type: ignore[arg-type] # names of the fields above


def as_promised() -> Result:
    one, two, three, four, five, six = ACTS
    wired = outcome(
        four,
        Status.ROLLED_BACK,
        is_there=False,
        failed=120,
        served_for=timedelta(seconds=2.1),
        back=timedelta(milliseconds=31),
        harm=Harm(400, timedelta(seconds=2), "trip wires: 30 % failed"),
    )
    judged = outcome(
        six,
        Status.ROLLED_BACK,
        is_there=False,
        failed=9,
        back=timedelta(milliseconds=62),
        harm=Harm(1871, timedelta(seconds=8.6), "Failed after 8 s."),
    )
    steps = tuple(timedelta(milliseconds=ms) for ms in (6, 11, 7, 9))
    good = (outcome(one), outcome(two), outcome(three, switches=steps))
    return Result(
        (*good, wired, outcome(five, share=1000), judged), requests=4600, lost=0, unaccounted=0
    )


def changed(number: int, **changes: object) -> Result:
    good = as_promised()
    outcomes = list(good.outcomes)
    outcomes[number] = replace(outcomes[number], **changes)  # type: ignore[arg-type] # as above
    return replace(good, outcomes=tuple(outcomes))


def test_a_show_as_promised_has_nothing_to_complain_about() -> None:
    assert broken_promises(as_promised()) == ()
    assert verdict(as_promised()) == (
        "0 of 4,600 requests lost through Turnout.",
        "Version 4, by blue/green: 120 of 400 users harmed, found after 2.0 s, "
        "traffic back 31 ms later.",
        "Version 6, by canary: 9 of 1,871 users harmed, found after 8.6 s, "
        "traffic back 62 ms later.",
    )
    assert reason(as_promised()) == "Why version 6 was taken back: Failed after 8 s."


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        (replace(as_promised(), lost=1), "1 requests were lost"),
        (replace(as_promised(), unaccounted=2), "2 requests never ended"),
        (
            changed(1, status=Status.ROLLED_BACK),
            "version 2 should have succeeded, and been rolled back",
        ),
        (
            changed(3, status=Status.SUCCEEDED),
            "version 4 should have been rolled back, and succeeded",
        ),
        (changed(1, requests=0), "version 2 has answered no request"),
        (changed(3, failed=0), "version 4 should have failed requests, and has not"),
        (
            changed(3, is_there=True),
            "version 4 was taken back, and its server group is still there",
        ),
        (changed(3, back=None), "nothing says how long taking version 4 back took"),
        (changed(5, harm=None), "nothing says how long taking version 6 back took"),
        (changed(4, share=900), "version 5 should have all users now"),
        (replace(as_promised(), complaints=("a port is taken",)), "a port is taken"),
    ],
)
def test_whatever_is_not_as_promised_is_said(result: Result, complaint: str) -> None:
    assert broken_promises(result) == (complaint,)


def report(*rows: tuple[str, int]) -> Report:
    """One request every 0.1 s: who answered, with which status."""
    columns = Columns()
    for number, (version, status) in enumerate(rows):
        columns.append(Row(NOW.timestamp() + number / 10, 0.0, 0.001, status, version, "", False))
    return Report(columns, Counts(started=len(rows)))


def test_only_failures_of_the_bad_version_itself_are_not_lost() -> None:
    played = [(ACTS[3], records.rolled_back())]
    sent = report(("3", 200), ("4", 200), ("4", 500), ("4", 500), ("", 503), ("", 0), ("3", 500))
    result = build_result(played, records.cluster(), sent)
    assert result.lost == 3
    assert (result.outcomes[0].requests, result.outcomes[0].failed) == (3, 2)
    assert result.outcomes[0].served_for == timedelta(seconds=0.2)


def test_times_are_those_that_turnout_has_proof_of() -> None:
    played = [(ACTS[3], records.rolled_back())]
    (found,) = build_result(played, records.cluster(), report(("4", 200))).outcomes
    assert found.switches == (timedelta(milliseconds=8),)
    assert found.back == timedelta(milliseconds=190)


def test_harm_is_measured_from_the_first_traffic_to_its_return() -> None:
    """One request every 0.1 s; traffic was there from 0.25 s to 9.19 s, noticed at 9 s."""
    view = records.rolled_back()
    switched = view.record.model_copy(
        update={"switched_at": NOW + timedelta(seconds=0.25), "cause": "trip wires: worse"}
    )
    played = [(ACTS[3], view.model_copy(update={"record": switched}))]
    sent = report(*[("4", 200)] * 120)
    (found,) = build_result(played, records.cluster(), sent).outcomes
    assert found.harm == Harm(89, timedelta(seconds=8.75), "trip wires: worse")


def test_the_table_has_a_row_for_every_version() -> None:
    columns = {str(c.header): list(map(str, c.cells)) for c in build_table(as_promised()).columns}
    assert columns["version"] == ["1", "2", "3", "4", "5", "6"]
    assert columns["share"] == ["0 %", "0 %", "0 %", "gone", "100 %", "gone"]
    assert columns["failed"] == ["0", "0", "0", "120", "0", "9"]
    assert columns["time to\nswitch"] == ["8 ms", "8 ms", "4 steps, 11 ms", *["8 ms"] * 3]
    assert columns["time to\nroll back"] == ["-", "-", "-", "31 ms", "-", "62 ms"]
