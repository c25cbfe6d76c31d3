"""Canaries without a deployment: what both judges say about figures of the past."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter

from turnout.api.backend import Backend
from turnout.api.bodies import CompareBody
from turnout.api.chosen import read_chosen
from turnout.api.ids import new_comparison_id
from turnout.api.problems import RESPONSES
from turnout.api.routes.parts import TheBackend
from turnout.canary.analyst import STORE_SETTLING
from turnout.canary.retrospective import Wish, compare, require_window
from turnout.canary.serving import find_switch, read_periods
from turnout.model.analysis import AnalysisRecord
from turnout.model.errors import InvalidDocument, Problem
from turnout.model.names import parse_group

_LEAST = timedelta(seconds=10)

router = APIRouter(prefix="/canary", tags=["canary"], responses=RESPONSES)


@router.post("/comparisons", summary="Compare in the past")
async def compare_past(body: CompareBody, backend: TheBackend) -> AnalysisRecord:
    """Judge figures that are there already; kept as an analysis without a deployment."""
    now = backend.clock.now()
    wish = await _wish(backend, body, now)
    require_window(wish.start, wish.duration, now)
    require_window(wish.control_start, wish.duration, now)
    return await compare(wish, backend.figures, backend.canaries)


async def _wish(backend: Backend, body: CompareBody, now: datetime) -> Wish:
    body = await _with_groups(backend, body, now)
    start = body.start or now - STORE_SETTLING - body.duration
    return Wish(
        id=new_comparison_id(now),
        config=await read_chosen(backend, body.config),
        config_name=body.config.name,
        cluster=body.cluster,
        experiment=body.experiment,
        control=body.control,
        start=start,
        duration=body.duration,
        control_start=body.control_start or start,
        location=body.location,
        parameters=tuple(body.parameters.items()),
    )


async def _with_groups(backend: Backend, body: CompareBody, now: datetime) -> CompareBody:
    """Who was not named is taken from the journal."""
    if body.experiment and body.control and not body.before:
        return body
    cluster = body.cluster or (parse_group(body.experiment)[0] if body.experiment else "")
    if not cluster:
        message = "name a cluster, or both sides"
        raise InvalidDocument(f"Cannot compare: {message}", (Problem(message, "cluster"),))
    switch = find_switch(await read_periods(backend.archive, cluster, now), body.experiment)
    start = body.start or switch.ended
    served = now - STORE_SETTLING - start  # for less time than is wanted, perhaps
    duration = min(body.duration, max(timedelta(seconds=served // timedelta(seconds=1)), _LEAST))
    return body.model_copy(
        update={
            "cluster": cluster,
            "experiment": switch.after,
            "control": body.control or switch.before,
            "start": start,
            "duration": duration,
            "control_start": body.control_start or switch.began - duration,
        }
    )
