from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from turnout.history import History, Look, Sample

SHOP = "shop-v001"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def look(second: float, requests: int = 1, *, took: float = 1) -> Look:
    return Look(at(second).timestamp(), took, {SHOP: {"requests": requests}})


async def fill(history: History, begin: int, end: int, requests: int = 1) -> None:
    """Looks that end at `begin` + 1 ... `end`."""
    for second in range(begin, end):
        await history.note(look(second + 1, requests))


async def read(history: History, begin: float, end: float, group: str = SHOP) -> list[Sample]:
    found: list[Sample] = []
    await history.read(group, at(begin), at(end), found.append)
    return found


async def total(history: History, begin: float = -1e6, end: float = 1e6) -> float:
    return sum(sample.values.get("requests") or 0 for sample in await read(history, begin, end))


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_what_was_noted_can_be_read_at_once_and_by_others_after_a_minute(
    tmp_path: Path,
) -> None:
    history = History(tmp_path, hours=10)
    await fill(history, 0, 90)
    assert await total(history) == 90
    other = History(tmp_path, hours=10)
    assert await total(other) == 59  # those that ended in the first minute
    assert history.complete_until() == at(90)
    assert other.complete_until() is None


async def test_what_is_left_is_written_at_the_end(tmp_path: Path) -> None:
    history = History(tmp_path, hours=10)
    await fill(history, 0, 90)
    await history.flush()
    await history.flush()
    assert await total(History(tmp_path, hours=10)) == 90
    assert await total(history) == 90


async def test_there_is_a_file_an_hour_and_only_those_of_the_window_are_read(
    tmp_path: Path,
) -> None:
    history = History(tmp_path, hours=10)
    for hour in range(3):
        await fill(history, hour * 3600, hour * 3600 + 30)
    await history.flush()
    names = ["2026-03-01T12.jsonl", "2026-03-01T13.jsonl", "2026-03-01T14.jsonl"]
    assert files(tmp_path) == names
    (tmp_path / names[0]).unlink()
    (tmp_path / names[0]).mkdir()  # reading it would fail
    assert len(await read(history, 3600, 7100)) == 30


async def test_other_groups_do_not_disturb(tmp_path: Path) -> None:
    history = History(tmp_path, hours=10)
    await history.note(Look(at(1).timestamp(), 1, {SHOP: {"requests": 5}, "web-v000": {}}))
    assert [s.values for s in await read(history, 0, 10, "web-v000")] == [{}]
    assert await read(history, 0, 10, "shop-v002") == []


async def test_so_many_files_are_kept_and_no_more(tmp_path: Path) -> None:
    history = History(tmp_path, hours=3)
    for hour in range(6):
        await fill(history, hour * 3600, hour * 3600 + 3)
    await history.flush()
    assert files(tmp_path) == [f"2026-03-01T{hour}.jsonl" for hour in (15, 16, 17)]


async def test_a_clock_that_is_wrong_for_a_moment_makes_nothing_old(tmp_path: Path) -> None:
    history = History(tmp_path, hours=3)
    await fill(history, 0, 3)
    await history.note(look(10 * 365 * 86400))
    await fill(history, 5, 8)
    await history.flush()
    assert len(files(tmp_path)) == 2
    assert await total(history, 0, 3600) == 6


async def test_the_disk_is_not_filled(tmp_path: Path) -> None:
    history = History(tmp_path, hours=1000, largest=2000)
    for hour in range(20):
        await fill(history, hour * 3600, hour * 3600 + 30)
    await history.flush()
    largest = max(file.stat().st_size for file in tmp_path.iterdir())
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 2000 + largest
    assert await total(history, 19 * 3600, 20 * 3600) == 30


@pytest.mark.parametrize("lost", [1, 40, 100])
async def test_a_line_that_a_crash_cut_short_costs_itself_only(tmp_path: Path, lost: int) -> None:
    history = History(tmp_path, hours=10)
    await fill(history, -1, 119)
    await history.flush()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-lost])
    after = History(tmp_path, hours=10)
    await fill(after, 119, 179)
    await after.flush()
    assert await total(History(tmp_path, hours=10)) == 60 + 60


async def test_a_folder_that_cannot_be_written_loses_nothing_for_a_while(tmp_path: Path) -> None:
    folder = tmp_path / "figures"
    folder.write_text("a file where a folder should be")
    history = History(folder, hours=10)
    await fill(history, 0, 600)
    assert await total(history) == 600
    folder.unlink()
    await history.flush()
    assert await total(History(folder, hours=10)) == 600


async def test_a_disk_that_stays_full_costs_no_memory_without_end(tmp_path: Path) -> None:
    folder = tmp_path / "figures"
    folder.write_text("a file where a folder should be")
    history = History(folder, hours=10)
    await fill(history, 0, 2 * 3600)
    assert 3600 <= await total(history) <= 3660


async def test_a_disk_that_is_full_in_the_middle_of_a_line_leaves_no_half_of_it(
    tmp_path: Path,
) -> None:
    history = History(tmp_path, hours=10)
    await fill(history, -1, 59)
    await history.flush()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes() + b'\n{"ends":[17723')
    await fill(history, 59, 119)
    await history.flush()
    assert await total(History(tmp_path, hours=10)) == 120


async def test_of_a_time_that_came_twice_the_last_one_counts(tmp_path: Path) -> None:
    history = History(tmp_path, hours=10)
    await fill(history, 0, 100, requests=1)
    await fill(history, 50, 200, requests=7)  # the clock was set back by 50 s
    assert await total(history) == 50 * 1 + 150 * 7
    await history.flush()
    assert await total(History(tmp_path, hours=10)) == 50 * 1 + 150 * 7


async def test_times_that_are_on_disk_are_known(tmp_path: Path) -> None:
    history = History(tmp_path, hours=10)
    await fill(history, 0, 3)
    assert await history.known([at(1).timestamp()]) == frozenset()
    await history.flush()
    assert await history.known([at(1).timestamp()]) == {
        round(at(second).timestamp() * 1000) for second in (1, 2, 3)
    }
    assert await history.known([at(7200).timestamp()]) == frozenset()


async def test_a_history_of_nothing_is_empty(tmp_path: Path) -> None:
    history = History(tmp_path / "none", hours=10)
    await history.flush()
    assert await read(history, 0, 10) == []
