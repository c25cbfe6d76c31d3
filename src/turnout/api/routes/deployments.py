"""Deployments: planning, beginning, reading, cancelling and answering them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from turnout.api.bodies import AnswerBody, CancelBody, ClusterPath, DeployBody, DeploymentPath
from turnout.api.ids import new_deployment_id
from turnout.api.problems import RESPONSES
from turnout.api.routes.documents import read_deployed
from turnout.api.routes.parts import TheBackend
from turnout.api.routes.submitting import IdempotencyKey, submit
from turnout.api.views import DeploymentView
from turnout.canary.examining import examine_service
from turnout.model.deployment import Kind, Request, Status
from turnout.model.journal import DeploymentRecord
from turnout.model.plan import Plan
from turnout.model.value import Value
from turnout.ports import Clock

router = APIRouter(tags=["deployments"], responses=RESPONSES)


class Page(Value):
    """Which deployments."""

    cluster: ClusterPath | None = None
    status: list[Status] = []
    """Any of these; none given = all."""
    before: DeploymentPath | None = None
    """The last one of the page before."""
    limit: Annotated[int, Field(ge=1, le=500)] = 50


@router.post("/deployments", status_code=202, summary="Deploy")
async def deploy(
    body: DeployBody, backend: TheBackend, response: Response, key: IdempotencyKey = None
) -> DeploymentRecord:
    """Begin a deployment of the cluster that the service file describes, or queue it."""
    return await submit(backend, await _request(body, backend.clock, key), response)


@router.post("/plans", summary="Plan a deployment")
async def plan(body: DeployBody, backend: TheBackend) -> Plan:
    """What a deployment would do; nothing is touched."""
    request = await _request(body, backend.clock, None)
    if request.service is not None:
        await examine_service(request.service, backend.canaries, backend.figures)
    return await backend.deployer.plan(request)


@router.get("/deployments", summary="Deployments, newest first")
async def list_deployments(
    page: Annotated[Page, Query()], backend: TheBackend
) -> tuple[DeploymentRecord, ...]:
    """One page of the journal."""
    return await backend.archive.list_deployments(
        cluster=page.cluster,
        statuses=frozenset(page.status) or None,
        before=page.before,
        limit=page.limit,
    )


@router.get("/deployments/{deployment}", summary="One deployment")
async def read_deployment(deployment: DeploymentPath, backend: TheBackend) -> DeploymentView:
    """Its record, and all steps, splits and checks as they really went."""
    record = await backend.archive.read_deployment(deployment)
    steps, splits, checks = await backend.archive.read_steps(deployment)
    return DeploymentView(record=record, steps=steps, splits=splits, checks=checks)


@router.post("/deployments/{deployment}/cancel", status_code=202, summary="Take one back")
async def cancel(
    deployment: DeploymentPath, body: CancelBody, backend: TheBackend
) -> DeploymentRecord:
    """It returns the traffic, cleans up and ends; 409 when it is too late for that."""
    return await backend.deployer.cancel(deployment, by=body.by, reason=body.reason)


@router.post("/deployments/{deployment}/answer", status_code=202, summary="Answer its question")
async def answer(
    deployment: DeploymentPath, body: AnswerBody, backend: TheBackend
) -> DeploymentRecord:
    """A paused deployment goes on as chosen; 409 when it asks nothing, or not that."""
    return await backend.deployer.answer(deployment, body.choice, by=body.by, comment=body.comment)


async def _request(body: DeployBody, clock: Clock, key: str | None) -> Request:
    service = await read_deployed(body)
    now = clock.now()
    return Request(
        id=key or new_deployment_id(now),
        kind=Kind.DEPLOY,
        cluster=service.cluster,
        requested_at=now,
        by=body.by,
        reason=body.reason,
        service=service,
        on_busy=body.on_busy,
        force=body.force,
        fingerprint=body.fingerprint,
    )
