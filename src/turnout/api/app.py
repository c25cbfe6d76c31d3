"""The application: routes, errors and security put together."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse

from turnout.api.backend import Entrance
from turnout.api.docs import POLICY, build_docs
from turnout.api.problems import add_handlers
from turnout.api.routes import (
    canaries,
    canary_compare,
    canary_configs,
    canary_judging,
    canary_past,
    canary_query,
    clusters,
    deployments,
    documents,
    events,
    health,
    logs,
)
from turnout.api.security import Access, Guard

PREFIX = "/api/v1"


def create_app(entrance: Entrance, access: Access) -> FastAPI:
    """The ASGI application. Routes answer 503 until the entrance is open."""
    app = FastAPI(
        title="Turnout",
        version=entrance.version,
        description="Deploy new versions of a service, switch its traffic, take it back. "
        "Errors are problem documents (application/problem+json).",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.entrance = entrance
    for noun in (
        health,
        clusters,
        deployments,
        documents,
        canaries,
        canary_configs,
        canary_query,
        canary_compare,
        canary_past,
        canary_judging,
        events,
        logs,
    ):
        app.include_router(noun.router, prefix=PREFIX)
    app.include_router(canary_judging.root)
    _add_description(app)
    add_handlers(app)
    app.add_middleware(Guard, access=access)
    return app


def _add_description(app: FastAPI) -> None:
    path = f"{PREFIX}/openapi.json"

    @app.get(path, include_in_schema=False)
    async def _openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    @app.get(f"{PREFIX}/docs", include_in_schema=False)
    async def _docs() -> HTMLResponse:
        headers = {"Content-Security-Policy": POLICY}
        return HTMLResponse(build_docs(app.openapi(), path), headers=headers)
