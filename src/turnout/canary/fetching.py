"""What the sources say about both arms, on the grid of steps of each metric."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from turnout.canary.evidence import Columns
from turnout.canary.subjects import Subject
from turnout.model.canary.options import Kind
from turnout.model.canary.queries import ABOVE, THRESHOLDS, Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import TurnoutError
from turnout.model.samples import Series
from turnout.ports import MetricSource

log = structlog.get_logger(__name__)

AT_ONCE = 16
"""Queries that are under way at the same time."""

PATIENCE = timedelta(seconds=30)
"""How long one query may take: the others do not wait for it."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One side: which scope is asked for, and how much earlier than the other."""

    scope: str
    location: str
    offset: timedelta = timedelta(0)
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """Steps `first` to `last` (not included) of a grid that begins at `start`."""

    start: datetime
    step: timedelta
    first: int
    last: int


Found = dict[tuple[tuple[str, str], ...], Columns]
"""Columns per series, by tags. Only `legacy` metrics have several."""


class Fetcher:
    """Asks the sources; the same question is asked once in a round."""

    def __init__(self, source: MetricSource, templates: Mapping[str, str]) -> None:
        self._source, self._templates = source, templates
        self._free = asyncio.Semaphore(AT_ONCE)
        self._asked: dict[str, asyncio.Future[tuple[Series, ...]]] = {}

    async def fetch(self, subject: Subject, arm: Arm, window: Window) -> Found:
        """The columns of one arm. Raises `TurnoutError`, also when it takes too long."""
        scope = _scope(arm, window, subject)
        count = window.last - window.first
        series = await self._ask(subject.query, scope)
        if subject.kind is Kind.LEGACY:
            return {tuple(sorted(s.tags.items())): (s.values,) for s in series}
        if subject.kind is Kind.GAUGE:
            return {(): (_mean(series, count),)}
        if subject.kind is Kind.LATENCY:
            tails = read_tails(series)
            timed = tails.pop(0.0, None)
            exposure = timed or await self._exposure(subject, scope, count)
            return {(): (*_above(tails, subject.thresholds_ms, count), exposure)}
        exposure = await self._exposure(subject, scope, count)
        return {(): (_sum(series, count), exposure)}

    async def _exposure(
        self, subject: Subject, scope: CanaryScope, count: int
    ) -> tuple[float, ...]:
        if subject.exposure is None:  # equal arms: time itself
            return (subject.step.total_seconds(),) * count
        return _sum(await self._ask(subject.exposure, scope), count)

    async def _ask(self, query: Query, scope: CanaryScope) -> tuple[Series, ...]:
        key = f"{query.model_dump_json()} {scope.model_dump_json()}"
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(self._send(query, scope))
        return await asyncio.shield(self._asked[key])

    async def _send(self, query: Query, scope: CanaryScope) -> tuple[Series, ...]:
        async with self._free:
            try:
                async with asyncio.timeout(PATIENCE.total_seconds()):
                    return await self._source.fetch(query, scope, self._templates)
            except TimeoutError as error:
                seconds = PATIENCE.total_seconds()
                raise TurnoutError(f"{query.type} gave no answer within {seconds:g}s") from error


async def settle(
    work: Sequence[tuple[str, Callable[[], Awaitable[None]]]],
) -> dict[str, str]:
    """Do all of it side by side. What fails is told by name, and holds up nothing else."""
    results = await asyncio.gather(*(do() for _, do in work), return_exceptions=True)
    errors: dict[str, str] = {}
    for (name, _), result in zip(work, results, strict=True):
        if isinstance(result, TurnoutError):
            errors[name] = result.message
        elif isinstance(result, Exception):  # the edge: a bug in one source is not the others'
            log.error("figures.failed", metric=name, exc_info=result)
            errors[name] = f"{type(result).__name__}: {result}"
        elif result is not None:
            raise result
    return errors


def _scope(arm: Arm, window: Window, subject: Subject) -> CanaryScope:
    begin = window.start - arm.offset
    parameters = dict(arm.parameters)
    if subject.kind is Kind.LATENCY:
        parameters[THRESHOLDS] = ",".join(f"{t:g}" for t in subject.thresholds_ms)
    return CanaryScope(
        scope=arm.scope,
        location=arm.location,
        start=begin + window.first * window.step,
        end=begin + window.last * window.step,
        step=round(window.step.total_seconds()),
        extended_scope_params=parameters,
    )


def _sum(series: Sequence[Series], count: int) -> tuple[float, ...]:
    """Per step; what one of them is missing is missing in the sum."""
    if not series:
        return (math.nan,) * count
    return tuple(sum(values) for values in zip(*(s.values for s in series), strict=True))


def _mean(series: Sequence[Series], count: int) -> tuple[float, ...]:
    """Per step, of the series that have a figure there."""
    if not series:
        return (math.nan,) * count
    return tuple(_mean_of(values) for values in zip(*(s.values for s in series), strict=True))


def _mean_of(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def read_tails(series: Sequence[Series]) -> dict[float, tuple[float, ...]]:
    """How many requests took longer than each bound in ms, per step. Above 0 are all that were
    timed: counters may be a moment ahead of histograms.
    """
    return {float(s.tags[ABOVE]): s.values for s in series if ABOVE in s.tags}


def _above(
    tails: Mapping[float, tuple[float, ...]], thresholds: Sequence[float], count: int
) -> Columns:
    """A column for each threshold, from the series whose bound is nearest."""
    if not tails:
        return ((math.nan,) * count,) * len(thresholds)
    return tuple(tails[min(tails, key=lambda b: abs(b - t))] for t in thresholds)
