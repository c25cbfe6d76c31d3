"""How many requests of users are lost while versions come and go in every way that there is."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.crowd import CONNECTIONS, PROCESSES, Crowd
from benchmarks.frame import Size, run, say
from benchmarks.outcome import Outcome, Table, none_of
from benchmarks.stage import deployed, group_of, operated, running_plant
from tests.e2e.api import Api
from tests.e2e.services import Shop
from turnout.model.deployment import Status
from turnout.testing.load import LoadProcess, Report
from turnout.testing.load.report import is_failure, percentile

SLOW_RATE = 3.0
"""Slow requests a second, each of which takes one: there are always some in flight."""

ROLLING: dict[str, object] = {"steps": ["25%", "50%", "100%"]}
WATCH: dict[str, object] = {"watch": "60s"}
LONG_STEP: dict[str, object] = {"steps": ["25%", "100%"], "step_hold": "60s"}

FORWARDS, ROLLBACK, CANCEL = "forwards", "back by rollback", "back by cancel"


@dataclass(frozen=True, slots=True)
class Act:
    """One change of version, and when it began in seconds since 1970."""

    name: str
    began: float


@dataclass(slots=True)
class Play:
    """All acts so far."""

    api: Api
    shop: Shop
    acts: list[Act] = field(default_factory=list)

    async def deploy(self, strategy: str, version: str, **options: object) -> None:
        """Deploy a version, to its good end."""
        self._note(strategy, FORWARDS)
        await deployed(self.api, self.shop, version, strategy, **options)

    async def roll_back(self, strategy: str) -> None:
        """Go back to the version before, by command."""
        self._note(strategy, ROLLBACK)
        await operated(self.api, self.shop.application, "rollback")
        await self.api.release(self.shop.application)

    async def cancel(self, strategy: str, version: str, options: dict[str, object]) -> None:
        """Deploy a version and take it back once it has traffic."""
        self._note(strategy, CANCEL)
        record = await self.api.deploy(self.shop.write(version, strategy, options=options))
        while record.switched_at is None:
            await asyncio.sleep(0.2)
            record = (await self.api.deployment(record.id)).record
            assert not record.status.is_end, record.sentence
        await self.api.cancel(record.id)
        ended = await self.api.await_end(record.id)
        assert ended.status is Status.ROLLED_BACK, ended.sentence

    async def enable(self, group: str, share: int) -> None:
        """Give a dark group a share."""
        self._note("dark", f"enable at {share / 10:g} %")
        await operated(self.api, self.shop.application, "enable", group=group, share=share)

    async def destroy(self, group: str) -> None:
        """Take a group away."""
        self._note("dark", "destroy")
        await operated(self.api, self.shop.application, "destroy", group=group)

    def _note(self, strategy: str, what: str) -> None:
        self.acts.append(Act(f"{strategy}: {what}", time.time()))


async def blue_green(play: Play) -> None:
    """There, back by rollback; there, back by cancel."""
    await play.deploy("blue_green", "2")
    await play.roll_back("blue_green")
    await play.cancel("blue_green", "2", WATCH)


async def rolling_blue_green(play: Play) -> None:
    """In steps there, back by rollback; a step there, back by cancel."""
    await play.deploy("rolling_blue_green", "2", **ROLLING)
    await play.roll_back("rolling_blue_green")
    await play.cancel("rolling_blue_green", "2", LONG_STEP)


async def highlander(play: Play) -> None:
    """There, back by cancel; there, and back by the same strategy, for nothing is left to go to."""
    await play.cancel("highlander", "2", WATCH)
    await play.deploy("highlander", "2")
    await play.deploy("highlander", "1")


async def dark(play: Play) -> None:
    """A dark group gets some traffic, then all, then none, and goes."""
    await play.deploy("dark", "2")
    group = await group_of(play.api, play.shop.application, "2")
    await play.enable(group, 300)
    await play.enable(group, 1000)
    await play.roll_back("dark")
    await play.destroy(group)


SCENES: Sequence[Callable[[Play], Awaitable[None]]] = (
    blue_green,
    rolling_blue_green,
    highlander,
    dark,
)
"""Each begins and ends with version 1; highlander leaves nothing else."""


async def measure(size: Size) -> Outcome:
    """Deployments of every strategy, forwards and back, while users ask as fast as they are
    answered."""
    shop = Shop("shop")
    async with running_plant() as (_, api):
        await deployed(api, shop, "1")
        play = Play(api, shop)
        slow = LoadProcess(shop.url, rate=SLOW_RATE, path="/slow?ms=1000", strict=True)
        async with slow, Crowd(shop.url, size.count) as crowd:
            scene = 0
            while crowd.is_busy or scene < len(SCENES):
                began = time.monotonic()
                await SCENES[scene % len(SCENES)](play)
                scene += 1
                took = time.monotonic() - began
                say(f"{len(play.acts)} changes; the last scene took {took:.0f} s")
            ended = time.time()
            reports = await crowd.leave()
            waited = await slow.stop()
    return _build_outcome(play.acts, ended, reports, waited)


def _build_outcome(
    acts: Sequence[Act], ended: float, reports: Sequence[Report], slow: Report
) -> Outcome:
    everybody = [*reports, slow]
    requests = sum(report.requests for report in everybody)
    lost = sum(report.failed + report.unaccounted for report in everybody)
    fast = sum(report.requests for report in reports)
    seconds = max(report.seconds for report in reports)
    examples = [str(answer) for report in everybody for answer in report.failures()]
    return Outcome(
        about=(
            "A service of two instances was deployed by every strategy, forwards and back, again"
            f" and again. Meanwhile {PROCESSES} processes sent requests over {CONNECTIONS}"
            " connections each, the next one as soon as the last was answered, and another one"
            f" {SLOW_RATE:g} requests a second that take one second each. Clients count: a request"
            " is lost when it gets no answer or one of 500 and above. None is sent a second time."
        ),
        tables=(
            _totals_table(len(acts), fast, seconds, reports, slow),
            _acts_table(acts, ended, everybody),
        ),
        goals=(none_of(f"Requests lost of {requests:,}".replace(",", " "), lost),),
        figures={
            "requests": requests,
            "lost": lost,
            "changes": len(acts),
            "seconds": seconds,
            "failures": examples[:50],
            "summaries": [report.summary() for report in everybody],
        },
    )


def _totals_table(
    changes: int, fast: int, seconds: float, reports: Sequence[Report], slow: Report
) -> Table:
    latencies = sorted(1000 * latency for report in reports for latency in report.columns.latency)
    rows: tuple[tuple[str | float, ...], ...] = (
        ("requests as fast as answered", fast),
        ("requests of one second", slow.requests),
        ("changes of version", changes),
        ("seconds", seconds),
        ("requests a second", fast / seconds),
        ("latency p50, ms", percentile(latencies, 50)),
        ("latency p99, ms", percentile(latencies, 99)),
        ("latency p99.9, ms", percentile(latencies, 99.9)),
        ("latency of the slowest, ms", percentile(latencies, 100)),
        ("latency of the slowest of one second, ms", slow.latency_ms(100)),
    )
    return Table("All requests", ("", "figure"), rows)


def _acts_table(acts: Sequence[Act], ended: float, reports: Sequence[Report]) -> Table:
    """Requests by what was going on when they were sent."""
    starts = [act.began for act in acts]
    requests: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for report in reports:
        columns = report.columns
        rows = zip(columns.due, columns.wait, columns.status, strict=True)
        for due, wait, status in rows:
            place = bisect_right(starts, due + wait) - 1
            name = acts[place].name if place >= 0 and due + wait <= ended else "before and after"
            requests[name] += 1
            lost[name] += is_failure(status)
    times = Counter(act.name for act in acts)
    names = [*dict.fromkeys(act.name for act in acts), "before and after"]
    table = tuple((name, times[name], requests[name], lost[name]) for name in names)
    return Table("By change", ("", "times", "requests meanwhile", "lost"), table)


if __name__ == "__main__":
    run(measure, name="lost_requests", counted="requests", count=1_000_000, quick=30_000)
