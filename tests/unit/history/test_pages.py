from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.history.pages import Look, Sample, format_page, parse_page

LOOKS = (
    Look(1000.5, 1.0, {"shop-v001": {"requests": 3, "ms5": 3}, "web-v000": {}}),
    Look(1001.5, 1.0, {"shop-v001": {}, "web-v000": {}}),
    Look(1002.625, 1.125, {"shop-v001": {"requests": 2, "ms10": 2}, "shop-v002": {"cpu": None}}),
)


def test_what_is_written_is_read_again() -> None:
    page = parse_page(format_page(LOOKS))
    assert page is not None
    assert list(page.read("shop-v001")) == [
        Sample(1000.5, 1.0, {"requests": 3, "ms5": 3}),
        Sample(1001.5, 1.0, {}),
        Sample(1002.625, 1.125, {"requests": 2, "ms10": 2}),
    ]


def test_a_group_that_was_there_and_idle_is_no_group_that_was_not_there() -> None:
    page = parse_page(format_page(LOOKS))
    assert page is not None
    assert list(page.read("web-v000")) == [Sample(1000.5, 1.0, {}), Sample(1001.5, 1.0, {})]
    assert list(page.read("shop-v003")) == []


def test_what_nobody_knows_is_not_nothing() -> None:
    page = parse_page(format_page(LOOKS))
    assert page is not None
    assert list(page.read("shop-v002")) == [Sample(1002.625, 1.125, {"cpu": None})]


def test_a_page_is_one_line_that_a_person_can_follow() -> None:
    line = format_page(LOOKS)
    assert "\n" not in line
    assert json.loads(line)["ends"] == [1000500, 1000, 1125]
    assert json.loads(line)["took"] == [1000, 1000, 1125]


@given(st.integers(0, 400))
def test_a_line_that_was_cut_short_is_no_page(kept: int) -> None:
    line = format_page(LOOKS)
    assert parse_page(line[: min(kept, len(line) - 1)]) is None


@pytest.mark.parametrize("line", ["", "[]", "{}", "null", '{"ends":[1],"took":[],"groups":{}}'])
def test_other_lines_are_no_pages(line: str) -> None:
    assert parse_page(line) is None


def test_a_block_that_was_damaged_has_no_samples() -> None:
    line = format_page(LOOKS)
    page = parse_page(line.replace('"shop-v001":"eJ', '"shop-v001":"AA'))
    assert page is not None
    assert list(page.read("shop-v001")) == []
    assert len(list(page.read("web-v000"))) == 2


def test_a_busy_minute_takes_less_than_a_kilobyte_and_an_idle_one_next_to_nothing() -> None:
    chance = random.Random(7)

    def busy() -> dict[str, int]:
        return {"requests": chance.randint(80, 120)} | {
            f"ms{bound}": chance.randint(5, 30) for bound in (5, 10, 25, 50, 100)
        }

    idle = [Look(second, 1, {"shop-v001": {}}) for second in range(60)]
    full = [Look(second, 1, {"shop-v001": busy()}) for second in range(60)]
    assert len(format_page(idle)) < 800
    assert len(format_page(full)) - len(format_page(idle)) < 1000
