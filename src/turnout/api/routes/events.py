"""What happens, as it happens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from pydantic import Field
from sse_starlette import EventSourceResponse

from turnout.api.bodies import ClusterPath, DeploymentPath
from turnout.api.problems import RESPONSES
from turnout.api.routes.parts import TheBackend
from turnout.api.stream import stream_events
from turnout.model.value import Value

router = APIRouter(tags=["events"], responses=RESPONSES)

Sequence = Annotated[int, Field(ge=0, le=2**53)]


class Filter(Value):
    """Which events."""

    after: Sequence | None = None
    """Begin after this sequence number. Not given: all of a deployment, else only new ones."""
    cluster: ClusterPath | None = None
    deployment: DeploymentPath | None = None


@router.get(
    "/events",
    summary="Live events",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "Server-sent events; the data of each is an Event",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def follow_events(
    wanted: Annotated[Filter, Query()],
    backend: TheBackend,
    last_event_id: Annotated[
        Sequence | None, Header(description="Resumes after this one; wins over `after`.")
    ] = None,
) -> EventSourceResponse:
    """A stream without end, with a sign of life every 10 s. It ends when the server does."""
    after = wanted.after if last_event_id is None else last_event_id
    if after is None and wanted.deployment is not None:
        after = 0
    return stream_events(
        backend.feed.follow(after, cluster=wanted.cluster, deployment=wanted.deployment)
    )
