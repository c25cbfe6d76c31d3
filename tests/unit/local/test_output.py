from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.providers.local.output import Output, printable


def append(log: Path, text: str) -> None:
    with log.open("a") as opened:
        opened.write(text)


async def read(output: Output, lines: int) -> list[str]:
    return [line async for line in output.follow(lines, follow=False, is_over=lambda: False)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "output.log"


async def test_the_last_lines_are_read(log: Path) -> None:
    append(log, "".join(f"line {n}\n" for n in range(50_000)))
    output = Output(log, max_bytes=1 << 30)
    assert await read(output, 2) == ["line 49998", "line 49999"]
    assert len(await read(output, 60_000)) == 50_000
    assert await read(output, 0) == []


async def test_a_line_without_an_end_is_read_too(log: Path) -> None:
    append(log, "one\ntwo\nthr")
    assert await read(Output(log, max_bytes=100), 2) == ["two", "thr"]


async def test_a_log_that_does_not_exist_has_no_lines(log: Path) -> None:
    output = Output(log, max_bytes=100)
    assert await read(output, 10) == []
    assert output.last_lines(3) == []


async def test_lines_are_found_behind_a_rotation(log: Path) -> None:
    output = Output(log, max_bytes=30)
    append(log, "one\ntwo\nthree\nfour\nfive\nsix\nseven\n")
    await output.keep_small()
    append(log, "eight\n")
    assert await read(output, 3) == ["six", "seven", "eight"]
    assert await read(Output(log, max_bytes=30), 3) == ["six", "seven", "eight"]
    assert output.last_lines(2) == ["seven", "eight"]


async def test_a_line_is_cut_by_no_rotation(log: Path) -> None:
    output = Output(log, max_bytes=5)
    append(log, "hel")
    lines = output.follow(1, follow=True, is_over=lambda: False)
    pending = asyncio.ensure_future(anext(lines))
    append(log, "lo w")
    await output.keep_small()
    append(log, "orld\nnext\n")
    assert await pending == "hello world"
    assert await anext(lines) == "next"


async def test_following_goes_on_through_rotations(log: Path) -> None:
    output = Output(log, max_bytes=50)
    is_over = False
    lines = output.follow(0, follow=True, is_over=lambda: is_over)
    pending = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    for number in range(5):
        wanted = [f"line {number}{n}" for n in range(10)]
        append(log, "\n".join(wanted[:5]) + "\n")
        await output.keep_small()
        append(log, "\n".join(wanted[5:]) + "\n")
        for line in wanted:
            assert await asyncio.wait_for(pending, 60) == line
            pending = asyncio.ensure_future(anext(lines))
    is_over = True
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(pending, 60)


async def test_what_is_lost_by_fast_writing_does_not_stop_following(log: Path) -> None:
    output = Output(log, max_bytes=100)
    append(log, "first\n")
    lines = output.follow(1, follow=True, is_over=lambda: False)
    assert await anext(lines) == "first"
    append(log, "".join(f"line {n}\n" for n in range(1000)))
    await output.keep_small()
    append(log, "last\n")
    async for line in lines:
        if line == "last":
            break


async def test_a_growing_log_is_read_only_to_where_it_ended(log: Path) -> None:
    append(log, "one\ntwo\n")
    seen = []
    async for line in Output(log, max_bytes=1000).follow(9, follow=False, is_over=lambda: False):
        seen.append(line)
        append(log, "more\n")
    assert seen == ["one", "two"]


def test_the_last_lines_for_a_sentence_are_short_and_printable(log: Path) -> None:
    append(log, "\x1b[31mred\x1b[0m\n\n  a \t b\x00\n" + "x" * 1000 + "\n\n")
    lines = Output(log, max_bytes=10_000).last_lines(3)
    assert lines == ["red", "a b", "x" * 200 + "…"]


def test_lines_from_before_are_left_out(log: Path) -> None:
    append(log, "old\n")
    output = Output(log, max_bytes=1000)
    start = output.end
    append(log, "new\n")
    assert output.last_lines(3, since=start) == ["new"]


@given(st.text())
def test_printable_text_has_no_control_characters(text: str) -> None:
    assert printable(text).isprintable()
