import asyncio

import pytest

from tests.unit.demo.records import NOW
from turnout.demo.stage import beside, describe_load
from turnout.testing.load import Report
from turnout.testing.load.record import Columns, Row
from turnout.testing.load.report import Counts


def report(*, lag: float = 0.0) -> Report:
    columns = Columns()
    for number, status in enumerate((200, 200, 500)):
        columns.append(Row(NOW.timestamp() + number, 0.0, 0.0042, status, "1", "", False))
    return Report(columns, Counts(started=3, lag=lag))


def test_how_users_fare_is_told_in_figures() -> None:
    assert describe_load(report()) == "3 requests, 1 failed, p99 4.2 ms"
    assert describe_load(Report(Columns())) == "0 requests, 0 failed"


def test_a_machine_that_is_too_busy_to_ask_in_time_is_told_of() -> None:
    assert describe_load(report(lag=7.9)).endswith(" (machine busy: asked up to 7.9 s late)")


async def forever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("aside")


async def test_what_goes_on_beside_ends_with_the_work() -> None:
    ended: list[str] = []

    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert await beside(work(), forever(ended)) == 7
    assert ended == ["aside"]


async def test_whoever_fails_first_ends_both() -> None:
    ended: list[str] = []

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("gone")

    with pytest.raises(ValueError, match="gone"):
        await beside(forever(ended), fail())
    assert ended == ["aside"]
