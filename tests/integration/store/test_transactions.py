"""What is written at the same time goes into one transaction, and nobody pays for another's
mistake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event, text

from turnout.model.errors import Permanent, Temporary
from turnout.store.database import for_writing, open_engine, parse_url
from turnout.store.transactions import Transactions


@pytest.fixture
async def transactions(url: str) -> AsyncIterator[Transactions]:
    found = Transactions(parse_url(url), timedelta(milliseconds=300))
    yield found
    await found.close()


def count_up(connection: Connection) -> int:
    connection.execute(text("UPDATE counters SET value = value + 1"))
    return int(connection.execute(text("SELECT value FROM counters")).scalar_one())


def spoil(connection: Connection) -> None:
    connection.execute(text("UPDATE counters SET value = NULL"))


async def test_what_comes_while_another_commit_is_on_its_way_is_committed_together(
    transactions: Transactions,
) -> None:
    commits: list[Connection] = []
    event.listen(transactions.engine, "commit", commits.append)
    calls = [asyncio.create_task(transactions.write("count", count_up)) for _ in range(50)]
    assert await asyncio.gather(*calls) == list(range(1, 51))
    assert len(commits) <= 3


async def test_work_that_is_refused_takes_no_other_with_it(transactions: Transactions) -> None:
    calls = [
        asyncio.create_task(transactions.write("count", work))
        for work in (count_up, spoil, count_up)
    ]
    first, spoilt, second = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(spoilt, Permanent) and "Could not count in" in spoilt.message
    assert (first, second) == (1, 2)


async def test_all_who_write_meet_a_lock_together_and_not_one_after_the_other(
    transactions: Transactions, url: str
) -> None:
    engine = open_engine(parse_url(url))
    with for_writing(engine).begin() as other:
        other.execute(text("UPDATE counters SET value = value"))
        began = asyncio.get_running_loop().time()
        calls = [asyncio.create_task(transactions.write("count", count_up)) for _ in range(20)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert asyncio.get_running_loop().time() - began < 20 * 0.3
        other.rollback()
    engine.dispose()
    assert {type(outcome) for outcome in outcomes} == {Temporary}
    assert await transactions.write("count", count_up) == 1
