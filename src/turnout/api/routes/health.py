"""Whether the server is ready, and what the doctor says."""

from __future__ import annotations

from fastapi import APIRouter

from turnout.api.problems import RESPONSES
from turnout.api.routes.parts import TheBackend, TheEntrance
from turnout.api.views import Finding, Health

router = APIRouter(tags=["server"], responses=RESPONSES)


@router.get("/health", summary="Whether the server is ready")
async def read_health(entrance: TheEntrance) -> Health:
    """Answers also while the server starts; every other route then answers 503 with Retry-After."""
    return Health(
        status="ready" if entrance.is_open else "starting",
        version=entrance.version,
        data_folder=entrance.data_folder,
    )


@router.get("/doctor", summary="What is well, and what is not")
async def read_findings(backend: TheBackend) -> tuple[Finding, ...]:
    """Looks at binaries, ports, disk, limits and the parts that run; says what to do."""
    return await backend.doctor()
