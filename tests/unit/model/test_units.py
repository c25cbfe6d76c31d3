from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.model.units import (
    LONGEST,
    format_duration,
    format_share,
    parse_duration,
    parse_share,
)

MS = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("500ms", 500),
        ("10s", 10_000),
        ("1.5s", 1_500),
        ("0.5ms", 0.5),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("1h5s", 3_605_000),
        ("1d2h3m4s5ms", 93_784_005),
        ("2d", 172_800_000),
        ("90m", 5_400_000),
        (" 10s ", 10_000),
        ("3650d", LONGEST / MS),
    ],
)
def test_a_duration_is_read(text: str, milliseconds: float) -> None:
    assert parse_duration(text) == milliseconds * MS


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "10", "s", "-1s", "+1s", "1 s", "1S", "1m1h", "1s1s", "1h 30m", "1.5h30m"],
        *[
            "1.s",
            ".5s",
            "1e3s",
            "1,5s",
            "10 seconds",
            "10sec",
            "1w",
            "1y",
            "00",
            "\uff11s",
            "1_000s",
        ],
        *["0.0001ms", "3651d", "9999999999d", "99999999999999s"],
    ],
)
def test_what_is_no_duration_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration|is finer|is longer"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (250 * MS, "250ms"),
        (timedelta(seconds=10), "10s"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=2), "2d"),
        (timedelta(days=1, hours=2, minutes=3), "1d2h"),
        (timedelta(microseconds=1600), "2ms"),
        (timedelta(seconds=1, milliseconds=5), "1s"),
        (timedelta(seconds=2, milliseconds=76), "2s"),
        (timedelta(seconds=59, milliseconds=990), "59.9s"),
        (-timedelta(seconds=90), "-1m30s"),
    ],
)
def test_a_duration_is_written_in_its_two_largest_parts(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@given(st.integers(0, 10**11))
def test_what_is_written_is_read_back_to_its_two_largest_parts(milliseconds: int) -> None:
    duration = milliseconds * MS
    text = format_duration(duration)
    if parse_duration(text) != duration:
        assert parse_duration(text) < duration
        assert duration - parse_duration(text) < timedelta(hours=1)
    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("10%", 100),
        ("2.5%", 25),
        ("25‰", 25),
        ("1000‰", 1000),
        ("100 %", 1000),
        ("10", 100),
        ("2.5", 25),
        ("0", 0),
        ("0.5%", 5),
        ("0.1%", 1),
        ("1", 10),
    ],
)
def test_a_share_is_read_in_per_mille(text: str, share: int) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a share"),
        ("ten", "is not a share"),
        ("-1%", "is not a share"),
        ("10%%", "is not a share"),
        ("10 percent", "is not a share"),
        ("0.25%", "finer than a per mille"),
        ("0.5‰", "finer than a per mille"),
        ("100.1%", "more than the whole"),
        ("1001‰", "more than the whole"),
        ("0.5", "is unclear: write 0.5% or 50.0%"),
    ],
)
def test_what_is_no_share_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_share(text)


@pytest.mark.parametrize(
    ("share", "text"), [(250, "25 %"), (25, "2.5 %"), (1, "0.1 %"), (1000, "100 %"), (0, "0 %")]
)
def test_a_share_is_written_as_per_cent(share: int, text: str) -> None:
    assert format_share(share) == text


@given(st.integers(0, 1000))
def test_every_share_that_is_written_is_read_back(share: int) -> None:
    assert parse_share(format_share(share)) == share
