from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import pytest

from turnout.checks import LocalChecker
from turnout.model.checks import CheckAnswer, HttpCheck, Verdict
from turnout.model.traffic import GroupTraffic, Listener
from turnout.ports import CheckContext
from turnout.testing import MemoryAnalyst, MemoryClock, World

Answering = Callable[[str], Awaitable[bytes]]


class RealTime(MemoryClock):
    """Measures for real; the pauses between attempts are short."""

    def elapsed(self) -> timedelta:
        return timedelta(seconds=time.monotonic())

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(0.01)


class NoMetrics:
    async def observe_window(
        self, cluster: str, group: str, since: datetime, until: datetime
    ) -> GroupTraffic:
        raise AssertionError("not asked for")


@asynccontextmanager
async def router(answering: Answering, asked: list[str] | None = None) -> AsyncIterator[int]:
    """A server that answers each request head as it is told; closes each connection after it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, ConnectionError):  # who asked has given up
            writer.close()
            return
        if asked is not None:
            asked.append(head)
        answer = asyncio.ensure_future(answering(head))
        gone = asyncio.ensure_future(reader.read())
        await asyncio.wait([answer, gone], return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            writer.write(answer.result())
        answer.cancel()
        gone.cancel()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    serving: set[asyncio.Task[None]] = set()
    server = await asyncio.start_server(
        lambda reader, writer: serving.add(asyncio.create_task(serve(reader, writer))),
        "127.0.0.1",
        0,
    )
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.sleep(0)  # a connection may have come at the last moment
    await asyncio.gather(*serving)


def response(status: int, body: str, *, length: int | None = None, extra: str = "") -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status} X\r\n{extra}content-length: {size}\r\n\r\n{body}".encode()


async def make(check: HttpCheck, port: int) -> CheckAnswer:
    checker = LocalChecker(NoMetrics(), MemoryAnalyst(), RealTime(World()), owner="test")
    listener = Listener(cluster="shop", port=port, preview_header="x-preview")
    context = CheckContext(cluster="shop", group="shop-v002", listener=listener)
    return await checker.answer(check, context)


async def test_the_request_goes_to_the_group_by_the_preview_header(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # must not come between
    asked: list[str] = []

    async def fine(head: str) -> bytes:
        return response(200, "fine")

    check = HttpCheck(path="/x?a=1", method="POST", headers={"x-user": "me"}, body="data")
    async with router(fine, asked) as port:
        answer = await make(check, port)
    assert answer.verdict is Verdict.PASS
    (head,) = asked
    assert head.startswith("POST /x?a=1 HTTP/1.1\r\n")
    for line in ("x-preview: shop-v002", "x-user: me", "content-length: 4"):
        assert line in head.lower()


async def test_no_cookie_of_one_request_reaches_the_next() -> None:
    asked: list[str] = []

    async def fine(head: str) -> bytes:
        return response(200, "fine", extra="set-cookie: stick=v1\r\n")

    async with router(fine, asked) as port:
        checker = LocalChecker(NoMetrics(), MemoryAnalyst(), RealTime(World()), owner="test")
        context = CheckContext(
            cluster="shop", group="shop-v002", listener=Listener(cluster="shop", port=port)
        )
        for _ in range(2):
            await checker.answer(HttpCheck(), context)
    assert len(asked) == 2
    assert "cookie" not in "".join(asked).lower()


async def test_a_redirect_is_judged_as_it_is() -> None:
    async def away(head: str) -> bytes:
        return response(302, "", extra="location: http://127.0.0.1:1/\r\n")

    async with router(away) as port:
        assert (await make(HttpCheck(), port)).verdict is Verdict.FAIL
        assert (await make(HttpCheck(status_to=302), port)).verdict is Verdict.PASS


async def test_no_answer_in_time_fails() -> None:
    async def never(head: str) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with router(never) as port:
        answer = await make(HttpCheck(within=timedelta(milliseconds=100)), port)
    assert answer.verdict is Verdict.FAIL
    assert answer.sentence == "GET / on shop-v002: no answer within 100ms"


async def test_an_answer_that_breaks_off_fails() -> None:
    async def half(head: str) -> bytes:
        return response(200, "half", length=100)

    async with router(half) as port:
        answer = await make(HttpCheck(), port)
    assert answer.verdict is Verdict.FAIL
    assert "broke off" in answer.sentence


async def test_an_answer_without_end_is_read_only_so_far() -> None:
    async def endless(head: str) -> bytes:
        return response(200, "needle" + "x" * 3_000_000, length=10**9)

    async with router(endless) as port:
        answer = await make(HttpCheck(matches="needle"), port)
    assert answer.verdict is Verdict.PASS


async def test_a_router_that_does_not_answer_is_an_error_once_the_time_is_up() -> None:
    async def unused(head: str) -> bytes:
        return b""

    async with router(unused) as port:
        pass
    answer = await make(HttpCheck(timeout=timedelta(milliseconds=700)), port)
    assert answer.verdict is Verdict.ERROR
    assert answer.figures["attempts"] > 1


async def test_a_router_that_comes_back_in_time_is_asked_again() -> None:
    async def cut(head: str) -> bytes:
        return b"" if len(asked) < 3 else response(200, "fine")

    asked: list[str] = []
    async with router(cut, asked) as port:
        answer = await make(HttpCheck(), port)
    assert (answer.verdict, len(asked)) == (Verdict.PASS, 3)


async def test_a_pattern_that_is_none_is_an_error_at_once() -> None:
    answer = await make(HttpCheck(matches="("), 1)
    assert answer.verdict is Verdict.ERROR
    assert "is not a regular expression" in answer.sentence
