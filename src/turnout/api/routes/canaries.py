"""Canaries: what was compared, what was found, and a person's answer."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import Field

from turnout.api.bodies import AnalysisPath, ClusterPath, DeploymentPath, JudgmentBody
from turnout.api.problems import RESPONSES
from turnout.api.routes.parts import TheBackend
from turnout.canary.page import POLICY, build_page
from turnout.canary.reports import list_lines, read_record, read_samples
from turnout.model.analysis import AnalysisRecord, Judgment
from turnout.model.errors import Conflict, Forbidden
from turnout.model.journal import Event
from turnout.model.report import AnalysisLine, Report, SampleSeries
from turnout.model.value import Value

router = APIRouter(prefix="/canaries", tags=["canaries"], responses=RESPONSES)


class Wanted(Value):
    """Which canaries."""

    cluster: ClusterPath | None = None
    deployment: DeploymentPath | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


@router.get("", summary="Canaries, newest first")
async def list_canaries(
    wanted: Annotated[Wanted, Query()], backend: TheBackend
) -> tuple[AnalysisLine, ...]:
    """Who was compared, and what came of it."""
    return await list_lines(
        backend.canaries,
        backend.archive,
        cluster=wanted.cluster or "",
        deployment=wanted.deployment or "",
        limit=wanted.limit,
    )


@router.get("/{canary}", summary="The report of a canary")
async def read_canary(canary: AnalysisPath, backend: TheBackend) -> Report:
    """The verdict, what decided it, and everything about each metric; also while it goes on."""
    return await backend.reports.read(canary)


@router.get("/{canary}/samples", summary="The raw samples of a canary")
async def read_canary_samples(
    canary: AnalysisPath, backend: TheBackend
) -> tuple[SampleSeries, ...]:
    """What was compared, step by step; null = missing."""
    return await read_samples(backend.canaries, canary)


@router.get(
    "/{canary}/page",
    summary="The report of a canary as a page",
    response_class=HTMLResponse,
    responses={
        200: {
            "description": "The report as HTML, without anything from elsewhere",
            "content": {"text/html": {"schema": {"type": "string"}}},
        }
    },
)
async def read_canary_page(canary: AnalysisPath, backend: TheBackend) -> HTMLResponse:
    """Made to be read: a sentence, pictures, numbers. It reloads itself until there is an end."""
    page = await asyncio.to_thread(build_page, await backend.reports.read(canary))
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


@router.post("/{canary}/judgment", summary="Decide a canary")
async def judge_canary(canary: AnalysisPath, body: JudgmentBody, backend: TheBackend) -> Judgment:
    """A person says pass or fail. The first answer counts: 409 for another one, or too late."""
    record = await read_record(backend.canaries, backend.archive, canary)
    _refuse_strangers(record, body.by)
    kept = await backend.canaries.read_judgment(canary)
    if kept is None:
        if record.ended_at is not None:
            raise Conflict(f"{canary} has ended: {record.finding.sentence}")
        judgment = Judgment(
            analysis=canary,
            choice=body.choice,
            by=body.by,
            comment=body.comment,
            at=backend.clock.now(),
        )
        kept = await backend.canaries.record_judgment(judgment)
        if kept == judgment:
            await backend.journal.record_event(_event(record, judgment))
    if (kept.choice, kept.by, kept.comment) != (body.choice, body.by, body.comment):
        raise Conflict(f"{kept.by or 'Somebody'} has said {kept.choice} about {canary} already")
    return kept


def _refuse_strangers(record: AnalysisRecord, by: str) -> None:
    judges = record.analysis.settings.judges
    if judges and by not in judges:
        raise Forbidden(
            f"{by or 'Somebody without a name'} may not decide {record.analysis.id}",
            hint=f"These may: {', '.join(judges)}. Say who you are with --by.",
        )


def _event(record: AnalysisRecord, judgment: Judgment) -> Event:
    comment = f": {judgment.comment}" if judgment.comment else ""
    said = f"{judgment.by or 'a person'} said {judgment.choice} about {judgment.analysis}{comment}"
    return Event(
        at=judgment.at,
        cluster=record.analysis.cluster,
        deployment=record.deployment,
        kind="canary.judged",
        sentence=said,
        data={"choice": judgment.choice, "by": judgment.by, "comment": judgment.comment},
    )
