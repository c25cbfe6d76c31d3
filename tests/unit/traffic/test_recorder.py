from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from turnout.model.errors import Temporary
from turnout.model.traffic import GroupTraffic
from turnout.traffic.recorder import TrafficRecorder

HOUR = timedelta(hours=1)


class Source:
    """Counts what it is told to."""

    def __init__(self) -> None:
        self.counted: dict[str, dict[str, GroupTraffic]] = {"shop": {}}
        self.is_down = False
        self.asked = 0
        self.run = "first"

    def count(self, group: str, requests: int, *, failed: int = 0, fast: int = 0) -> None:
        self.counted["shop"][group] = GroupTraffic(
            requests=requests,
            failed=failed,
            active=1,
            latency_ms=((10.0, fast), (60000.0, requests)),
        )

    async def observe_counters(self) -> tuple[str, dict[str, dict[str, GroupTraffic]]]:
        self.asked += 1
        if self.is_down:
            raise Temporary("nobody counts")
        return self.run, {cluster: dict(groups) for cluster, groups in self.counted.items()}


async def window(recorder: TrafficRecorder, since: datetime, until: datetime) -> GroupTraffic:
    return await recorder.observe_window("shop", "shop-v001", since, until)


def now() -> datetime:
    return datetime.now(UTC)


async def test_window_holds_what_was_added_in_it() -> None:
    source = Source()
    recorder = TrafficRecorder(source)
    await recorder.sample()
    source.count("shop-v001", 10, failed=1, fast=4)
    await recorder.sample()
    middle = now()
    source.count("shop-v001", 25, failed=1, fast=9)
    await recorder.sample()
    before = await window(recorder, middle - HOUR, middle)
    assert (before.requests, before.failed, before.active) == (10, 1, 1)
    assert before.latency_ms == ((10.0, 4), (60000.0, 10))
    after = await window(recorder, middle, now())
    assert (after.requests, after.failed) == (15, 0)
    assert after.latency_ms == ((10.0, 5), (60000.0, 15))


async def test_counters_from_before_the_first_look_are_in_no_window() -> None:
    source = Source()
    source.count("shop-v001", 1000)
    recorder = TrafficRecorder(source)
    await recorder.sample()
    source.count("shop-v001", 1003)
    await recorder.sample()
    assert (await window(recorder, now() - HOUR, now())).requests == 3


async def test_group_that_appears_later_is_counted_from_its_first_request() -> None:
    source = Source()
    recorder = TrafficRecorder(source)
    await recorder.sample()
    source.count("shop-v001", 12)
    await recorder.sample()
    assert (await window(recorder, now() - HOUR, now())).requests == 12


async def test_fallen_counters_are_never_taken_off() -> None:
    source = Source()
    recorder = TrafficRecorder(source)
    for requests in (100, 150, 20, 30):
        source.count("shop-v001", requests, failed=requests // 10, fast=requests // 2)
        await recorder.sample()
    found = await window(recorder, now() - HOUR, now())
    assert (found.requests, found.failed) == (50 + 20 + 10, 5 + 2 + 1)
    assert found.latency_ms == ((10.0, 25 + 10 + 5), (60000.0, 80))


async def test_histogram_that_comes_after_the_first_requests_is_kept() -> None:
    source = Source()
    recorder = TrafficRecorder(source)
    await recorder.sample()
    source.counted["shop"]["shop-v001"] = GroupTraffic(requests=5)
    await recorder.sample()
    source.count("shop-v001", 8, fast=8)
    await recorder.sample()
    found = await window(recorder, now() - HOUR, now())
    assert found.requests == 8
    assert found.latency_ms == ((10.0, 8), (60000.0, 8))


async def test_window_until_now_is_sampled_at_once() -> None:
    source = Source()
    recorder = TrafficRecorder(source)
    await recorder.sample()
    await asyncio.sleep(0.3)
    source.count("shop-v001", 4)
    assert (await window(recorder, now() - HOUR, now())).requests == 4


async def test_window_in_the_past_asks_nobody() -> None:
    source = Source()
    recorder = TrafficRecorder(source)
    await recorder.sample()
    await window(recorder, now() - HOUR, now() - timedelta(minutes=1))
    assert source.asked == 1


async def test_unknown_group_has_no_figures() -> None:
    recorder = TrafficRecorder(Source())
    assert await window(recorder, now() - HOUR, now()) == GroupTraffic()


async def test_window_until_now_says_when_nobody_counts() -> None:
    source = Source()
    source.is_down = True
    recorder = TrafficRecorder(source)
    with pytest.raises(Temporary):
        await window(recorder, now() - HOUR, now())


async def test_recorder_goes_on_after_errors_of_the_router() -> None:
    source = Source()
    source.is_down = True
    recorder = TrafficRecorder(source, interval=timedelta(milliseconds=1))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(recorder.run())
        await until(lambda: source.asked > 3)
        source.is_down = False
        asked = source.asked
        await until(lambda: source.asked > asked + 3)
        running.cancel()
    source.count("shop-v001", 2)
    assert (await window(recorder, now() - HOUR, now())).requests in {0, 2}


async def until(condition: object) -> None:
    assert callable(condition)
    with suppress(TimeoutError):
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.001)
    assert condition()


class Clock:
    time = 1000.0

    def __call__(self) -> float:
        self.time += 1
        return self.time


async def test_long_past_samples_and_gone_groups_are_forgotten() -> None:
    source, clock = Source(), Clock()
    recorder = TrafficRecorder(source, clock=clock)
    await recorder.sample()
    source.count("shop-v001", 5)
    await recorder.sample()
    assert (await window(recorder, now() - HOUR, now())).requests == 5
    clock.time += 700
    source.counted["shop"].clear()
    await recorder.sample()
    assert await window(recorder, now() - HOUR, now()) == GroupTraffic()
    source.count("shop-v001", 7)
    await recorder.sample()
    assert (await window(recorder, now() - HOUR, now())).requests == 7


@pytest.mark.parametrize("jump", [-HOUR, HOUR, timedelta(seconds=-3)])
async def test_a_wall_clock_that_is_set_moves_no_window(jump: timedelta) -> None:
    source, steady, ahead = Source(), [1000.0], [timedelta(0)]

    def wall() -> datetime:
        return datetime.fromtimestamp(steady[0], UTC) + ahead[0]

    async def pass_second(requests: int) -> None:
        steady[0] += 1
        source.count("shop-v001", requests)
        await recorder.sample()

    recorder = TrafficRecorder(source, clock=lambda: steady[0], wall=wall)
    await pass_second(0)
    await pass_second(7)
    switched = wall()
    await pass_second(10)
    ahead[0] = jump
    await pass_second(15)
    await pass_second(21)
    before = await window(recorder, switched - timedelta(seconds=5), switched)
    if abs(jump) > timedelta(seconds=5):
        assert before.requests == 7
    assert (await window(recorder, wall() - timedelta(seconds=1.5), wall())).requests == 11
    if abs(jump) == HOUR:
        assert (await window(recorder, switched, wall())).requests == 14
