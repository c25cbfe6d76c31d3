"""From errors to problem documents: the one table of HTTP statuses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from turnout.api.views import ProblemDocument, ProblemItem
from turnout.model.errors import (
    AdapterError,
    Conflict,
    Forbidden,
    GuardRefused,
    InvalidDocument,
    NotFound,
    Permanent,
    Temporary,
    TurnoutError,
)

MEDIA_TYPE = "application/problem+json"

_STATUS: tuple[tuple[type[TurnoutError], int], ...] = (
    (InvalidDocument, 422),
    (NotFound, 404),
    (Conflict, 409),
    (GuardRefused, 409),
    (Forbidden, 403),
    (Temporary, 503),
    (Permanent, 502),
    (AdapterError, 502),
)

_CODES = {400: "bad_request", 401: "unauthorized", 404: "not_found", 405: "method_not_allowed"}
_CODES |= {403: "forbidden", 413: "too_large", 415: "unsupported_media_type", 421: "wrong_host"}

_SCHEMA = ProblemDocument.model_json_schema(mode="serialization")

RESPONSES: dict[int | str, dict[str, Any]] = {  # what FastAPI's `responses` takes
    "default": {
        "description": "Why it was not done",
        "content": {MEDIA_TYPE: {"schema": _SCHEMA}},
    }
}
"""For every route: any other status comes with a problem document."""


class ProblemResponse(Response):
    """A problem document as a response."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: ProblemDocument, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.model_dump_json(), problem.status, headers)


def build_problem(error: TurnoutError) -> ProblemDocument:
    """The problem document of one of our own errors."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    problems = error.problems if isinstance(error, InvalidDocument) else ()
    return ProblemDocument(
        title=_title(status),
        status=status,
        code=error.code,
        detail=error.message,
        hint=error.hint,
        rule=error.rule if isinstance(error, GuardRefused) else "",
        details=jsonable_encoder(error.details),
        problems=tuple(ProblemItem.of(problem) for problem in problems),
    )


def build_http_problem(status: int, detail: str, hint: str = "") -> ProblemDocument:
    """The problem document of a plain HTTP error."""
    return ProblemDocument(
        title=_title(status),
        status=status,
        code=_CODES.get(status, f"http_{status}"),
        detail=detail,
        hint=hint,
    )


def build_request_problem(errors: Sequence[Any]) -> ProblemDocument:
    """The problem document of a request that does not fit its schema; pydantic's errors."""
    items = tuple(
        ProblemItem(message=_sentence(error), path=".".join(str(part) for part in error["loc"]))
        for error in errors
    )
    return ProblemDocument(
        title=_title(422),
        status=422,
        code="invalid_request",
        detail="; ".join(f"{i.path}: {i.message}" for i in items[:3])
        + (f"; and {len(items) - 3} more" if len(items) > 3 else ""),
        hint="The API is described at /api/v1/docs.",
        problems=items,
    )


def add_handlers(app: FastAPI) -> None:
    """Have the app answer every error with a problem document."""

    @app.exception_handler(TurnoutError)
    async def _ours(_request: Request, error: TurnoutError) -> Response:
        headers = {}
        if isinstance(error, Temporary):
            headers["Retry-After"] = str(max(1, math.ceil(error.retry_after or 1.0)))
        return ProblemResponse(build_problem(error), headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> Response:
        return ProblemResponse(build_request_problem(error.errors()))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        detail = str(error.detail)
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_allowed(request))
        if error.status_code in (404, 405) and detail == _title(error.status_code):
            detail = f"There is no {request.method} {request.url.path}"
        return ProblemResponse(build_http_problem(error.status_code, detail), headers)


def _allowed(request: Request) -> list[str]:
    """Every method that some route of this path takes."""
    return sorted(
        {
            method
            for route in request.app.routes
            if route.matches(request.scope)[0] is Match.PARTIAL
            for method in getattr(route, "methods", None) or ()
        }
    )


def _sentence(error: Any) -> str:  # a dictionary of pydantic's
    text = str(error["msg"]).removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _title(status: int) -> str:
    return HTTPStatus(status).phrase
