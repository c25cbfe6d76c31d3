"""Taking a request on exactly once, however often it is sent."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import Header, Response
from pydantic import StringConstraints

from turnout.api.backend import Backend
from turnout.api.clusters import require_names
from turnout.canary.examining import examine_service
from turnout.model.deployment import Request
from turnout.model.errors import Conflict, NotFound
from turnout.model.journal import DeploymentRecord

log = structlog.get_logger(__name__)

IdempotencyKey = Annotated[
    Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]*$")]
    | None,
    Header(
        alias="Idempotency-Key",
        description="Becomes the deployment's id; sending it again repeats nothing.",
    ),
]


async def submit(backend: Backend, request: Request, response: Response) -> DeploymentRecord:
    """The record of the first request with this id.

    Raises `Conflict` when that asked for something else, `NotFound` for an operation on a cluster
    or a server group that does not exist, or for a canary configuration that does not;
    `InvalidDocument` for one that cannot be judged.
    """
    record = await _find(backend, request.id)
    if record is None:
        if request.service is not None:
            await examine_service(request.service, backend.canaries, backend.figures)
        else:
            await require_names(backend, request)
        log.info(
            "deployment.requested",
            deployment=request.id,
            kind=request.kind,
            cluster=request.cluster,
            by=request.by,
            force=request.force,
        )
        record = await backend.deployer.submit(request)
    if not _asks_the_same(record.request, request):
        raise Conflict(
            f"The key {request.id!r} was used before, for something else "
            f"({record.request.kind} of {record.request.cluster})",
            hint="Send a new Idempotency-Key with a new request.",
        )
    response.headers["Location"] = f"/api/v1/deployments/{record.id}"
    return record


async def _find(backend: Backend, deployment: str) -> DeploymentRecord | None:
    try:
        return await backend.archive.read_deployment(deployment)
    except NotFound:
        return None


def _asks_the_same(one: Request, other: Request) -> bool:
    """All but what is filled in after it was asked for."""
    added = {"requested_at": one.requested_at, "outlived": one.outlived}
    return one == other.model_copy(update=added)
