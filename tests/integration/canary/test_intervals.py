"""Judgements at intervals of figures and records on disk; the clock is moved, never waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from turnout.canary.interval_plans import IntervalWish
from turnout.canary.remembered import Reports
from turnout.canary.repeating import IntervalAnalyst
from turnout.canary.retrospective import Wish, compare
from turnout.history import History, Look
from turnout.model.analysis import AnalysisRecord, AnalysisVerdict, ComparedScope
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.document import read_document
from turnout.model.traffic import GroupTraffic
from turnout.store.migration import migrate
from turnout.store.sql import SqlStore
from turnout.testing import MemoryClock, World
from turnout.testing.world import START
from turnout.traffic.columns import build_values
from turnout.traffic.source import RouterSource

MINUTE = timedelta(minutes=1)
BOUNDS = (5.0, 10.0, 60000.0)
HARM = 4 * 60
"""Seconds after which the canary fails ten times as often."""

CONFIG = read_document(
    CanaryConfig,
    {
        "judge": {"name": "NetflixACAJudge-v1.0"},
        "metrics": [
            {
                "name": "errors",
                "query": {"type": "router", "metricName": "errors"},
                "groups": ["errors"],
                "scopeName": "default",
                "analysisConfigurations": {"canary": {"direction": "increase", "step": 2}},
            }
        ],
    },
)


def wish(**more: Any) -> IntervalWish:
    scope = ComparedScope(experiment="shop-v002", control="shop-v001")
    values: dict[str, Any] = {
        "id": "r-1",
        "config": CONFIG,
        "config_name": "mine",
        "cluster": "shop",
        "scopes": (scope,),
        "start": START,
        "lifetime": 10 * MINUTE,
        "every": 2 * MINUTE,
        "pass_score": 95.0,
        "marginal_score": 75.0,
    }
    return IntervalWish(**values | more)


class Site:
    """A folder with figures and a journal, and a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'turnout.db'}"
        self.world = World()
        self.world.now = START
        self.clock = MemoryClock(self.world)
        self.history = History(folder / "router", hours=48)
        self.written = 0

    @property
    def source(self) -> RouterSource:
        return RouterSource(self.history, BOUNDS)

    async def pass_time(self, seconds: int) -> None:
        """The router is looked at once a second meanwhile."""
        for _ in range(seconds):
            self.world.pass_time(timedelta(seconds=1))
            errors = 3 + self.written * 7919 % 11
            harm = 10 if self.written >= HARM else 1
            looked = {"shop-v001": _values(errors), "shop-v002": _values(errors * harm)}
            self.written += 1
            await self.history.note(Look(self._seconds, 1, looked))

    @asynccontextmanager
    async def server(self) -> AsyncIterator[tuple[IntervalAnalyst, SqlStore]]:
        """Up until it is left."""
        async with SqlStore(self.url) as store:
            yield IntervalAnalyst(self.source, store, self.clock), store

    @property
    def _seconds(self) -> float:
        return self.world.now.timestamp()


def _values(errors: int) -> Any:
    return build_values(
        GroupTraffic(
            requests=200,
            failed=errors,
            client_errors=0,
            timeouts=0,
            resets=0,
            latency_ms=((5.0, 200), (10.0, 200), (60000.0, 200)),
        )
    )


async def until_it_waits(analyst: IntervalAnalyst) -> AnalysisRecord:
    """All judgements that are due."""
    record = await analyst.advance("r-1")
    while (after := await analyst.advance("r-1")) != record:
        record = after
    return record


def scores(record: AnalysisRecord) -> list[float | None]:
    assert record.intervals
    return [window.score for window in record.intervals.windows]


async def test_it_goes_on_after_a_restart_and_stops_when_the_score_falls(tmp_path: Path) -> None:
    site = Site(tmp_path)
    await migrate(site.url)
    async with site.server() as (analyst, _):
        await analyst.begin(wish(lookback=2 * MINUTE))
        await site.pass_time(140)
        assert scores(await until_it_waits(analyst)) == [100.0, None, None, None, None]
    await site.pass_time(240)  # nobody judges; the third window is harmed
    async with site.server() as (analyst, store):
        record = await until_it_waits(analyst)
        assert scores(record) == [100.0, 100.0, 0.0, None, None]
        assert record.finding.verdict is AnalysisVerdict.FAIL
        assert record.ended_at == START + 6 * MINUTE
        report = await Reports(store, store, site.clock).read("r-1")
    assert report.metrics[0].counted.steps == 60
    assert report.metrics[0].classification == "High"


async def test_a_server_that_starts_takes_up_what_had_not_ended(tmp_path: Path) -> None:
    site = Site(tmp_path)
    await migrate(site.url)
    await site.pass_time(HARM)
    async with site.server() as (analyst, _):
        await analyst.begin(wish(lifetime=4 * MINUTE))
    async with site.server() as (analyst, store):
        running = asyncio.ensure_future(analyst.run())
        async with asyncio.timeout(60):
            while (record := await store.read_analysis("r-1")).ended_at is None:
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert scores(record) == [100.0, 100.0]
    assert record.finding.sentence == (
        "Final canary score 100.0 met or exceeded the pass score threshold."
    )


async def test_the_last_growing_window_is_judged_as_all_of_it_at_once(tmp_path: Path) -> None:
    site = Site(tmp_path)
    await migrate(site.url)
    await site.pass_time(HARM + 7 * 60)
    async with site.server() as (analyst, store):
        await analyst.begin(wish(marginal_score=None))
        record = await until_it_waits(analyst)
        whole = await compare(_at_once(site.clock.now()), site.source, store)
        reports = Reports(store, store, site.clock)
        repeated, at_once = await reports.read("r-1"), await reports.read("r-2")
    assert scores(record)[-1] == whole.finding.figures["score"]
    assert repeated.metrics[0].words == at_once.metrics[0].words
    assert repeated.metrics[0].ratio == at_once.metrics[0].ratio
    assert repeated.metrics[0].counted.steps == at_once.metrics[0].counted.steps == 300


def _at_once(now: datetime) -> Wish:
    assert now >= START + 10 * MINUTE
    return Wish(
        id="r-2",
        config=CONFIG,
        config_name="mine",
        cluster="shop",
        experiment="shop-v002",
        control="shop-v001",
        start=START,
        duration=10 * MINUTE,
        control_start=START,
    )
