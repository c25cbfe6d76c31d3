from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.traffic.test_recorder import Source
from turnout.model.traffic import GroupTraffic
from turnout.traffic.diary import Entry, Key, TrafficDiary
from turnout.traffic.recorder import TrafficRecorder

SHOP: Key = ("shop", "shop-v001")
WEB: Key = ("web", "web-v000")


def counted(requests: int) -> GroupTraffic:
    return GroupTraffic(requests=requests, latency_ms=((5.0, requests), (math.inf, requests)))


class Host:
    """A machine whose clock only moves when it is told to, and the servers on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steady = 1000.0
        self.source = Source()
        self.recorder = self.start()

    def start(self) -> TrafficRecorder:
        """Another process: it knows what is on disk, and nothing else."""
        diary = TrafficDiary(self.folder, keep=600)
        self.recorder = TrafficRecorder(
            self.source, diary, clock=lambda: self.steady - 900, wall=self.now
        )
        return self.recorder

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.steady, UTC)

    async def count(self, requests: int, *, group: str = "shop-v001", after: float = 1) -> None:
        """So much later the counter stands there, and is sampled."""
        self.steady += after
        self.source.count(group, requests)
        await self.recorder.sample()

    async def window(self, seconds: float, *, group: str = "shop-v001") -> int:
        since = self.now() - timedelta(seconds=seconds)
        return (await self.recorder.observe_window("shop", group, since, self.now())).requests


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "figures")


async def test_a_restart_loses_no_sample(host: Host) -> None:
    await host.count(1000)
    await host.count(1007)
    await host.count(1010)
    host.start()
    await host.count(1015)
    assert await host.window(1.5) == 5 + 3
    assert await host.window(60) == 15


async def test_what_was_served_while_nobody_sampled_is_counted(host: Host) -> None:
    await host.count(0)
    await host.count(10)
    host.start()
    await host.count(300, after=30)
    await host.count(301)
    assert await host.window(40) == 301
    assert await host.window(10) == 1  # most of the time of that sample lies before


async def test_a_group_that_came_while_nobody_sampled_is_counted_from_its_first_request(
    host: Host,
) -> None:
    await host.count(50)
    host.start()
    await host.count(12, group="shop-v002", after=2)
    assert await host.window(60, group="shop-v002") == 12


async def test_a_past_that_was_asked_for_in_time_is_remembered_for_hours(host: Host) -> None:
    await host.count(0)
    await host.count(40)
    switched = host.now()
    await host.count(50, after=5)

    async def before() -> int:
        since = switched - timedelta(seconds=60)
        return (await host.recorder.observe_window("shop", "shop-v001", since, switched)).requests

    assert await before() == 40
    for _ in range(1000):
        await host.count(50, after=6)
        assert await host.window(6) == 0
        assert await before() == 40
    assert await host.window(6000) == 0


async def test_a_router_that_was_started_again_meanwhile_counts_from_nothing(host: Host) -> None:
    await host.count(50)
    host.start()
    host.source.run = "second"
    await host.count(70, after=2)
    assert await host.window(60) == 70


async def test_what_was_counted_before_the_first_look_ever_is_in_no_window(host: Host) -> None:
    await host.count(5000)
    host.start()
    await host.count(5001)
    assert await host.window(600) == 1


async def test_a_folder_that_cannot_be_written_stops_no_sampling(tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("a file where a folder should be")
    host = Host(tmp_path / "figures")
    await host.count(1)
    await host.count(3)
    assert await host.window(60) == 2


def test_a_line_that_a_crash_cut_short_is_left_out(tmp_path: Path) -> None:
    diary = TrafficDiary(tmp_path, keep=600)
    diary.write(Entry(1.0, "run", {SHOP: counted(3)}))
    diary.write(Entry(2.0, "run", {SHOP: counted(4)}))
    file = tmp_path / "traffic.jsonl"
    file.write_text(file.read_text()[:-9])
    assert [entry.at for entry in TrafficDiary(tmp_path, keep=600).read()] == [1.0]


def test_only_what_has_moved_is_written_again(tmp_path: Path) -> None:
    diary = TrafficDiary(tmp_path, keep=600)
    diary.write(Entry(1.0, "run", {SHOP: counted(3), WEB: counted(5)}))
    diary.write(Entry(2.0, "run", {SHOP: counted(4), WEB: counted(5)}))
    diary.write(Entry(3.0, "run", {SHOP: counted(4), WEB: counted(5)}))
    assert [dict(entry.seen) for entry in diary.read()] == [
        {SHOP: counted(3), WEB: counted(5)},
        {SHOP: counted(4)},
        {},
    ]


def test_the_same_figures_of_another_run_are_written_again(tmp_path: Path) -> None:
    diary = TrafficDiary(tmp_path, keep=600)
    diary.write(Entry(1.0, "run", {SHOP: counted(3)}))
    diary.write(Entry(2.0, "another", {SHOP: counted(3)}))
    assert [dict(entry.seen) for entry in diary.read()] == [{SHOP: counted(3)}] * 2


def test_lines_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    (tmp_path / "traffic.jsonl").write_text(
        '[1.0,"run",[["shop","shop-v001",3,1,0,2,[[5.0,3],[Infinity,3]]]]]\n'
    )
    (entry,) = TrafficDiary(tmp_path, keep=600).read()
    assert entry.seen == {SHOP: counted(3).model_copy(update={"failed": 1, "active": 2})}


def test_every_figure_is_written(tmp_path: Path) -> None:
    traffic = GroupTraffic(
        requests=9,
        failed=1,
        client_errors=2,
        timeouts=3,
        resets=4,
        active=5,
        latency_ms=((1.0, 9),),
    )
    diary = TrafficDiary(tmp_path, keep=600)
    diary.write(Entry(1.0, "run", {SHOP: traffic}))
    assert [dict(entry.seen) for entry in diary.read()] == [{SHOP: traffic}]


def test_the_files_do_not_grow_for_ever(tmp_path: Path) -> None:
    diary = TrafficDiary(tmp_path, keep=10)
    for second in range(100):
        diary.write(Entry(float(second), "run", {SHOP: counted(second), WEB: counted(5)}))
    entries = list(diary.read())
    assert [entry.at for entry in entries] == [float(second) for second in range(80, 100)]
    assert all(WEB in entry.seen for entry in entries if entry.at in {80.0, 90.0})


def test_a_clock_that_is_set_back_begins_a_new_file(tmp_path: Path) -> None:
    diary = TrafficDiary(tmp_path, keep=10)
    diary.write(Entry(1000.0, "run", {SHOP: counted(1)}))
    diary.write(Entry(5.0, "run", {SHOP: counted(2)}))
    assert (tmp_path / "traffic.1.jsonl").exists()
