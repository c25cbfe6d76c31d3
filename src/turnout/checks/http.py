"""A request to a server group through the router's preview header: the way its users will come."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import httpx2

from turnout.checks.attempt import Unanswerable
from turnout.model.checks import CheckAnswer, HttpCheck, Verdict
from turnout.model.traffic import Listener
from turnout.model.units import format_duration
from turnout.ports import CheckContext

MOST_BODY = 1024 * 1024
"""Bytes of the answer that are read and searched."""

_EXCERPT = 80

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - read, not bound

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""The listener speaks plain HTTP: loading certificates for each check would be for nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as far as it was read."""

    status: int
    body: bytes
    took: timedelta


def build_url(listener: Listener) -> str:
    """The address of a listener as seen from this host."""
    host = _EVERYWHERE.get(listener.host, listener.host)
    return f"http://[{host}]:{listener.port}" if ":" in host else f"http://{host}:{listener.port}"


async def make_http_check(
    check: HttpCheck, context: CheckContext, left: timedelta, elapsed: Callable[[], timedelta]
) -> CheckAnswer:
    """Ask once. Raises `Unanswerable` when the router cannot be reached."""
    pattern = _compile(check.matches)
    limit = min(check.within, left)
    start = elapsed()
    try:
        async with asyncio.timeout(limit.total_seconds()):
            answer = await _ask(check, context, lambda: elapsed() - start)
    except TimeoutError:
        return _failed(check, context, f"no answer within {format_duration(limit)}")
    except httpx2.ReadError as cut:
        return _failed(check, context, f"the answer broke off ({str(cut) or type(cut).__name__})")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        said = str(error) or type(error).__name__
        raise Unanswerable(
            f"{describe(check, context)}: {said}",
            passing=isinstance(error, httpx2.TransportError)
            and not isinstance(error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError),
        ) from error
    return judge(check, context, answer, pattern)


def describe(check: HttpCheck, context: CheckContext) -> str:
    """In words: `GET /health on shop-v002`."""
    return f"{check.method} {check.path} on {context.group}"


def judge(
    check: HttpCheck, context: CheckContext, answer: Answer, pattern: re.Pattern[str]
) -> CheckAnswer:
    """Pass when status, body and time are as asked for."""
    took = answer.took / timedelta(milliseconds=1)
    said = f"{describe(check, context)}: {answer.status} in {took:.0f} ms"
    text = answer.body.decode(errors="replace")
    if not check.status_from <= answer.status <= check.status_to:
        verdict = Verdict.FAIL
        said += f', {check.status_from} to {check.status_to} expected: "{_excerpt(text)}"'
    elif answer.took > check.within:
        verdict, said = Verdict.FAIL, f"{said}, {format_duration(check.within)} allowed"
    elif not pattern.search(text):
        verdict = Verdict.FAIL
        said += f', but {check.matches!r} is not in the body: "{_excerpt(text)}"'
    else:
        verdict = Verdict.PASS
    return CheckAnswer(
        check=check.name,
        verdict=verdict,
        sentence=said,
        figures={"status": answer.status, "took_ms": round(took, 1)},
    )


async def _ask(check: HttpCheck, context: CheckContext, took: Callable[[], timedelta]) -> Answer:
    headers = {**check.headers, context.listener.preview_header: context.group}
    # A client of its own for each request: no cookie of one answer may reach the next request, and
    # no proxy of the environment may come between.
    async with (
        httpx2.AsyncClient(trust_env=False, verify=_NO_TLS, timeout=None) as client,
        client.stream(
            check.method,
            build_url(context.listener) + check.path,
            headers=headers,
            content=check.body.encode() or None,
        ) as response,
    ):
        try:
            body = await _read(response)
        except httpx2.TransportError as cut:
            raise httpx2.ReadError(str(cut)) from cut
        return Answer(response.status_code, body, took())


async def _read(response: httpx2.Response) -> bytes:
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) >= MOST_BODY:
            break
    return body[:MOST_BODY]


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise Unanswerable(
            f"{pattern!r} is not a regular expression: {error}", passing=False
        ) from error


def _failed(check: HttpCheck, context: CheckContext, what: str) -> CheckAnswer:
    return CheckAnswer(
        check=check.name, verdict=Verdict.FAIL, sentence=f"{describe(check, context)}: {what}"
    )


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else f"{line[:_EXCERPT]}…"
