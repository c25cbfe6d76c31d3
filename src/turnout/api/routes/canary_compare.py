"""Canaries without a deployment: what both judges say about figures of the past, and what the
compatible one says at intervals, also of time to come.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import JsonValue

from turnout.api.backend import Backend
from turnout.api.bodies import ChosenConfig, CompareBody, ConfigPath, Scope
from turnout.api.chosen import read_chosen
from turnout.api.ids import new_comparison_id
from turnout.api.problems import RESPONSES
from turnout.api.routes.parts import TheBackend
from turnout.canary.analyst import STORE_SETTLING
from turnout.canary.interval_plans import IntervalWish, require_intervals
from turnout.canary.opinions import thresholds_of
from turnout.canary.retrospective import Wish, compare, require_window
from turnout.canary.serving import find_switch, read_periods
from turnout.canary.standalone import read_wish
from turnout.documents.canary import require_usable
from turnout.model.analysis import AnalysisRecord, ComparedScope
from turnout.model.canary.document import read_document
from turnout.model.canary.request import AdHocAnalysisRequest, AnalysisRequest
from turnout.model.errors import InvalidDocument, Problem
from turnout.model.names import parse_group

_LEAST = timedelta(seconds=10)

router = APIRouter(prefix="/canary", tags=["canary"], responses=RESPONSES)


_MINUTES = {"type": "integer", "minimum": 0}
_SIDE = {"type": "string", "minLength": 1}
_SCOPE = {
    "scopeName": {"type": "string", "default": "default"},
    "controlScope": _SIDE,
    "controlLocation": {"type": "string"},
    "controlOffsetInMinutes": _MINUTES,
    "experimentScope": _SIDE,
    "experimentLocation": {"type": "string"},
    "startTimeIso": {"type": "string", "format": "date-time"},
    "endTimeIso": {"type": "string", "format": "date-time"},
    "step": {"type": "integer", "minimum": 1, "default": 60},
    "extendedScopeParams": {"type": "object"},
}
_NAMED = {"type": "object", "required": ["controlScope", "experimentScope"], "properties": _SCOPE}
_SCORES = {"pass": {"type": "number"}, "marginal": {"type": "number"}}
_REQUEST = {
    "scopes": {"type": "array", "minItems": 1, "items": _NAMED},
    "thresholds": {"type": "object", "properties": _SCORES},
    "lifetimeDurationMins": _MINUTES,
    "beginAfterMins": _MINUTES,
    "lookbackMins": _MINUTES,
    "analysisIntervalMins": _MINUTES,
    "siteLocal": {"type": "object"},
}
_AD_HOC = {
    "canaryConfig": {"type": "object"},
    "executionRequest": {"type": "object", "required": ["scopes"], "properties": _REQUEST},
}


def _sent(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    """Of OpenAPI: these bodies are read as documents, with places of their own."""
    schema = {"type": "object", "required": required, "properties": properties}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


Application = Annotated[Scope, Query(description="The cluster that it is listed with.")]
"""Kayenta's callers name it in the address, beside accounts, which the queries' types say here."""


@router.post("/comparisons", summary="Compare in the past, or at intervals")
async def compare_past(body: CompareBody, backend: TheBackend) -> AnalysisRecord:
    """Judge figures that are there already; kept as an analysis without a deployment.

    With `every` the answer comes at once, and the judgements follow: look at the canary of its id
    until it has `ended_at`.
    """
    now = backend.clock.now()
    if body.every is not None:
        return await backend.intervals.begin(await _interval_wish(backend, body, now))
    wish = await _wish(backend, body, now)
    require_window(wish.start, wish.duration, now)
    require_window(wish.control_start, wish.duration, now)
    return await compare(wish, backend.figures, backend.canaries)


@router.post(
    "/analyses",
    summary="Judge at intervals (as Kayenta is asked)",
    openapi_extra=_sent(["canaryConfig", "executionRequest"], _AD_HOC),
)
async def analyse(
    body: dict[str, JsonValue], backend: TheBackend, application: Application = ""
) -> AnalysisRecord:
    """A standalone canary analysis by a configuration that comes along: `canaryConfig` and
    `executionRequest`. The judgements follow, as those of a comparison at intervals.
    """
    asked, now = read_document(AdHocAnalysisRequest, body), backend.clock.now()
    require_usable(asked.canary_config, "canaryConfig")
    wish = read_wish(
        asked.execution_request,
        asked.canary_config,
        now.replace(microsecond=0),
        id_=new_comparison_id(now),
        application=application,
        config_name=asked.canary_config.name or "",
        place="executionRequest.",
    )
    return await backend.intervals.begin(wish)


@router.post(
    "/analyses/{config}",
    summary="Judge at intervals by a stored configuration",
    openapi_extra=_sent(["scopes"], _REQUEST),
)
async def analyse_by(
    config: ConfigPath,
    body: dict[str, JsonValue],
    backend: TheBackend,
    application: Application = "",
) -> AnalysisRecord:
    """The same by a configuration that is kept here; the body is the request alone."""
    request, now = read_document(AnalysisRequest, body), backend.clock.now()
    wish = read_wish(
        request,
        await read_chosen(backend, ChosenConfig(name=config)),
        now.replace(microsecond=0),
        id_=new_comparison_id(now),
        application=application,
        config_name=config,
    )
    return await backend.intervals.begin(wish)


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


async def _interval_wish(backend: Backend, body: CompareBody, now: datetime) -> IntervalWish:
    config = await read_chosen(backend, body.config)
    require_intervals(config, every=body.every, lifetime=body.duration)
    body = await _with_groups(backend, body, now)
    start = body.start or now.replace(microsecond=0)
    limits = thresholds_of(config)
    scope = ComparedScope(
        experiment=body.experiment,
        experiment_location=body.location,
        control=body.control,
        control_location=body.location,
        control_offset=start - (body.control_start or start),
        parameters=body.parameters,
    )
    return IntervalWish(
        id=new_comparison_id(now),
        config=config,
        config_name=body.config.name,
        cluster=body.cluster,
        scopes=(scope,),
        start=start,
        lifetime=body.duration,
        every=body.every,
        begin_after=body.begin_after,
        lookback=body.lookback,
        pass_score=limits.pass_,
        marginal_score=limits.marginal,
        places={"lifetime": "duration"},
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
    duration = body.duration
    if body.every is None:
        served = now - STORE_SETTLING - start  # for less time than is wanted, perhaps
        duration = min(duration, max(timedelta(seconds=served // timedelta(seconds=1)), _LEAST))
    before = switch.began - body.begin_after - duration
    return body.model_copy(
        update={
            "cluster": cluster,
            "experiment": switch.after,
            "control": body.control or switch.before,
            "start": start,
            "duration": duration,
            "control_start": body.control_start or before,
        }
    )
