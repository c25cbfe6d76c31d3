"""Clusters: how they fare, single operations on them, holding and releasing them."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from turnout.api.bodies import ClusterPath, HoldBody, OperationBody, ReleaseBody
from turnout.api.clusters import observe_all, observe_one, require_cluster, require_names
from turnout.api.ids import new_deployment_id
from turnout.api.problems import RESPONSES
from turnout.api.routes.parts import TheBackend
from turnout.api.routes.submitting import IdempotencyKey, submit
from turnout.api.views import ClusterView, HoldView
from turnout.model.deployment import Request
from turnout.model.journal import DeploymentRecord, Event
from turnout.model.plan import Plan
from turnout.ports import Clock

router = APIRouter(tags=["clusters"], responses=RESPONSES)


@router.get("/clusters", summary="All clusters")
async def list_clusters(backend: TheBackend) -> tuple[ClusterView, ...]:
    """Everything that runs, serves or is being deployed here, in order of names."""
    return await observe_all(backend)


@router.get("/clusters/{cluster}", summary="One cluster")
async def read_cluster(cluster: ClusterPath, backend: TheBackend) -> ClusterView:
    """Its server groups and instances, its split, and what is being done to it."""
    return await observe_one(backend, cluster)


@router.post(
    "/clusters/{cluster}/operations",
    status_code=202,
    summary="A single operation",
    response_model=DeploymentRecord,
    responses={200: {"model": Plan, "description": "The plan, when only that was asked for"}},
)
async def operate(
    cluster: ClusterPath,
    body: OperationBody,
    backend: TheBackend,
    response: Response,
    key: IdempotencyKey = None,
) -> DeploymentRecord | JSONResponse:
    """Roll back, resize, enable, disable, destroy or shrink; with `plan_only` only plan it."""
    request = _request(cluster, body, backend.clock, key)
    if body.plan_only:
        await require_names(backend, request)
        return JSONResponse(jsonable_encoder(await backend.deployer.plan(request)))
    return await submit(backend, request, response)


@router.post("/clusters/{cluster}/hold", summary="Hold deployments")
async def hold(cluster: ClusterPath, body: HoldBody, backend: TheBackend) -> HoldView:
    """No deployment of the cluster starts until it is released; rollbacks do."""
    await require_cluster(backend, cluster)
    return await _record_hold(backend, cluster, body.reason, body.by)


@router.post("/clusters/{cluster}/release", summary="Release deployments")
async def release(cluster: ClusterPath, body: ReleaseBody, backend: TheBackend) -> HoldView:
    """Deployments of the cluster may start again; fine when they were not held."""
    await require_cluster(backend, cluster)
    return await _record_hold(backend, cluster, "", body.by)


async def _record_hold(backend: TheBackend, cluster: str, reason: str, by: str) -> HoldView:
    await backend.journal.record_hold(cluster, reason)
    who = f" by {by}" if by else ""
    await backend.journal.record_event(
        Event(
            at=backend.clock.now(),
            cluster=cluster,
            kind="cluster.held" if reason else "cluster.released",
            sentence=f"deployments of {cluster} are held{who}: {reason}"
            if reason
            else f"deployments of {cluster} are released{who}",
            data={"reason": reason, "by": by},
        )
    )
    return HoldView(cluster=cluster, held=reason)


def _request(cluster: str, body: OperationBody, clock: Clock, key: str | None) -> Request:
    now = clock.now()
    asked = body.model_dump(exclude={"plan_only"}, exclude_none=True)
    return Request.model_validate(
        {**asked, "id": key or new_deployment_id(now), "cluster": cluster, "requested_at": now}
    )
