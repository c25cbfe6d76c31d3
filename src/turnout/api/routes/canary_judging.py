"""A judge for others: samples in, a verdict out. Nothing is fetched, nothing is kept.

Kayenta can be told to send its samples here: so it is at the root as well.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from turnout.api.problems import RESPONSES
from turnout.api.routes.parts import TheBackend
from turnout.model.canary.result import JudgeResult

router = APIRouter(tags=["canary"], responses=RESPONSES)
root = APIRouter(tags=["canary"], responses=RESPONSES)

_BODY: dict[str, Any] = {  # of OpenAPI: the body is read by the process that judges
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["canaryConfig", "scoreThresholds", "metricSetPairList"],
                    "properties": {
                        "canaryConfig": {"type": "object"},
                        "scoreThresholds": {
                            "type": "object",
                            "required": ["pass", "marginal"],
                            "properties": {
                                "pass": {"type": "number"},
                                "marginal": {"type": "number"},
                            },
                        },
                        "metricSetPairList": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    }
}


@root.post("/judge", summary="Judge samples (as Kayenta asks)", response_model=JudgeResult)
@router.post("/judge", summary="Judge samples", response_model=JudgeResult)
async def judge(request: Request, backend: TheBackend) -> JSONResponse:
    """A canary configuration, thresholds and pairs of metric sets, to the result document.

    The judge is the one that the configuration names; without a name, the compatible one.
    """
    return JSONResponse(await backend.workers.result("judge", await request.body()))
