"""The recorder and its history: what can be asked for days later."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.history import History, Sample
from turnout.model.traffic import GroupTraffic
from turnout.traffic.diary import TrafficDiary
from turnout.traffic.recorder import TrafficRecorder

SHOP = "shop-v001"
EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@dataclass
class Router:
    """Counts, and counts from 0 when it is started again."""

    requests: int = 0
    run: int = 0

    async def observe_counters(self) -> tuple[str, dict[str, dict[str, GroupTraffic]]]:
        latency = ((5.0, self.requests // 2), (60000.0, self.requests))
        traffic = GroupTraffic(requests=self.requests, resets=1, latency_ms=latency)
        return str(self.run), {"shop": {SHOP: traffic}}


@dataclass
class Host:
    """A machine whose clocks only move when they are told to."""

    folder: Path
    steady: float = 1_000_000.0
    ahead: float = 0.0
    router: Router = field(default_factory=Router)
    counted: int = 0
    """What must be found."""

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Another process; the one before was killed."""
        self.history = History(self.folder / "router", hours=100_000)
        self.recorder = TrafficRecorder(
            self.router,
            TrafficDiary(self.folder, keep=600),
            self.history,
            clock=lambda: self.steady,
            wall=self.now,
        )

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.steady + self.ahead + 1_700_000_000, UTC)

    async def count(self, requests: int, after: float = 1) -> None:
        self.steady += after
        self.router.requests += requests
        self.counted += requests
        await self.recorder.sample()

    async def samples(self) -> list[Sample]:
        found: list[Sample] = []
        await self.history.read(SHOP, *EVER, found.append)
        return found

    async def total(self) -> float:
        return sum(sample.values.get("requests") or 0 for sample in await self.samples())

    async def window(self, since: float, until: float) -> GroupTraffic:
        """Seconds ago."""
        now = self.now()
        return await self.recorder.observe_window(
            "shop", SHOP, now - timedelta(seconds=since), now - timedelta(seconds=until)
        )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


async def test_a_window_from_before_the_last_minutes_is_read_from_disk(host: Host) -> None:
    await host.count(0)
    await host.count(40)
    for _ in range(400):
        await host.count(1, after=6)
    host.start()
    await host.count(1)
    found = await host.window(3000, 2396)
    assert (found.requests, found.latency_ms) == (40, ((5.0, 20), (60000.0, 40)))
    assert (await host.window(3000, 1200)).requests == 40 + 200


async def test_memory_and_disk_say_the_same_about_the_same_time(host: Host) -> None:
    await host.count(5)
    for second in range(300):
        await host.count(second % 7)
    now = host.now()
    asked = (now - timedelta(seconds=200), now - timedelta(seconds=100))
    recent = await host.recorder.observe_window("shop", SHOP, *asked)
    for _ in range(700):
        await host.count(0)
    host.start()
    await host.count(0)
    kept = await host.recorder.observe_window("shop", SHOP, *asked)
    assert kept == recent.model_copy(update={"active": 0})
    assert kept.requests == sum(second % 7 for second in range(100, 200))


async def test_a_crash_loses_nothing_that_the_diary_has(host: Host) -> None:
    await host.count(0)
    for _ in range(5):
        for _ in range(17):
            await host.count(3)
        host.start()
    await host.count(3)
    assert await host.total() == host.counted
    assert {sample.took for sample in await host.samples()} == {1.0}


async def test_what_was_served_while_nobody_looked_is_kept_as_one_total(host: Host) -> None:
    await host.count(0)
    await host.count(10)
    host.start()
    await host.count(3000, after=900)
    longest = max(await host.samples(), key=lambda sample: sample.took)
    assert (longest.took, longest.values["requests"]) == (900.0, 3000)


async def test_what_a_router_counted_that_was_started_again_while_nobody_looked_is_not_known(
    host: Host,
) -> None:
    await host.count(0)
    await host.count(10)
    host.router.run, host.router.requests = 1, 0
    await host.count(3000, after=900)
    await host.count(4)
    assert [(s.took, s.values["requests"]) for s in await host.samples()] == [(1, 10), (1, 4)]


async def test_the_first_look_ever_counts_nothing(host: Host) -> None:
    await host.count(5000)
    assert await host.samples() == []
    assert host.history.complete_until() is None
    await host.count(3)
    assert await host.total() == 3
    assert host.history.complete_until() == host.now()


async def test_samples_fall_on_whole_seconds(tmp_path: Path) -> None:
    from turnout.traffic.recorder import _until_next

    second = timedelta(seconds=1)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert _until_next(noon, second) == 1
    assert _until_next(noon + timedelta(seconds=0.3), second) == pytest.approx(0.7)
    assert _until_next(noon + timedelta(seconds=0.95), second) == pytest.approx(1.05)


Step = tuple[str, int]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["count", "count", "count", "minute", "crash", "pause", "router", "forward"]
        ),
        st.integers(0, 50),
    ),
    max_size=25,
)


async def live(host: Host, steps: list[Step]) -> None:
    await host.count(0)
    for kind, number in steps:
        match kind:
            case "count":
                await host.count(number)
            case "minute":
                for _ in range(60):
                    await host.count(number)
            case "crash":
                host.start()
                await host.count(number, after=2)
            case "pause":
                await host.count(number, after=7 * (number + 1))
            case "router":
                host.router.run, host.router.requests = host.router.run + 1, 0
                await host.count(number)
            case "forward":
                host.ahead += 3 * number
                await host.count(number)
            case "back":
                host.ahead -= 3 * number
                await host.count(number)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_windows_add_up_to_the_counters_whatever_happens(steps: list[Step]) -> None:
    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            host = Host(Path(folder))
            await live(host, steps)
            host.start()
            await host.count(1)
            assert await host.total() == host.counted, steps
            times = [sample.end for sample in await host.samples()]
            assert times == sorted(set(times))

    asyncio.run(check())


@settings(max_examples=40, deadline=None)
@given(STEPS, st.integers(1, 50), STEPS)
def test_a_clock_that_is_set_back_makes_no_request_count_twice(
    before: list[Step], by: int, after: list[Step]
) -> None:
    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            host = Host(Path(folder))
            await live(host, before)
            counted = host.counted
            await live(host, [("back", by)])
            await live(host, after)
            assert host.counted - counted <= await host.total() <= host.counted, (
                before,
                after,
            )

    asyncio.run(check())
