"""The port `Analyst`: analyses that go on while a deployment waits for them.

Evidence is written down before it counts, under the number of its look; after a restart it is read
again, and what was counted is not counted twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from turnout.canary.asking import Asking
from turnout.canary.closing import arms_of, close_steps, fetch_both
from turnout.canary.course import Situation, go_on, tell_errors
from turnout.canary.evidence import Evidence, Slice, write_slices
from turnout.canary.examining import read_config
from turnout.canary.fetching import Arm, Fetcher, Window
from turnout.canary.history import learn
from turnout.canary.opinions import Answer, Judge, Opinion
from turnout.canary.recorded import open_recorded, tell_too_short, write_config
from turnout.canary.subjects import (
    Subject,
    is_compatible,
    refuse_hopeless,
    subjects_of,
    too_short_for,
)
from turnout.model.analysis import (
    Analysis,
    AnalysisMode,
    AnalysisRecord,
    AnalysisVerdict,
    Finding,
)
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.errors import NotFound, Temporary
from turnout.model.words import enumerate_names
from turnout.ports import CanaryArchive, Clock, MetricSource

SETTLING = timedelta(seconds=1.5)
"""How long after its end a step of our own figures is complete."""

STORE_SETTLING = timedelta(seconds=10)
"""The same for a metrics system."""

OVERDUE = timedelta(seconds=30)
"""How long a missing sample is waited for when later ones are there: three steps at least."""

LATE = timedelta(minutes=5)
"""How long samples of a metrics system are waited for when none is there yet: some lag by minutes.
As long as the analysis at most, but never shorter than `OVERDUE`."""

ASK_AGAIN = timedelta(seconds=10)
"""How often a metrics system is asked for a step at most."""

MOST_LOOKS = 10_000
"""In the planned duration: each one is kept with its evidence, for months."""

IDLE = timedelta(hours=1)
"""Without a look, after which an analysis is no longer held here: what is kept of it is enough."""

WRITE_EVERY = timedelta(seconds=5)
REMEMBERED = 100
"""Analyses that have ended, with their answers."""

COMPATIBLE_INTERVAL = timedelta(seconds=60)
"""The compatible judge alarms the more often, the more often it is asked."""


@dataclass(slots=True)
class _Live:
    """An analysis in this process."""

    record: AnalysisRecord
    config: CanaryConfig
    subjects: tuple[Subject, ...]
    judge: Judge
    opinion: Opinion
    next_step: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    looked_at: timedelta | None = None
    written_at: timedelta | None = None
    asking: Asking = field(default_factory=Asking)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def start(self) -> datetime:
        """Of the first step."""
        return self.record.began_at + self.record.analysis.settings.warmup

    @property
    def horizon(self) -> datetime:
        """Nothing is judged after it: the planned end, unless a person is waited for."""
        manual = self.record.analysis.settings.mode is AnalysisMode.MANUAL
        is_open = manual or self.record.asked_at is not None
        return datetime.max.replace(tzinfo=UTC) if is_open else self.record.planned_end

    def steps_until(self, subject: Subject, when: datetime) -> int:
        """How many whole steps end at the latest then."""
        return max(0, int((when - self.start) / subject.step))


class LiveAnalyst:
    """Looks as often as it is asked, and fetches as often as the analysis wants it."""

    def __init__(
        self,
        source: MetricSource,
        archive: CanaryArchive,
        clock: Clock,
        default: Callable[[], CanaryConfig],
        warnings: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """`warnings`: what is wrong with sources that answer, as sentences."""
        self._source, self._archive, self._clock = source, archive, clock
        self._default, self._warnings = default, warnings
        self._live: dict[str, _Live] = {}
        self._opening: dict[str, asyncio.Lock] = {}

    async def look(self, analysis: Analysis) -> Finding:
        """As the port says."""
        live = await self._open(analysis)
        async with live.lock:
            if live.record.ended_at is None:
                notes = tuple(dict.fromkeys((*live.record.analysis.notes, *analysis.notes)))
                live.record = live.record.model_copy(
                    update={"analysis": live.record.analysis.model_copy(update={"notes": notes})}
                )
                await self._look(live)
            return live.record.finding

    async def _open(self, analysis: Analysis) -> _Live:
        lock = self._opening.setdefault(analysis.id, asyncio.Lock())
        async with lock:
            live = self._live.get(analysis.id)
            if live is None:
                live = await self._resume(analysis)
                self._live[analysis.id] = live
                self._forget()
        return live

    def _forget(self) -> None:
        long_ago = self._clock.elapsed() - IDLE
        idle, ended = [], []
        for name, live in self._live.items():
            if live.record.ended_at:
                ended.append(name)
            elif live.looked_at is not None and live.looked_at < long_ago:
                idle.append(name)
        for name in (*idle, *ended[:-REMEMBERED]):
            self._live.pop(name).asking.close()
            del self._opening[name]

    async def _resume(self, analysis: Analysis) -> _Live:
        try:
            record = await self._archive.read_analysis(analysis.id)
        except NotFound:
            record = await self._begin(analysis)
        kept = await self._archive.read_evidence(analysis.id)
        slices = await asyncio.to_thread(Evidence().add, kept)
        recorded = await asyncio.to_thread(open_recorded, record, slices)
        live = _Live(
            record,
            recorded.config,
            recorded.subjects,
            recorded.judge,
            Opinion(Answer.RUNNING, "nothing seen yet"),
        )
        live.looks = len(kept)
        for one in slices:
            reached = one.first + one.count
            live.next_step[one.metric] = max(live.next_step.get(one.metric, 0), reached)
        if kept:
            live.opinion = await asyncio.to_thread(live.judge.say, is_end=False)
        return live

    async def _begin(self, analysis: Analysis) -> AnalysisRecord:
        config = await read_config(self._archive, analysis.settings.config, self._default)
        settings, now = analysis.settings, self._clock.now()
        arm = Arm(analysis.source or analysis.control, analysis.cluster)
        subjects = subjects_of(config, settings.duration)
        refuse_hopeless(subjects, settings.duration)
        history: dict[str, Any] = {}
        short = too_short_for(subjects, settings.duration)
        if short:
            told = tell_too_short(short, settings.duration)
            analysis = analysis.model_copy(update={"notes": (*analysis.notes, told)})
        if not is_compatible(config):
            history = await learn(subjects, self._source, config.templates, arm, now)
        record = AnalysisRecord(
            analysis=analysis,
            deployment=analysis.id.partition(".")[0],
            document=write_config(config),
            history=history,
            began_at=now,
            planned_end=now + settings.warmup + settings.duration,
            finding=Finding(verdict=AnalysisVerdict.RUNNING, sentence="has just begun"),
        )
        await self._archive.record_analysis(record)
        return record

    async def _look(self, live: _Live) -> None:
        elapsed, now = self._clock.elapsed(), self._clock.now()
        is_over = now >= live.horizon
        if live.looked_at is None or elapsed - live.looked_at >= _interval(live) or is_over:
            live.looked_at = elapsed
            await self._gather(live, now, elapsed)
        before = live.record
        live.record = go_on(before, await self._situation(live, now))
        await self._write(live, before, elapsed)
        if live.record.ended_at is not None:
            live.asking.close()

    async def _gather(self, live: _Live, now: datetime, elapsed: timedelta) -> None:
        """Fetch what has become complete, write it down, then let the judge see it."""
        fetcher = Fetcher(self._source, live.config.templates)
        questions = {
            subject.name: partial(_fetch_closed, live, fetcher, subject, now)
            for subject in live.subjects
            if live.asking.is_due(subject.name, elapsed, _pause(subject))
        }
        found = await live.asking.ask(questions, elapsed)
        if not found:
            return
        analysis = live.record.analysis.id
        if not await self._archive.append_evidence(analysis, live.looks, write_slices(found)):
            self._live.pop(
                analysis
            ).asking.close()  # somebody else has looked: read again what is known
            raise Temporary(f"the evidence of {analysis} was written by another look")
        await asyncio.to_thread(live.judge.take, found)
        live.looks += 1
        for slice_ in found:
            live.next_step[slice_.metric] = slice_.first + slice_.count
        live.opinion = await asyncio.to_thread(live.judge.say, is_end=False)

    async def _situation(self, live: _Live, now: datetime) -> Situation:
        settings = live.record.analysis.settings
        is_complete = _is_complete(live, now)
        opinion = live.opinion
        is_open = live.record.asked_at is not None or settings.mode is AnalysisMode.MANUAL
        if is_complete and opinion.answer is Answer.RUNNING and not is_open:
            opinion = await asyncio.to_thread(live.judge.say, is_end=True)
        elif opinion.answer is Answer.PASS and not (settings.early_pass or is_complete):
            opinion = replace(opinion, answer=Answer.RUNNING)
        return Situation(
            now=now,
            opinion=opinion,
            judgment=await self._archive.read_judgment(live.record.analysis.id),
            errors=tell_errors(live.asking.errors),
            remarks=(*_late(live, now), *self._warnings()),
            is_complete=is_complete,
        )

    async def _write(self, live: _Live, before: AnalysisRecord, elapsed: timedelta) -> None:
        """A change of course at once, what is said meanwhile now and then."""
        after = live.record
        is_news = (after.finding.verdict, after.is_extended, after.asked_at) != (
            before.finding.verdict,
            before.is_extended,
            before.asked_at,
        )
        is_due = live.written_at is None or elapsed - live.written_at >= WRITE_EVERY
        if is_news or (is_due and after != before):
            try:
                await self._archive.record_analysis(after)
            except BaseException:
                live.record = before  # an end that nobody knows of is no end
                raise
            live.written_at = elapsed


async def _fetch_closed(
    live: _Live, fetcher: Fetcher, subject: Subject, now: datetime
) -> list[Slice]:
    """The steps of one metric that have become complete in both arms since the last look."""
    settling = SETTLING if subject.is_own else STORE_SETTLING
    first = live.next_step.get(subject.name, 0)
    last = live.steps_until(subject, min(now - settling, live.horizon))
    if first >= last:
        return []
    window = Window(live.start, subject.step, first, last)
    arms = arms_of(live.record.analysis)
    canary, baseline = await fetch_both(fetcher, subject, arms, window)
    overdue = live.steps_until(subject, now - _overdue(subject)) - first
    late = live.steps_until(subject, now - _patience(live, subject)) - first
    return close_steps(subject, window, canary, baseline, overdue=overdue, late=late)


def _interval(live: _Live) -> timedelta:
    """The time between two looks."""
    settings = live.record.analysis.settings
    shortest = settings.duration / MOST_LOOKS
    if is_compatible(live.config):
        shortest = min(COMPATIBLE_INTERVAL, settings.duration / 2)
    return max(settings.interval, shortest)


def _pause(subject: Subject) -> timedelta:
    return timedelta(0) if subject.is_own else min(ASK_AGAIN, subject.step)


def _overdue(subject: Subject) -> timedelta:
    return max(OVERDUE, 3 * subject.step)


def _patience(live: _Live, subject: Subject) -> timedelta:
    """How long a step is waited for that may only be late."""
    if subject.is_own:
        return _overdue(subject)
    return max(_overdue(subject), min(LATE, live.record.analysis.settings.duration))


def _late(live: _Live, now: datetime) -> tuple[str, ...]:
    """What is being waited for, where nothing else explains it."""
    until = min(now, live.horizon)
    found = {
        s.name: live.start + live.next_step.get(s.name, 0) * s.step
        for s in live.subjects
        if s.name not in live.asking.errors
    }
    late = [
        s.name
        for s in live.subjects
        if s.name in found and until - found[s.name] > _overdue(s) + STORE_SETTLING
    ]
    if not late:
        return ()
    since = min(found[name] for name in late)
    return (f"no figures of {enumerate_names(late)} after {since:%H:%M:%S} UTC yet",)


def _is_complete(live: _Live, now: datetime) -> bool:
    """Whether every step up to the planned end is closed, or is not to be waited for any more."""
    end = live.record.planned_end
    if now < end:
        return False
    waited = all(
        now >= end + _patience(live, subject) + STORE_SETTLING for subject in live.subjects
    )
    return waited or all(
        live.next_step.get(subject.name, 0) >= live.steps_until(subject, end)
        for subject in live.subjects
    )
