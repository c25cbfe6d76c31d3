"""The service file: its schema, and checking one without deploying it."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter

from turnout.api.bodies import CheckBody, DeployBody, Document
from turnout.api.problems import RESPONSES
from turnout.documents import override, read_service, service_schema
from turnout.model.deployment import Service

router = APIRouter(tags=["documents"], responses=RESPONSES)


@router.post("/documents/check", summary="Check a service file")
async def check_document(body: CheckBody) -> Service:
    """The service as it would be deployed, defaults filled in; 422 with all mistakes at once."""
    return await read_document(body, version=body.version, strategy=body.strategy)


@router.get("/schema/service", summary="JSON Schema of the service file")
async def read_schema() -> dict[str, Any]:  # a schema is any JSON object
    """For editors and other tools."""
    return dict(service_schema())


async def read_deployed(body: DeployBody) -> Service:
    """The service that a body asks for. Raises `InvalidDocument`."""
    return await read_document(
        body.document, version=body.version, strategy=body.strategy, instances=body.instances
    )


async def read_document(
    document: Document,
    *,
    version: str | None = None,
    strategy: str | None = None,
    instances: int | None = None,
) -> Service:
    """Read in a thread: a large file must not hold up everybody else. Raises `InvalidDocument`."""
    return await asyncio.to_thread(_read, document, version, strategy, instances)


def _read(
    document: Document, version: str | None, strategy: str | None, instances: int | None
) -> Service:
    service = read_service(document.text, folder=PurePosixPath(document.folder), name=document.name)
    return override(service, version=version, strategy=strategy, instances=instances)
