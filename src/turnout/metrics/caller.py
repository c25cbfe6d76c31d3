"""Asking one account over HTTP: the only place that sends, and that knows what statuses mean.

* Each request has a time limit, and what comes back has a greatest size.
* What may pass is tried again, at most twice, after a growing pause with chance in it. A store that
  says how long to wait (`Retry-After`, `X-RateLimit-*`) is left alone for so long, by all requests
  of the account; when that is longer than our patience, the caller is told at once.
* Secrets are sent, and never told: not in errors, not in logs.
* The store's clock is compared with ours: figures of another minute compare the wrong things.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
import stamina
import structlog

from turnout.metrics.accounts import Account
from turnout.metrics.authorization import build_authorization
from turnout.metrics.secrets import hide
from turnout.model.errors import AdapterError, Permanent, Temporary
from turnout.model.units import format_duration
from turnout.ports import Clock

MOST_BYTES = 32 * 1024 * 1024
"""Of one answer: about a million samples."""
LARGE = 256 * 1024
"""From so many bytes on an answer is read in a thread: others of this process have their turn."""
PATIENCE = timedelta(seconds=30)
"""The longest wait for a turn."""
SHORTEST_SECRET = 8
MOST_SKEW = timedelta(seconds=5)
ATTEMPTS = 3

_EXCERPT = 300
_PASSING = frozenset({408, 425, 429})
_NEVER = frozenset({501, 505})
_THROTTLED = ("Throttl", "RequestLimitExceeded")  # of Amazon, with status 400

log = structlog.get_logger(__name__)

T = TypeVar("T")
Json = Any  # what a store answers: JSON of any form, looked into with care


@dataclass(frozen=True, slots=True)
class Call:
    """One request, without what lets it in. `path` is below the account's address."""

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # what lets it in
    content: bytes | None = None


class Caller:
    """Makes the requests of one account."""

    def __init__(self, account: Account, clock: Clock) -> None:
        self.account = account
        self.skew: timedelta | None = None
        """How far the store's clock is ahead of ours, when that matters."""
        self._clock = clock
        self._slots = asyncio.Semaphore(account.at_once)
        self._next_turn = timedelta()
        self._client: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    def now(self) -> datetime:
        """The time, for calls that are signed with it."""
        return self._clock.now()

    async def ask(self, call: Call, read: Callable[[Json], T]) -> T:
        """What `read` makes of the answer to a call that may be repeated. It raises `Temporary`
        for half an answer, which is asked for again.

        Raises `Temporary` or `Permanent`.
        """
        async for attempt in stamina.retry_context(
            on=_pause, attempts=ATTEMPTS, timeout=None, wait_initial=0.2, wait_jitter=0.2
        ):
            with attempt:
                async with self._slots:
                    await self._await_turn()
                    return await self._ask_once(call, read)
        raise AssertionError  # the last attempt returns or raises

    async def _await_turn(self) -> None:
        """Keep to the account's limit, and away from a store that asked for it."""
        now = self._clock.elapsed()
        turn = max(now, self._next_turn)
        if turn - now > PATIENCE:
            wait = turn - now
            raise Temporary(
                f"{self.account.name} is not asked for another {format_duration(_whole(wait))}: "
                "its rate limit is used up",
                retry_after=wait.total_seconds(),
                hint="Ask less often, for fewer metrics, or set per_minute of the account.",
            )
        if self.account.per_minute:
            self._next_turn = turn + timedelta(minutes=1) / self.account.per_minute
        if turn > now:
            await self._clock.sleep(turn - now)

    async def _ask_once(self, call: Call, read: Callable[[Json], T]) -> T:
        asked = self._clock.now()
        try:
            async with asyncio.timeout(self.account.timeout.total_seconds()):
                response, body = await self._send(call)
        except TimeoutError as error:
            limit = format_duration(self.account.timeout)
            raise Temporary(
                f"{self._place(call)}: no answer within {limit}",
                hint="Ask for a shorter time or fewer series, or raise timeout of the account.",
            ) from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError) as error:
            raise Permanent(f"{self._place(call)}: {self._hidden(str(error))}") from error
        except httpx2.HTTPError as error:
            said = self._hidden(str(error)) or type(error).__name__
            raise Temporary(f"{self._place(call)}: {said}") from error
        self._compare_clocks(response, asked, self._clock.now())
        self._note_limits(response)
        if not response.is_success:
            raise self._error(call, response, body)
        if len(body) < LARGE:
            return read(self._parse(call, body))
        return await asyncio.to_thread(lambda: read(self._parse(call, body)))

    async def _send(self, call: Call) -> tuple[httpx2.Response, bytes]:
        account = self.account
        headers = {name: secret.reveal() for name, secret in account.headers.items()}
        async with self._connect().stream(
            call.method,
            account.url + call.path,
            params=dict(call.params) or None,
            headers={**headers, **call.headers},
            content=call.content,
        ) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise Permanent(
                        f"{self._place(call)}: more than {MOST_BYTES // 2**20} MiB came back",
                        hint="Ask for fewer series, or with a longer step.",
                    )
            return response, bytes(body)

    def _connect(self) -> httpx2.AsyncClient:
        """The client, made when it is needed first: certificates take memory and time."""
        if self._client is None:
            is_plain = self.account.url.startswith("http:")
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else True
            self._client = httpx2.AsyncClient(verify=tls, timeout=None)
        return self._client

    def _parse(self, call: Call, body: bytes) -> Json:
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Temporary(
                f"{self._place(call)}: {len(body)} bytes came back that are not JSON: "
                f'"{self._excerpt(body)}"',
                hint="Is the account's url that of the API?",
            ) from error

    def _error(self, call: Call, response: httpx2.Response, body: bytes) -> AdapterError:
        status, said = response.status_code, self._excerpt(body)
        what = f"{self._place(call)}: {status} {response.reason_phrase}".rstrip()
        what = f'{what}: "{said}"' if said else what
        is_throttled = said.startswith(_THROTTLED)
        if status in _PASSING or is_throttled or (status >= 500 and status not in _NEVER):
            wait = _retry_after(response, self._clock.now())
            return Temporary(what, retry_after=wait.total_seconds() if wait else None)
        if status in (401, 403):
            clocks = " The clocks differ: that alone may be the reason." if self.skew else ""
            hint = f"Has the account {self.account.name} the right token, and its permission?"
            return Permanent(what, hint=hint + clocks)
        if 300 <= status < 400:
            hint = f"It points to {response.headers.get('location', 'nowhere')}: write that url."
            return Permanent(what, hint=self._hidden(hint))
        return Permanent(what)

    def _note_limits(self, response: httpx2.Response) -> None:
        wait = _retry_after(response, self._clock.now())
        if wait is not None:
            self._next_turn = max(self._next_turn, self._clock.elapsed() + wait)

    def _compare_clocks(self, response: httpx2.Response, asked: datetime, came: datetime) -> None:
        skew = _skew(response, asked, came)
        if skew is None:
            return
        matters = abs(skew) > MOST_SKEW
        if matters and self.skew is None:
            log.warning(
                "metrics.clock", account=self.account.name, ahead_s=round(skew.total_seconds())
            )
        self.skew = skew if matters else None

    def _excerpt(self, body: bytes) -> str:
        text = " ".join(_reason(body).split())
        text = self._hidden(text)
        return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"

    def _hidden(self, text: str) -> str:
        """The text without secrets. A short header is none: it is a tenant's name or the like."""
        account = self.account
        found: list[str] = []
        with suppress(Permanent):  # a secret that is gone was not sent
            found += (value.rpartition(" ")[2] for value in build_authorization(account).values())
            found += (secret.reveal() for secret in account.secrets.values())
            headers = (secret.reveal() for secret in account.headers.values())
            found += (value for value in headers if len(value) >= SHORTEST_SECRET)
        return hide(text, found)

    def _place(self, call: Call) -> str:
        return f"{call.method} {self.account.url}{call.path} ({self.account.name})"


def _pause(error: Exception) -> bool:
    """Whether to ask again. How long a store wants to be left alone is seen to by the turns."""
    if not isinstance(error, Temporary):
        return False
    return error.retry_after is None or error.retry_after <= PATIENCE.total_seconds()


def _retry_after(response: httpx2.Response, now: datetime) -> timedelta | None:
    """How long the store wants to be left alone; None = not at all."""
    headers = response.headers
    text = headers.get("retry-after", "")
    if not text and headers.get("x-ratelimit-remaining") == "0":
        text = headers.get("x-ratelimit-reset", "")
    if not text:
        return None
    with suppress(ValueError, OverflowError):
        seconds = float(text)
        if seconds > 1e9:  # a moment, not a duration
            seconds -= now.timestamp()
        return timedelta(seconds=min(max(seconds, 0.0), 86_400.0))
    with suppress(ValueError):
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(moment - now, timedelta())
    return None


def _skew(response: httpx2.Response, asked: datetime, came: datetime) -> timedelta | None:
    """How far the store's clock is ahead. Its `Date` has whole seconds, and was written at some
    moment between the question and the answer: only what goes beyond that counts."""
    if "age" in response.headers:  # a copy from somebody in between, as old as it is
        return None
    try:
        theirs = parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        return None
    theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    if theirs > came:
        return theirs - came
    return min(theirs + timedelta(seconds=1) - asked, timedelta())


def _reason(body: bytes) -> str:
    """What a store says of an error: they have several words for it."""
    text = body[: 64 * 1024].decode(errors="replace")
    with suppress(ValueError, RecursionError):
        said = json.loads(text)
        if isinstance(said, dict):
            kind = str(said.get("__type") or said.get("errorType") or "")
            found = [said.get(key) for key in ("error", "errors", "message", "Message", "detail")]
            reason = next((one for one in found if one), text)
            reason = ", ".join(map(str, reason)) if isinstance(reason, list) else str(reason)
            return f"{kind.rpartition('#')[2]}: {reason}" if kind else reason
    return text


def _whole(duration: timedelta) -> timedelta:
    return timedelta(seconds=round(duration.total_seconds()))
