import asyncio
import itertools
from datetime import timedelta

import pytest

from tests.integration.load.services import Rogue, RunningShop, running_shop
from turnout.testing.load import Load, Report, closed_loop

SOON = timedelta(seconds=60)


async def put_load(
    url: str,
    path: str,
    *,
    count: int = 5,
    method: str = "GET",
    strict: bool = False,
    connections: int = 50,
    timeout: float = 10,
) -> Report:
    """At least `count` requests at 50 a second, all of them to their ends."""
    load = Load(
        url,
        rate=50,
        path=path,
        method=method,
        strict=strict,
        connections=connections,
        timeout=timedelta(seconds=timeout),
    )
    async with load:
        await load.await_answers(count, SOON)
    return load.report()


async def await_started(load: Load, count: int) -> None:
    async with asyncio.timeout(60):
        while load.report().counts.started < count:
            await asyncio.sleep(0.01)


async def test_every_answer_of_a_healthy_service_is_recorded(shop: RunningShop) -> None:
    report = await put_load(shop.url, "/", count=40)
    assert report.failed == report.reconnects == report.unaccounted == 0
    assert report.requests >= 40
    assert report.statuses == {200: report.requests}
    assert report.versions["1"].requests == report.requests
    assert report.counts.connections < report.requests


async def test_requests_come_at_the_rate_that_was_asked_for(shop: RunningShop) -> None:
    async with Load(shop.url, rate=100) as load:
        await load.await_answers(100, SOON)
        report = await load.stop()
    due = sorted(answer.due for answer in report)
    gaps = [(after - before).total_seconds() for before, after in itertools.pairwise(due)]
    assert gaps == pytest.approx([0.01] * len(gaps), abs=1e-4)


async def test_a_stalled_service_does_not_slow_the_load_down(shop: RunningShop) -> None:
    """One connection, 20 requests a second of 100 ms each: every one waits longer than the last."""
    async with Load(shop.url, rate=20, path="/slow?ms=100", connections=1) as load:
        await load.await_answers(10, SOON)
        report = await load.stop()
    answers = sorted(report, key=lambda answer: answer.due)
    latencies = [answer.latency for answer in answers]
    assert latencies == sorted(latencies)
    assert latencies[9] > timedelta(seconds=0.5)
    assert report.failed == 0


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/cut", "connection closed in mid-answer"),
        ("/cut-head", "connection closed in mid-answer"),
        ("/cut-chunk", "connection closed in mid-answer"),
        ("/close", "connection closed before any byte of an answer"),
        ("/garbage", "malformed answer: not an HTTP/1 status line"),
        ("/reset", "connection closed before any byte of an answer: Connection reset by peer"),
    ],
)
async def test_every_kind_of_lost_answer_is_counted(rogue: Rogue, path: str, error: str) -> None:
    report = await put_load(rogue.url, path)
    assert report.failed == report.requests == report.counts.started >= 5
    assert report.reconnects == 0
    assert all(answer.error.startswith(error) for answer in report.failures())
    assert {answer.status for answer in report} == {0}


async def test_a_server_error_is_counted_with_what_it_said(rogue: Rogue) -> None:
    report = await put_load(rogue.url, "/error")
    assert report.failed == report.requests
    assert report.versions["1"].failed == report.requests
    assert (report.failures()[0].status, report.failures()[0].error) == (500, "ok")


async def test_an_answer_that_never_comes_is_counted_when_its_time_is_over(rogue: Rogue) -> None:
    report = await put_load(rogue.url, "/never", timeout=0.3)
    assert report.failed == report.requests
    assert set(report.errors) == {"no answer within 0.3 s"}
    assert all(answer.latency >= timedelta(seconds=0.3) for answer in report)


async def test_a_request_without_a_free_connection_runs_out_of_time_too(rogue: Rogue) -> None:
    report = await put_load(rogue.url, "/never", timeout=0.3, connections=1)
    assert report.errors["no free connection within 0.3 s"] >= 1
    assert report.failed == report.requests


async def test_a_refused_connection_fails_its_request(shop: RunningShop) -> None:
    await shop.kill()
    report = await put_load(shop.url, "/")
    assert report.failed == report.requests
    (error,) = report.errors
    assert "no connection to 127.0.0.1" in error
    assert "refused" in error


async def test_what_is_under_way_when_the_load_stops_is_waited_for(shop: RunningShop) -> None:
    async with Load(shop.url, rate=50, path="/slow?ms=300") as load:
        await load.await_answers(1, SOON)
        assert load.report().unaccounted > 0
        report = await load.stop()
    assert report.unaccounted == report.failed == 0


async def test_what_has_no_answer_when_the_wait_is_over_has_failed(rogue: Rogue) -> None:
    async with Load(rogue.url, rate=50, path="/never") as load:
        await await_started(load, 3)
        report = await load.stop(timedelta(seconds=0.1))
    assert report.unaccounted == 0
    assert report.failed == report.requests >= 3
    assert all("when the load was stopped" in answer.error for answer in report)


async def test_a_connection_closed_under_its_next_request_is_repeated_and_said_so(
    rogue: Rogue,
) -> None:
    report = await put_load(rogue.url, "/stale", count=10)
    assert report.failed == 0
    assert report.reconnects >= 1  # five, unless a busy machine made it open more connections
    assert sum(answer.is_repeated for answer in report) == report.reconnects
    assert rogue.served == report.requests + report.reconnects


async def test_a_strict_load_repeats_nothing(rogue: Rogue) -> None:
    report = await put_load(rogue.url, "/stale", count=10, strict=True)
    assert report.reconnects == 0
    assert report.failed >= 1  # five, unless a busy machine made the load open more connections
    assert all("(a reused connection)" in answer.error for answer in report.failures())
    assert rogue.served == report.requests


async def test_a_post_is_never_repeated(rogue: Rogue) -> None:
    report = await put_load(rogue.url, "/stale", count=10, method="POST")
    assert report.reconnects == 0
    assert report.failed >= 1


async def test_a_connection_closed_between_requests_costs_nothing(rogue: Rogue) -> None:
    report = await put_load(rogue.url, "/idle-closing", count=10, strict=True)
    assert report.failed == report.reconnects == 0
    assert report.counts.idle_closed >= 1


async def test_a_connection_said_to_be_the_last_is_not_used_again(rogue: Rogue) -> None:
    report = await put_load(rogue.url, "/last", count=10, strict=True)
    assert report.failed == report.counts.idle_closed == 0
    assert report.counts.connections == report.requests


async def test_never_more_connections_than_allowed(rogue: Rogue) -> None:
    report = await put_load(rogue.url, "/slow", count=20, connections=3)
    assert report.failed == 0
    assert rogue.at_once == report.counts.connections == 3


async def test_connections_are_opened_as_they_are_needed(rogue: Rogue) -> None:
    report = await put_load(rogue.url, "/slow", count=40)
    assert report.failed == 0
    assert report.counts.connections > 3


async def test_a_killed_service_loses_what_it_had_and_all_of_that_is_seen() -> None:
    async with running_shop() as shop, Load(shop.url, rate=100, path="/slow?ms=60000") as load:
        await await_started(load, 20)
        await shop.kill()
        report = await load.stop()
    assert report.failed == report.requests >= 20
    assert report.unaccounted == 0


async def test_an_error_of_the_caller_ends_the_load_at_once(rogue: Rogue) -> None:
    with pytest.raises(LookupError):
        async with asyncio.timeout(60), Load(rogue.url, rate=50, path="/never") as load:
            raise LookupError
    assert load.report().unaccounted == 0


async def test_waiting_for_a_version_gives_its_first_answer(shop: RunningShop) -> None:
    async with Load(shop.url, rate=50) as load:
        first = await load.await_version("1", SOON)
        with pytest.raises(TimeoutError, match=r"only versions \['1'\] answer within 0.05 s"):
            await load.await_version("2", timedelta(seconds=0.05))
        await load.stop()
    assert first == load.report().first_of("1")


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "127.0.0.1:8080", "http://"])
def test_an_address_that_is_not_http_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected http://host:port"):
        Load(url, rate=1)


async def test_a_closed_loop_sends_exactly_what_it_was_asked_to(shop: RunningShop) -> None:
    report = await closed_loop(shop.url, connections=4, requests=501)
    assert report.requests == report.counts.started == 501
    assert report.failed == 0
    assert report.counts.connections == 4


async def test_a_closed_loop_with_fewer_requests_than_connections_ends(shop: RunningShop) -> None:
    assert (await closed_loop(shop.url, connections=8, requests=3)).requests == 3


async def test_a_closed_loop_counts_what_it_loses(rogue: Rogue) -> None:
    report = await closed_loop(rogue.url, connections=3, requests=30, path="/close")
    assert (report.requests, report.failed) == (30, 30)


async def test_a_closed_loop_can_be_ended_early(shop: RunningShop) -> None:
    over = asyncio.Event()
    task = asyncio.create_task(
        closed_loop(shop.url, connections=2, requests=10_000_000, until=over)
    )
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.2, over.set)
    async with asyncio.timeout(60):
        report = await task
    assert 0 < report.requests < 10_000_000
    assert report.unaccounted == report.failed == 0
