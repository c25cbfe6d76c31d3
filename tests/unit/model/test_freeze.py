from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter, ValidationError

from turnout.model.freeze import DatedFreeze, Day, Freeze, WeeklyFreeze, open_freeze

FREEZE: TypeAdapter[WeeklyFreeze | DatedFreeze] = TypeAdapter(Freeze)

NIGHT = {"days": ["fri"], "from": "18:00", "to": "08:00", "timezone": "Europe/Madrid"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def read(**written: object) -> WeeklyFreeze | DatedFreeze:
    return FREEZE.validate_python(written)


def is_open(freeze: WeeklyFreeze | DatedFreeze, now: str, cluster: str = "shop-web") -> bool:
    return bool(
        open_freeze([freeze], cluster=cluster, application="shop", target="local", now=utc(now))
    )


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20T16:59:59", False),
        ("2026-11-20T17:00:00", True),  # Friday 18:00 in Madrid
        ("2026-11-20T23:30:00", True),
        ("2026-11-21T06:59:59", True),
        ("2026-11-21T07:00:00", False),  # Saturday 08:00 in Madrid
        ("2026-11-21T18:00:00", False),  # Saturday evening is not on the list
        ("2026-11-20T02:00:00", False),  # Thursday night neither
    ],
)
def test_a_weekly_window_reaches_over_midnight_in_its_own_time_zone(
    now: str, expected: bool
) -> None:
    assert is_open(read(**NIGHT), now) is expected


def test_a_weekly_window_within_one_day_does_not_reach_into_the_next() -> None:
    noon = read(days=["mon"], **{"from": "12:00", "to": "13:00"})
    assert is_open(noon, "2026-11-23T12:30:00")
    assert not is_open(noon, "2026-11-24T00:30:00")
    assert not is_open(noon, "2026-11-24T12:30:00")


def test_a_window_from_a_time_to_the_same_time_lasts_a_day() -> None:
    day = read(days=["sun"], **{"from": "00:00", "to": "00:00"})
    assert is_open(day, "2026-11-22T00:00:00")
    assert is_open(day, "2026-11-22T23:59:59")
    assert not is_open(day, "2026-11-23T00:00:00")


def test_a_window_from_a_skipped_time_begins_when_the_clocks_change() -> None:
    """On 2026-03-29 the clocks in Madrid go from 02:00 to 03:00, at 01:00 UTC."""
    spring = read(days=["sun"], timezone="Europe/Madrid", **{"from": "02:30", "to": "06:00"})
    assert not is_open(spring, "2026-03-29T00:59:59")
    assert is_open(spring, "2026-03-29T01:00:00")
    assert is_open(spring, "2026-03-29T03:59:59")
    assert not is_open(spring, "2026-03-29T04:00:00")


def test_a_window_to_a_skipped_time_ends_when_the_clocks_change() -> None:
    spring = read(days=["sat"], timezone="Europe/Madrid", **{"from": "22:00", "to": "02:30"})
    assert is_open(spring, "2026-03-29T00:59:59")
    assert not is_open(spring, "2026-03-29T01:00:00")


def test_of_a_time_that_comes_twice_a_window_has_both() -> None:
    """On 2026-10-25 02:00 to 03:00 comes twice in Madrid: from 00:00 UTC, and from 01:00 UTC."""
    begins = read(days=["sun"], timezone="Europe/Madrid", **{"from": "02:30", "to": "05:00"})
    assert not is_open(begins, "2026-10-25T00:29:59")
    assert is_open(begins, "2026-10-25T00:30:00")
    assert is_open(begins, "2026-10-25T01:10:00")  # 02:10 again: it stays closed once begun
    ends = read(days=["sat"], timezone="Europe/Madrid", **{"from": "22:00", "to": "02:30"})
    assert is_open(ends, "2026-10-25T01:29:59")
    assert not is_open(ends, "2026-10-25T01:30:00")


def test_a_night_in_which_clocks_change_keeps_the_written_times() -> None:
    night = read(days=["sat"], timezone="Europe/Madrid", **{"from": "18:00", "to": "08:00"})
    assert is_open(night, "2026-03-29T05:59:59")
    assert not is_open(night, "2026-03-29T06:00:00")  # 08:00 in summer: 13 hours long
    assert is_open(night, "2026-10-25T06:59:59")
    assert not is_open(night, "2026-10-25T07:00:00")  # 08:00 in winter: 15 hours long


def test_a_dated_window_is_open_once() -> None:
    holidays = read(
        timezone="Europe/Madrid", **{"from": "2026-12-20T00:00", "to": "2027-01-02T00:00"}
    )
    assert not is_open(holidays, "2026-12-19T22:59:59")
    assert is_open(holidays, "2026-12-19T23:00:00")
    assert not is_open(holidays, "2027-01-01T23:00:00")
    assert not is_open(holidays, "2027-12-25T12:00:00")


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ({"clusters": "shop*"}, True),
        ({"clusters": "shop"}, False),
        ({"applications": "shop"}, True),
        ({"applications": "bank"}, False),
        ({"targets": "local"}, True),
        ({"targets": "eu-*"}, False),
        ({"clusters": "shop*", "applications": "bank"}, False),
    ],
)
def test_a_window_concerns_what_fits_all_its_patterns(
    patterns: dict[str, str], expected: bool
) -> None:
    assert is_open(read(**NIGHT, **patterns), "2026-11-20T20:00:00") is expected


def test_the_sentence_names_the_reason_and_the_local_end_of_the_longest_window() -> None:
    short = read(**NIGHT, reason="nobody is here")
    long = read(reason="sale", **{"from": "2026-11-20T00:00", "to": "2026-11-28T00:00"})
    said = open_freeze(
        [short, long],
        cluster="shop",
        application="shop",
        target="local",
        now=utc("2026-11-20T20:00:00"),
    )
    assert said == "sale (until Sat 2026-11-28 00:00 UTC)"
    only = open_freeze(
        [short], cluster="shop", application="shop", target="local", now=utc("2026-11-20T20:00:00")
    )
    assert only == "nobody is here (until Sat 2026-11-21 08:00 Europe/Madrid)"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({**NIGHT, "timezone": "Europe/Madird"}, "is not a time zone"),
        ({**NIGHT, "timezone": "../etc/passwd"}, "is not a time zone"),
        ({**NIGHT, "days": []}, "at least one day"),
        ({**NIGHT, "days": ["friday"]}, "'fri'"),
        ({**NIGHT, "cluster": "shop"}, "Extra inputs"),
        ({**NIGHT, "from": "18:00+01:00"}, "without an offset"),
        ({"from": "2026-12-20T00:00Z", "to": "2026-12-21T00:00"}, "without an offset"),
        ({"from": "2026-12-20T00:00", "to": "2026-12-20T00:00"}, "before it begins"),
        ({"from": "2026-12-20T00:00"}, "required"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(written: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        FREEZE.validate_python(written)


def test_windows_agree_with_the_wall_clock_through_a_whole_year() -> None:
    """Open means: the clock on the wall is between the two times."""
    freeze = WeeklyFreeze.model_validate(
        {"days": list(Day), "from": "09:00", "to": "17:00", "timezone": "America/New_York"}
    )
    now = utc("2026-01-01T00:00:00")
    for _ in range(365 * 24):
        wall = now.astimezone(ZoneInfo("America/New_York")).time()
        expected = time(9) <= wall < time(17)
        assert (
            bool(open_freeze([freeze], cluster="a", application="a", target="local", now=now))
            is expected
        )
        now += timedelta(hours=1)
