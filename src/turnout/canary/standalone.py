"""What Kayenta is asked for a standalone canary analysis, as a wish of ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from turnout.canary.interval_plans import IntervalWish
from turnout.canary.retrospective import with_judge
from turnout.model.analysis import ComparedScope
from turnout.model.canary.configuration import COMPATIBLE_JUDGE, CanaryConfig
from turnout.model.canary.request import AnalysisRequest, AnalysisScope
from turnout.model.errors import InvalidDocument, Problem

_PLACES = {
    "scopes": "scopes",
    "lifetime": "lifetimeDurationMins",
    "start": "scopes[0].startTimeIso",
    "end": "scopes[0].endTimeIso",
    "step": "scopes[0].step",
    "lookback": "lookbackMins",
    "every": "analysisIntervalMins",
}


def read_wish(
    request: AnalysisRequest,
    config: CanaryConfig,
    now: datetime,
    *,
    id_: str,
    application: str,
    config_name: str,
    place: str = "",
) -> IntervalWish:
    """As Kayenta means it: start, end and step of the first scope are those of all of them, and a
    configuration that names no judge is judged by its own.

    `place` is where the request stands in a larger document. Raises `InvalidDocument`.
    """
    places = {name: f"{place}{path}" for name, path in _PLACES.items()}
    if not request.scopes:
        problem = Problem("must not be empty", places["scopes"])
        raise InvalidDocument(f"Cannot judge at intervals: {problem}", (problem,))
    first = request.scopes[0]
    is_named = config.judge is not None and config.judge.name
    return IntervalWish(
        id=id_,
        config=config if is_named else with_judge(config, COMPATIBLE_JUDGE),
        config_name=config_name,
        cluster=application,
        scopes=tuple(_scope(scope) for scope in request.scopes),
        start=first.start_time_iso or now,
        end=first.end_time_iso,
        lifetime=_minutes(request.lifetime_duration_mins),
        every=_minutes(request.analysis_interval_mins),
        begin_after=timedelta(minutes=request.begin_after_mins),
        lookback=timedelta(minutes=request.lookback_mins),
        step=timedelta(seconds=first.step),
        pass_score=request.thresholds.pass_,
        marginal_score=request.thresholds.marginal,
        notes=tuple(_notes(request)),
        places=places,
    )


def _scope(scope: AnalysisScope) -> ComparedScope:
    return ComparedScope(
        name=scope.scope_name,
        experiment=scope.experiment_scope,
        experiment_location=scope.experiment_location,
        control=scope.control_scope,
        control_location=scope.control_location,
        control_offset=timedelta(minutes=scope.control_offset_in_minutes),
        parameters=scope.extended_scope_params,
    )


def _minutes(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(minutes=count)


def _notes(request: AnalysisRequest) -> Iterator[str]:
    """What the rules take in silence."""
    first = request.scopes[0]
    if first.end_time_iso is not None and request.begin_after_mins:
        yield "beginAfterMins means nothing when an end is given"
    if request.analysis_interval_mins == 0:
        yield "An analysisIntervalMins of 0 makes one judgement, of all the time"
    lifetime = _minutes(request.lifetime_duration_mins)
    if first.end_time_iso is not None and first.start_time_iso is not None:
        lifetime = first.end_time_iso - first.start_time_iso
    every = _minutes(request.analysis_interval_mins)
    if every and lifetime and every > lifetime:
        yield "An analysisIntervalMins longer than the lifetime makes one judgement, of all of it"
    others = request.scopes[1:]
    times = {(scope.start_time_iso, scope.end_time_iso, scope.step) for scope in others}
    if times - {(first.start_time_iso, first.end_time_iso, first.step)}:
        yield "Start, end and step are those of the first scope; those of the others mean nothing"
