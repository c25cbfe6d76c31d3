"""What instances print."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from turnout.api.bodies import GroupPath, InstancePath
from turnout.api.logs import read_logs
from turnout.api.problems import RESPONSES
from turnout.api.routes.parts import TheBackend
from turnout.model.value import Value

router = APIRouter(tags=["logs"], responses=RESPONSES)


class Part(Value):
    """Which lines of a log."""

    instance: InstancePath | None = None
    """Of one instance only."""
    lines: Annotated[int, Field(ge=0, le=100_000)] = 200
    """The last ones, of each instance."""
    follow: bool = False
    """Then new ones as they come."""


@router.get(
    "/groups/{group}/log",
    summary="The log of a server group",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Lines, of each instance oldest first; of several each with its id",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
async def read_log(
    group: GroupPath, part: Annotated[Part, Query()], backend: TheBackend
) -> StreamingResponse:
    """With `follow` a stream that ends when the client hangs up or the server ends."""
    lines = await read_logs(backend, group, part.instance, lines=part.lines, follow=part.follow)
    return StreamingResponse(lines, media_type="text/plain; charset=utf-8")
