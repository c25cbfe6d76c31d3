from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.canary.recorded import BEGAN, ID, alike, broken, record
from turnout.canary.evidence import Slice, write_slices
from turnout.canary.remembered import Reports
from turnout.canary.reports import build_report
from turnout.model.analysis import AnalysisVerdict, Judgment
from turnout.model.errors import NotFound
from turnout.testing import MemoryCanaryArchive, MemoryClock, MemoryJournal, World

END = timedelta(minutes=2)


class CountingArchive(MemoryCanaryArchive):
    """Knows from which look on evidence was read."""

    def __init__(self) -> None:
        super().__init__()
        self.read_from: list[int] = []

    async def read_evidence(self, analysis: str, first: int = 0) -> tuple[str, ...]:
        self.read_from.append(first)
        return await super().read_evidence(analysis, first)


class Desk:
    def __init__(self) -> None:
        self.world = World()
        self.world.now = BEGAN + timedelta(hours=1)
        self.archive = CountingArchive()
        self.reports = Reports(self.archive, MemoryJournal(), MemoryClock(self.world))


def part(slices: tuple[Slice, ...], begin: int, end: int) -> str:
    return write_slices(
        [
            one.model_copy(
                update={
                    "first": begin,
                    "canary": tuple(column[begin:end] for column in one.canary),
                    "baseline": tuple(column[begin:end] for column in one.baseline),
                }
            )
            for one in slices
        ]
    )


async def test_a_report_that_grew_look_by_look_is_the_one_that_is_made_at_once() -> None:
    desk, slices = Desk(), broken()
    await desk.archive.record_analysis(record())
    for number in range(4):
        await desk.archive.append_evidence(ID, number, part(slices, 30 * number, 30 * number + 30))
        grown = await desk.reports.read(ID)
    assert desk.archive.read_from == [0, 1, 2, 3]
    at_once = build_report(record(), slices, None, desk.world.now)
    ours, theirs = (
        {m.name: (m.sentence, m.standing, m.series, m.course) for m in report.metrics}
        for report in (grown, at_once)
    )
    assert ours == theirs
    assert (grown.headline, grown.reasons) == (at_once.headline, at_once.reasons)


async def test_what_has_ended_is_judged_once() -> None:
    desk = Desk()
    await desk.archive.append_evidence(ID, 0, write_slices(alike(120)))
    await desk.archive.record_analysis(record(AnalysisVerdict.PASS, "fine", ended_after=END))
    first = await desk.reports.read(ID)
    assert await desk.reports.read(ID) is first
    assert desk.archive.read_from == [0]


async def test_an_answer_that_comes_later_is_in_the_report() -> None:
    desk = Desk()
    await desk.archive.append_evidence(ID, 0, write_slices(alike(120)))
    ended = record(AnalysisVerdict.PASS, "fine", ended_after=END)
    await desk.archive.record_analysis(ended)
    assert (await desk.reports.read(ID)).judgment is None
    judgment = Judgment(analysis=ID, choice="pass", by="ana", at=BEGAN)
    await desk.archive.record_judgment(judgment)
    assert (await desk.reports.read(ID)).judgment == judgment


async def test_after_a_mistake_it_begins_anew() -> None:
    desk = Desk()
    with pytest.raises(NotFound):
        await desk.reports.read(ID)
    await desk.archive.append_evidence(ID, 0, write_slices(alike(120)))
    await desk.archive.record_analysis(record())
    assert (await desk.reports.read(ID)).metrics[0].counted.steps == 120
