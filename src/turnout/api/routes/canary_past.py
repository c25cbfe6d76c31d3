"""What history says about canaries to come: false alarms, and how long one must run."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from turnout.api.bodies import DurationBody, ReplayBody
from turnout.api.chosen import read_chosen
from turnout.api.lines import LINES, stream_lines
from turnout.api.problems import RESPONSES
from turnout.api.routes.parts import TheBackend
from turnout.canary.analyst import STORE_SETTLING
from turnout.canary.gathering import ReplayWish, gather, gather_figures
from turnout.canary.lasting import DurationTask
from turnout.canary.serving import Period, read_periods

router = APIRouter(prefix="/canary", tags=["canary"], responses=RESPONSES)


@router.post(
    "/replays",
    summary="Replay over history",
    response_class=StreamingResponse,
    responses={200: LINES[200]},
)
async def replay(body: ReplayBody, backend: TheBackend) -> StreamingResponse:
    """How often both judges would have failed a good canary, and how soon found a bad one."""
    now = backend.clock.now()
    end = now - STORE_SETTLING
    is_named = bool(body.control and body.experiment)
    wish = ReplayWish(
        config=await read_chosen(backend, body.config),
        cluster=body.cluster,
        begin=end - body.past,
        end=end,
        duration=body.window,
        share=0 if is_named else body.share,
        control=body.control,
        experiment=body.experiment,
        location=body.location,
        seed=body.seed,
    )
    periods: tuple[Period, ...] = ()
    if not is_named:
        periods = await read_periods(backend.archive, body.cluster, end)
    task = await gather(wish, backend.figures, periods)
    return stream_lines(backend.workers, "replay", task.model_dump_json().encode())


@router.post(
    "/durations",
    summary="How long a canary must run",
    response_class=StreamingResponse,
    responses={200: LINES[200]},
)
async def duration(body: DurationBody, backend: TheBackend) -> StreamingResponse:
    """From figures that are given, or from a cluster's history, then simulated on it as well."""
    task = DurationTask(
        shares=body.shares,
        regression=body.regression,
        to=body.to,
        rate=body.rate,
        errors=body.errors,
        seed=body.seed,
    )
    if body.cluster:
        end = backend.clock.now() - STORE_SETTLING
        periods = await read_periods(backend.archive, body.cluster, end)
        config = await read_chosen(backend, body.config)
        task = await gather_figures(task, config, backend.figures, periods[-1], body.past)
    return stream_lines(backend.workers, "duration", task.model_dump_json().encode())
