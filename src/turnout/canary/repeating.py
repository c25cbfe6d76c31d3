"""Analyses at intervals, at work: each judgement is made when its figures are there.

What was judged is written down at once, with its evidence, so a restart goes on where it was. What
lies in the past is judged one after another.
"""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from functools import partial

import structlog

from turnout.canary.analyst import ASK_AGAIN, LATE, STORE_SETTLING
from turnout.canary.closing import close_steps
from turnout.canary.course import Situation, go_on, tell_errors
from turnout.canary.evidence import Evidence, Slice, write_slices
from turnout.canary.fetching import Arm, Fetcher, Window, settle
from turnout.canary.interval_plans import IntervalWish, plan_record
from turnout.canary.intervals import (
    due_at,
    judge_window,
    new_steps,
    next_window,
    read_subjects,
    scopes_by_metric,
    waiting_for_figures,
    without_figures,
)
from turnout.canary.opinions import Answer, Opinion
from turnout.canary.subjects import Subject
from turnout.model.analysis import AnalysisRecord, ComparedScope, JudgedWindow
from turnout.model.errors import TurnoutError
from turnout.ports import CanaryArchive, Clock, MetricSource

log = structlog.get_logger(__name__)

NAP = timedelta(seconds=2)
"""Between two looks at the time, and at whether a person has decided."""

MOST_UNFINISHED = 1000
"""That are looked at after a start."""

AT_ONCE = 2
"""Judgements side by side: each one reads a lot, and calculates."""


class IntervalAnalyst:
    """Goes on with analyses at intervals while `run` runs."""

    def __init__(self, source: MetricSource, archive: CanaryArchive, clock: Clock) -> None:
        self._source, self._archive, self._clock = source, archive, clock
        self._begun: asyncio.Queue[str] = asyncio.Queue()
        self._free = asyncio.Semaphore(AT_ONCE)
        self._missing_since: dict[str, timedelta] = {}

    async def begin(self, wish: IntervalWish) -> AnalysisRecord:
        """Keep it; the judgements follow. Raises `InvalidDocument`."""
        record = await asyncio.to_thread(plan_record, wish, self._clock.now())
        await self._archive.record_analysis(record)
        self._begun.put_nowait(wish.id)
        return record

    async def run(self) -> None:
        """Go on with those that had not ended, and with what is begun, until cancelled."""
        known = await self._archive.list_analyses(unfinished=True, limit=MOST_UNFINISHED)
        found = {record.analysis.id for record in known if record.intervals is not None}
        async with asyncio.TaskGroup() as group:
            for analysis in found:
                group.create_task(self._follow(analysis))
            while True:
                analysis = await self._begun.get()
                if analysis not in found:
                    group.create_task(self._follow(analysis))

    async def advance(self, analysis: str) -> AnalysisRecord:
        """Make the next judgement if it is due, or end with what a person said. Raises
        `TurnoutError`.
        """
        record = await self._archive.read_analysis(analysis)
        window = next_window(record)
        if window is None:
            return record
        judgment = await self._archive.read_judgment(analysis)
        now = self._clock.now()
        if judgment is not None:
            so_far = Opinion(Answer.RUNNING, record.finding.sentence)
            return await self._write(record, go_on(record, Situation(now, so_far, judgment)))
        if now < due_at(record, window) + STORE_SETTLING:
            return record
        async with self._free:
            return await self._judge(record, window)

    async def _follow(self, analysis: str) -> None:
        while True:
            try:
                record = await self.advance(analysis)
            except TurnoutError as error:  # the archive is away for a while
                log.warning("intervals.waiting", analysis=analysis, reason=error.message)
                await self._clock.sleep(ASK_AGAIN)
                continue
            window = next_window(record)
            if window is None:
                self._missing_since.pop(analysis, None)
                return
            await self._clock.sleep(self._pause(record, window))

    def _pause(self, record: AnalysisRecord, window: JudgedWindow) -> timedelta:
        if record.analysis.id in self._missing_since:
            return ASK_AGAIN
        wait = due_at(record, window) + STORE_SETTLING - self._clock.now()
        return min(NAP, max(wait, timedelta(0)))

    async def _judge(self, record: AnalysisRecord, window: JudgedWindow) -> AnalysisRecord:
        analysis = record.analysis.id
        found, errors = await self._fetch(record, window)
        if errors:
            return await self._write(record, self._without(record, window, errors))
        self._missing_since.pop(analysis, None)
        # After a crash between these two lines the evidence is there already: it is what counts.
        await self._archive.append_evidence(analysis, window.number, write_slices(found))
        kept = await self._archive.read_evidence(analysis)
        try:
            after = await asyncio.to_thread(_judge_kept, record, kept, window)
        except Exception as error:  # the edge: what cannot be judged must not be tried for ever
            log.exception("intervals.failed", analysis=analysis, number=window.number)
            after = without_figures(record, window, [str(error)], self._clock.now())
        log.info(
            "intervals.judged", analysis=analysis, number=window.number, said=after.finding.sentence
        )
        return await self._write(record, after)

    async def _fetch(
        self, record: AnalysisRecord, window: JudgedWindow
    ) -> tuple[list[Slice], list[str]]:
        """The figures that no judgement before it has seen; and what could not be had."""
        config, subjects = read_subjects(record)
        scopes = scopes_by_metric(record, config)
        fetcher = Fetcher(self._source, config.templates)
        found: list[Slice] = []

        async def one(subject: Subject) -> None:
            first, last = new_steps(record, window, subject.step)
            if first >= last:
                return
            grid = Window(record.began_at, subject.step, first, last)
            arms = _arms(scopes[subject.name], record.analysis.cluster)
            both = await asyncio.gather(*(fetcher.fetch(subject, arm, grid) for arm in arms))
            found.extend(close_steps(subject, grid, *both, overdue=last - first))

        errors = await settle([(s.name, partial(one, s)) for s in subjects])
        return [one for one in found if _has_figures(one)], tell_errors(errors)

    def _without(
        self, record: AnalysisRecord, window: JudgedWindow, errors: list[str]
    ) -> AnalysisRecord:
        now = self._clock.elapsed()
        since = self._missing_since.setdefault(record.analysis.id, now)
        if now - since < LATE:
            return waiting_for_figures(record, window, errors)
        return without_figures(record, window, errors, self._clock.now())

    async def _write(self, before: AnalysisRecord, after: AnalysisRecord) -> AnalysisRecord:
        if after != before:
            await self._archive.record_analysis(after)
        return after


def _judge_kept(
    record: AnalysisRecord, kept: tuple[str, ...], window: JudgedWindow
) -> AnalysisRecord:
    return judge_window(record, Evidence().add(kept), window)


def _arms(scope: ComparedScope, cluster: str) -> tuple[Arm, Arm]:
    """Experiment and control."""
    parameters = tuple(scope.parameters.items())
    return (
        Arm(scope.experiment, scope.experiment_location or cluster, parameters=parameters),
        Arm(
            scope.control,
            scope.control_location or cluster,
            scope.control_offset,
            parameters,
        ),
    )


def _has_figures(one: Slice) -> bool:
    """A series without any is none: it would be judged beside those that the metric has."""
    columns = (*one.canary, *one.baseline)
    return not all(math.isnan(value) for column in columns for value in column)
