"""Who may ask, from where, and how much: asked before anything else looks at a request.

On loopback everybody on this machine may ask, but no web page that a browser here has open: the
`Host` must be a name of loopback or the address that is listened on (a page could call itself so by
DNS), a page of another origin may change nothing, and nobody is allowed to read across origins.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

import structlog
from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from turnout.api.problems import ProblemResponse, build_http_problem
from turnout.api.views import ProblemDocument
from turnout.model.page_link import refuse_page_link

log = structlog.get_logger(__name__)

MOST_BODY = 1024 * 1024
"""Bytes of a request."""

MOST_SAMPLES = 64 * MOST_BODY
"""Bytes of a request that brings samples to be judged."""

_LARGE = frozenset({"/judge", "/api/v1/judge"})

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_PUBLIC = frozenset({"/api/v1/openapi.json", "/api/v1/docs"})
"""What may be read without a token: it is the same everywhere."""

_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask. Without a token only names of loopback are answered to, and `address`."""

    token: SecretStr | None = None
    address: str = "http://127.0.0.1:7600"
    """Where the server listens."""
    now: Callable[[], float] = time.time
    """Seconds since 1970: signed links end."""

    @property
    def names(self) -> frozenset[str]:
        """The hosts that are answered to without a token."""
        return LOOPBACK | {_name(self.address.removeprefix("http://"))}


class Guard:
    """The outermost part of the app. Answers also for bugs: with a number, without the trace."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access
        self._names = access.names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI says."""
        if scope["type"] != "http":  # a websocket finds no route, and is closed
            await self._app(scope, receive, send)
            return
        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refuse(scope)
        if refused is not None:
            await _respond(refused, scope, receive, send_safely)
            return
        try:
            await self._app(scope, _limited(receive, _most_body(scope)), send_safely)
        except (
            Exception
        ) as error:  # the edge of a request: the log is told all, the caller a number
            if started and isinstance(error, OSError):  # who asked is gone, or takes nothing
                log.info("request.dropped", path=scope["path"], why=repr(error))
                return
            incident = uuid4().hex[:12]
            log.exception(
                "request.failed", incident=incident, method=scope["method"], path=scope["path"]
            )
            if started:
                raise
            await _respond(_bug(incident), scope, receive, send_safely)

    def _refuse(self, scope: Scope) -> ProblemDocument | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._access.token is None and _name(host) not in self._names:
            return build_http_problem(
                421,
                f"This server does not go by the name {host!r}",
                f"Ask it at {self._access.address}; from elsewhere it needs a token.",
            )
        origin = headers.get("origin")
        if scope["method"] not in _SAFE and origin is not None and not _is_same(origin, host):
            return build_http_problem(
                403,
                f"A page of {origin} may not change anything here",
                "Use the command line, or a program that is no web page.",
            )
        most = _most_body(scope)
        if _number(headers.get("content-length", "")) > most:
            return build_http_problem(413, f"A request may have {most} bytes")
        return self._refuse_token(headers, scope)

    def _refuse_token(self, headers: Headers, scope: Scope) -> ProblemDocument | None:
        token = self._access.token
        if token is None or scope["path"] in _PUBLIC:
            return None
        asked = QueryParams(scope["query_string"])
        if "signature" in asked and "authorization" not in headers:
            return self._refuse_link(token, scope, asked)
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not given:
            return build_http_problem(
                401, "This server asks for a token", "Set TURNOUT_TOKEN to the server's token."
            )
        if not hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode()):
            return build_http_problem(
                403,
                "This is not this server's token",
                "Ask whoever runs the server, and put its token into TURNOUT_TOKEN.",
            )
        return None

    def _refuse_link(
        self, token: SecretStr, scope: Scope, asked: QueryParams
    ) -> ProblemDocument | None:
        why = refuse_page_link(
            token.get_secret_value(),
            scope["method"],
            scope["path"],
            until=asked.get("until", ""),
            signature=asked["signature"],
            now=self._access.now(),
        )
        hint = "Get a new one: turnout canary show CANARY --link."
        return build_http_problem(403, why, hint) if why else None


def _most_body(scope: Scope) -> int:
    return MOST_SAMPLES if scope["path"] in _LARGE else MOST_BODY


def _limited(receive: Receive, most: int) -> Receive:
    left = most

    async def receive_limited() -> Message:
        nonlocal left
        message = await receive()
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, f"A request may have {most} bytes")
        return message

    return receive_limited


async def _respond(problem: ProblemDocument, scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None
    await ProblemResponse(problem, headers)(scope, receive, send)


def _bug(incident: str) -> ProblemDocument:
    return build_http_problem(
        500,
        f"Turnout made a mistake (incident {incident})",
        "The server's log has the details under this number; please report it.",
    )


def _name(host: str) -> str:
    """The host without its port."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def _is_same(origin: str, host: str) -> bool:
    return origin.lower() in (f"http://{host}".lower(), f"https://{host}".lower())


def _number(text: str) -> int:
    """A length as written; what is no number is left to the server, which has counted."""
    return int(text[:18]) if text.isascii() and text.isdigit() else 0
