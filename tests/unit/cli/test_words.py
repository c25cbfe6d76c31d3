from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cli.documents import NOW, ZONE
from turnout.cli.sse import Message, parse_messages
from turnout.cli.views import words
from turnout.cli.views.signs import ASCII, UNICODE, share_bar, signs_for, split_bar


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (-5, "0 ms"),
        (0, "0 ms"),
        (0.4, "0 ms"),
        (999, "999 ms"),
        (1000, "1.0 s"),
        (4231, "4.2 s"),
        (59_940, "59.9 s"),
        (59_960, "1m"),
        (90_000, "1m30s"),
        (3_725_000, "1h2m"),
        (200_000_000, "2d7h"),
    ],
)
def test_durations_are_as_exact_as_a_person_cares(milliseconds: float, said: str) -> None:
    assert words.took(timedelta(milliseconds=milliseconds)) == said


def test_times_are_local_with_their_zone() -> None:
    assert words.clock_time(NOW, ZONE) == "14:03:07 CET"
    assert words.full_time(NOW, ZONE) == "2025-11-23 14:03:07 CET"
    assert words.full_time(NOW, timezone(timedelta(hours=-3))) == "2025-11-23 10:03:07 UTC-03:00"
    assert words.clock_time(None, ZONE) == words.full_time(None, ZONE) == "-"


def test_a_deadline_of_another_day_has_its_date() -> None:
    late = datetime(2025, 11, 23, 22, 59, tzinfo=UTC)
    assert words.deadline_time(late + timedelta(seconds=30), late, ZONE) == "23:59:30 CET"
    tomorrow = late + timedelta(minutes=2)
    assert words.deadline_time(tomorrow, late, ZONE) == "2025-11-24 00:01:00 CET"


def test_an_age_is_never_negative() -> None:
    """Clocks of two machines differ."""
    assert words.age(NOW + timedelta(seconds=3), NOW) == "0s"


@given(st.text())
def test_clean_text_has_nothing_that_moves_a_cursor(text: str) -> None:
    assert words.clean(text).isprintable()


def test_an_empty_split_is_said_as_such() -> None:
    assert words.shares_words({}) == "nothing"
    assert words.sizes_words({}) == "none"
    assert words.shares_words({"a-v001": 25, "a-v000": 975}, "a") == "v001 2.5 %, v000 97.5 %"


@given(st.integers(0, 1000), st.integers(2, 60))
def test_a_share_above_zero_shows_and_only_the_whole_is_full(share: int, width: int) -> None:
    bar = share_bar(share, width, "green", UNICODE).plain
    assert len(bar) == width
    assert ("█" in bar) == (share > 0)
    assert ("░" in bar) == (share < 1000)


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=5), st.integers(1, 80))
def test_a_split_bar_is_always_whole(shares: list[float], width: int) -> None:
    bar = split_bar([(share, "green") for share in shares], width, UNICODE).plain
    assert bar == ("█" if sum(shares) > 0 else "░") * width


@pytest.mark.parametrize(
    ("encoding", "signs"),
    [("utf-8", UNICODE), ("UTF8", UNICODE), ("utf_8", UNICODE), ("ascii", ASCII), ("", ASCII)],
)
def test_marks_fit_the_encoding(encoding: str, signs: object) -> None:
    assert signs_for(encoding) is signs


def test_messages_are_read_as_the_standard_says() -> None:
    lines = [
        ": welcome",
        "retry: 1000",
        "",
        "id: 4",
        "event: step.ended",
        'data: {"a":',
        "data: 1}",
        "",
        "data:no space",
        "",
        "id: 6",
        "event: without.data",
        "",
        "data: cut off",
    ]
    assert list(parse_messages(lines)) == [
        None,
        Message("4", "step.ended", '{"a":\n1}'),
        Message("4", "message", "no space"),
    ]
