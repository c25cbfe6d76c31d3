"""Reports that are asked for again and again: what went into one is remembered for the next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from turnout.canary.evidence import Evidence
from turnout.canary.recorded import Recorded, open_recorded
from turnout.canary.reports import build_report, read_record, report_of
from turnout.model.analysis import AnalysisRecord, Judgment
from turnout.model.report import Report
from turnout.ports import Archive, CanaryArchive, Clock

MOST = 8
"""Analyses that are remembered, those that were asked for last."""


@dataclass(slots=True)
class _Known:
    """What is known of an analysis: while it goes on its evidence and a judge who has seen it,
    behind its end the report, and what it was made of.
    """

    evidence: Evidence = field(default_factory=Evidence)
    recorded: Recorded | None = None
    last: tuple[AnalysisRecord, Judgment | None, Report] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Reports:
    """Judges each step once, and makes the report of what has ended once."""

    def __init__(self, canaries: CanaryArchive, deployments: Archive, clock: Clock) -> None:
        self._canaries, self._deployments, self._clock = canaries, deployments, clock
        self._known: dict[str, _Known] = {}

    async def read(self, analysis: str) -> Report:
        """The report as of now; of what has ended, as of the first time. Raises `NotFound`."""
        known = self._known.pop(analysis, None) or _Known()
        self._known[analysis] = known
        for forgotten in list(self._known)[:-MOST]:
            del self._known[forgotten]
        try:
            async with known.lock:
                return await self._read(known, analysis)
        except BaseException:  # half of the evidence may have been taken in: begin anew
            if self._known.get(analysis) is known:
                del self._known[analysis]
            raise

    async def _read(self, known: _Known, analysis: str) -> Report:
        record = await read_record(self._canaries, self._deployments, analysis)
        judgment = await self._canaries.read_judgment(analysis)
        if known.last is not None and known.last[:2] == (record, judgment):
            return known.last[2]
        kept = await self._canaries.read_evidence(analysis, known.evidence.looks)
        now = self._clock.now()
        report = await asyncio.to_thread(_report, known, record, kept, judgment, now)
        if record.ended_at is not None:
            known.last = (record, judgment, report)
            known.evidence, known.recorded = Evidence(), None
        return report


def _report(
    known: _Known,
    record: AnalysisRecord,
    kept: Sequence[str],
    judgment: Judgment | None,
    now: datetime,
) -> Report:
    new = known.evidence.add(kept)
    if record.intervals is not None:  # each judgement looks at a window of its own
        return build_report(record, known.evidence.slices, judgment, now)
    if known.recorded is None:
        known.recorded = open_recorded(record, new)
    else:
        known.recorded = replace(known.recorded, record=record)
        known.recorded.judge.take(new)
    return report_of(known.recorded, known.evidence.slices, judgment, now)
