"""Stores that are slow, cut off, overloaded, wrong about the time or not what they should be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import stamina
import structlog

from tests.contract.metrics.web import Asked, Reply, Web, serving
from tests.unit.metrics.scopes import START_MS, scope
from turnout.metrics import Sources, open_sources
from turnout.metrics.accounts import Account
from turnout.metrics.caller import MOST_BYTES
from turnout.metrics.secrets import Secret
from turnout.model.canary.queries import CloudWatchQuery, GraphiteQuery, PrometheusQuery
from turnout.model.errors import Permanent, Temporary
from turnout.model.samples import Series

GOOD = Reply(
    {"data": {"result": [{"metric": {}, "values": [[START_MS // 1000, "7"]]}]}, "status": "success"}
)
QUERY = PrometheusQuery(type="prometheus", custom_inline_template="PromQL:up")


class SkippingClock:
    """Real, but sleeping takes no time and is remembered."""

    def __init__(self) -> None:
        self.slept = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.slept

    def elapsed(self) -> timedelta:
        return self.slept

    async def sleep(self, duration: timedelta) -> None:
        self.slept += duration
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def pauses_take_no_time() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving() as found:
        found.answer = lambda _: GOOD
        yield found


@pytest.fixture
def clock() -> SkippingClock:
    return SkippingClock()


def account(web: Web, **more: Any) -> Account:
    return Account(
        **{
            "name": "prod",
            "type": "prometheus",
            "url": web.url,
            "options": {"scope_label": "instance"},
            **more,
        }
    )


@pytest.fixture
async def sources(web: Web, clock: SkippingClock) -> AsyncIterator[Sources]:
    async with open_sources([account(web)], clock) as found:
        yield found


async def fetch(sources: Sources) -> tuple[Series, ...]:
    return await sources.fetch(QUERY, scope(minutes=1), {})


async def test_what_passes_is_asked_again(web: Web, sources: Sources) -> None:
    web.answer_in_turn(Reply(b"busy", 503), Reply(b"", 500), GOOD)
    (series,) = await fetch(sources)
    assert series.values == (7.0,)
    assert len(web.asked) == 3


async def test_what_does_not_pass_is_given_up(web: Web, sources: Sources) -> None:
    web.answer_in_turn(Reply(b"out   of\norder", 502))
    with pytest.raises(Temporary, match=r'\(prod\): 502 Said: "out of order"'):
        await fetch(sources)
    assert len(web.asked) == 3


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, {"status": "error", "errorType": "bad_data", "error": "no"}, '"bad_data: no"'),
        (404, b"404 page not found", "/api/v1/query_range"),
        (403, {"errors": ["Forbidden", "twice"]}, "Forbidden, twice"),
        (501, b"", "501"),
    ],
)
async def test_a_refusal_is_not_asked_again(
    web: Web, sources: Sources, status: int, body: object, said: str
) -> None:
    web.answer_in_turn(Reply(body, status))
    with pytest.raises(Permanent) as refusal:
        await fetch(sources)
    assert said in refusal.value.message
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    "half",
    [
        Reply(GOOD.body, cut=20),
        Reply(GOOD.body, cut=0),
        Reply(GOOD.encode().partition(b"\r\n\r\n")[2][:-9]),
        Reply(b""),
        Reply(b"<html>Please log in</html>"),
        Reply({"status": "success"}),
        Reply(b"[" * 100_000),
    ],
    ids=["cut", "no body", "half a page", "nothing", "another page", "no data", "deep"],
)
async def test_half_an_answer_is_asked_again(web: Web, sources: Sources, half: Reply) -> None:
    web.answer_in_turn(half, GOOD)
    (series,) = await fetch(sources)
    assert series.values == (7.0,)
    web.answer_in_turn(half)
    with pytest.raises(Temporary, match="prod"):
        await fetch(sources)


async def test_a_store_that_does_not_answer_is_left(web: Web, clock: SkippingClock) -> None:
    web.answer_in_turn(Reply(never=True))
    short = account(web, timeout=timedelta(milliseconds=50))
    async with open_sources([short], clock) as sources:
        with pytest.raises(Temporary, match="no answer within 50ms"):
            await fetch(sources)


async def test_an_answer_without_end_is_refused(web: Web, sources: Sources) -> None:
    web.answer_in_turn(Reply(b" " * (MOST_BYTES + 1)))
    with pytest.raises(Permanent, match="more than 32 MiB came back"):
        await fetch(sources)
    assert len(web.asked) == 1


async def test_a_redirect_is_told_and_not_followed(web: Web, clock: SkippingClock) -> None:
    web.answer_in_turn(Reply(b"", 302, {"location": "http://elsewhere.example/login"}))
    async with open_sources([account(web, secrets={"token": Secret("t")})], clock) as sources:
        with pytest.raises(Permanent) as refusal:
            await fetch(sources)
    assert "elsewhere.example" in refusal.value.hint
    assert len(web.asked) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_store_is_left_alone_for_as_long_as_it_says(
    web: Web, sources: Sources, clock: SkippingClock, status: int
) -> None:
    web.answer_in_turn(Reply(b"", status, {"retry-after": "3"}), GOOD)
    await fetch(sources)
    assert clock.slept == timedelta(seconds=3)


async def test_a_store_may_name_the_moment(
    web: Web, sources: Sources, clock: SkippingClock
) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    web.answer_in_turn(Reply(b"", 429, {"retry-after": moment}), GOOD)
    await fetch(sources)
    assert timedelta(seconds=15) < clock.slept <= timedelta(seconds=20)


async def test_who_has_no_patience_is_told_when_to_come_again(
    web: Web, sources: Sources, clock: SkippingClock
) -> None:
    web.answer_in_turn(Reply(b"slow down", 429, {"retry-after": "600"}))
    with pytest.raises(Temporary, match="slow down") as refusal:
        await fetch(sources)
    assert refusal.value.retry_after == 600
    with pytest.raises(Temporary, match="rate limit") as again:
        await fetch(sources)
    assert again.value.retry_after == 600
    assert (len(web.asked), clock.slept) == (1, timedelta())


async def test_a_limit_that_is_used_up_is_kept_before_it_is_exceeded(
    web: Web, sources: Sources, clock: SkippingClock
) -> None:
    used_up = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "7"}
    web.answer = lambda _: Reply(GOOD.body, headers=used_up)
    await fetch(sources)
    assert clock.slept == timedelta()
    await fetch(sources)
    assert clock.slept == timedelta(seconds=7)


async def test_requests_of_a_minute_are_spread(web: Web, clock: SkippingClock) -> None:
    async with open_sources([account(web, per_minute=30)], clock) as sources:
        for _ in range(4):
            await fetch(sources)
    assert clock.slept == timedelta(seconds=6)


async def test_no_more_requests_are_under_way_than_allowed(web: Web, clock: SkippingClock) -> None:
    web.gate.clear()
    async with open_sources([account(web, at_once=2)], clock) as sources:
        asked = [sources.fetch(QUERY, scope(minutes=1), {}) for _ in range(6)]
        running = asyncio.gather(*asked)
        async with asyncio.timeout(60):
            while web.under_way < 2:
                await asyncio.sleep(0.01)
        web.gate.set()
        await running
    assert web.most_at_once == 2


async def test_a_slow_store_holds_up_no_other(web: Web, clock: SkippingClock) -> None:
    async with serving() as slow:
        slow.answer_in_turn(Reply(never=True))
        accounts = [account(web), account(slow, name="slow", type="graphite", at_once=1)]
        async with open_sources(accounts, clock) as sources:
            query = GraphiteQuery(type="graphite", metric_name="a")
            late = [asyncio.ensure_future(sources.fetch(query, scope(), {})) for _ in range(2)]
            async with asyncio.timeout(60):
                found = await sources.fetch(QUERY, scope(minutes=1), {})
            assert not any(one.done() for one in late)
            for one in late:
                one.cancel()
            await asyncio.gather(*late, return_exceptions=True)
    assert found[0].values == (7.0,)


@pytest.mark.parametrize(
    "secrets",
    [
        {"secrets": {"token": Secret("swordfish")}},
        {
            "secrets": {"password": Secret("swordfish")},
            "options": {"user": "u", "scope_label": "i"},
        },
        {"headers": {"X-Key": Secret("swordfish")}},
    ],
    ids=["token", "password", "header"],
)
async def test_a_secret_that_comes_back_is_hidden(
    web: Web, clock: SkippingClock, secrets: dict[str, Any]
) -> None:
    def echo(asked: Asked) -> Reply:
        return Reply(repr(asked.headers).encode(), 401)

    web.answer = echo
    async with open_sources([account(web, **secrets)], clock) as sources:
        with pytest.raises(Permanent) as refusal:
            await fetch(sources)
    sent = repr(web.asked[0].headers)
    assert "swordfish" in sent or "dTpzd29yZGZpc2g=" in sent
    told = f"{refusal.value} {refusal.value.hint}"
    assert "swordfish" not in told
    assert "dTpzd29yZGZpc2g=" not in told


async def test_a_tenant_is_no_secret(web: Web, clock: SkippingClock) -> None:
    web.answer_in_turn(Reply(b"unknown metric shop_errors", 400))
    async with open_sources([account(web, headers={"X-Tenant": Secret("shop")})], clock) as sources:
        with pytest.raises(Permanent, match="unknown metric shop_errors"):
            await fetch(sources)


async def test_the_name_of_a_metric_is_no_sign_of_overload(web: Web, sources: Sources) -> None:
    web.answer_in_turn(Reply(b"unknown metric ThrottlingException", 400))
    with pytest.raises(Permanent):
        await fetch(sources)


async def test_a_large_answer_is_read_whole(web: Web, sources: Sources) -> None:
    values = [[START_MS // 1000 + second, str(second)] for second in range(20_000)]
    web.answer_in_turn(Reply({"data": {"result": [{"metric": {}, "values": values}]}}))
    (series,) = await sources.fetch(QUERY, scope(minutes=200, step=60), {})
    assert series.values == tuple(59.0 + 60 * minute for minute in range(200))


def dated(ahead: float, **more: str) -> Reply:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    return Reply(GOOD.body, headers={"date": date, **more})


@pytest.mark.parametrize(("ahead", "said"), [(3600, "s ahead of ours"), (-3600, "s behind ours")])
async def test_a_store_with_another_time_is_told_of(
    web: Web, sources: Sources, ahead: float, said: str
) -> None:
    web.answer_in_turn(dated(ahead), dated(ahead), dated(0))
    with structlog.testing.capture_logs() as logs:
        await fetch(sources)
        (warning,) = sources.warnings
        assert said in warning
        assert warning.startswith("The clock of prod is 3")
        await fetch(sources)
    assert [line["event"] for line in logs] == ["metrics.clock"]  # once, not for each answer
    await fetch(sources)
    assert sources.warnings == ()


@pytest.mark.parametrize(
    ("ahead", "more"),
    [(3, {}), (-3, {}), (-3600, {"age": "3600"}), (0, {"date": "noon"})],
    ids=["a little ahead", "a little behind", "an old copy", "no time at all"],
)
async def test_what_says_nothing_of_the_clock_is_no_reason_to_warn(
    web: Web, sources: Sources, ahead: float, more: dict[str, str]
) -> None:
    web.answer = lambda _: dated(ahead, **more)
    await fetch(sources)
    assert sources.warnings == ()


def cloudwatch(web: Web) -> Account:
    key = Secret("k")
    secrets = {"access_key": key, "secret_key": key}
    return account(web, type="cloudwatch", options={"region": "r"}, secrets=secrets)


METRIC = CloudWatchQuery(type="cloudwatch", namespace="N", metric_name="m")


async def test_amazon_says_with_a_bad_request_that_it_is_busy(
    web: Web, clock: SkippingClock
) -> None:
    web.answer_in_turn(
        Reply({"__type": "a.b#ThrottlingException", "message": "Rate exceeded"}, 400)
    )
    async with open_sources([cloudwatch(web)], clock) as sources:
        with pytest.raises(Temporary, match="ThrottlingException: Rate exceeded"):
            await sources.fetch(METRIC, scope(), {})


async def test_a_signature_of_another_time_is_told_so(web: Web, clock: SkippingClock) -> None:
    refused = {"__type": "x#InvalidSignatureException", "message": "Signature expired"}
    web.answer_in_turn(Reply(refused, 403, dated(3600).headers))
    async with open_sources([cloudwatch(web)], clock) as sources:
        with pytest.raises(Permanent, match="Signature expired") as refusal:
            await sources.fetch(METRIC, scope(), {})
    assert "The clocks differ" in refusal.value.hint


async def test_pages_without_end_are_left(web: Web, clock: SkippingClock) -> None:
    result = {"Timestamps": [], "Values": [], "StatusCode": "PartialData"}
    web.answer_in_turn(Reply({"MetricDataResults": [result], "NextToken": "again"}))
    async with open_sources([cloudwatch(web)], clock) as sources:
        with pytest.raises(Permanent, match="more than 100 pages"):
            await sources.fetch(METRIC, scope(), {})


async def test_an_account_s_headers_and_token_are_sent(web: Web, clock: SkippingClock) -> None:
    more = {"headers": {"X-Scope-OrgID": Secret("shop")}, "secrets": {"token": Secret("t")}}
    async with open_sources([account(web, **more)], clock) as sources:
        await fetch(sources)
    (asked,) = web.asked
    assert asked.headers["x-scope-orgid"] == "shop"
    assert asked.headers["authorization"] == "Bearer t"
