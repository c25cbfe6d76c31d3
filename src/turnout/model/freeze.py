"""Freeze windows: times at which a cluster must not be deployed, as the people on call see them.

A window is written in local time and so follows the clocks of its place: across midnight, and
across the nights in which clocks change. A time that such a night skips is taken as the moment of
the change; of a time that it has twice, a window begins with the first and ends with the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from turnout.model.value import Value


class Day(StrEnum):
    """Days of the week, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


_DAYS = tuple(Day)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (LookupError, OSError, ValueError) as unknown:
        raise ValueError(
            f"{name!r} is not a time zone: write one like Europe/Madrid or UTC"
        ) from unknown
    return name


def _no_zone(moment: datetime) -> datetime:
    if moment.tzinfo is not None:
        raise ValueError("write it without an offset: it is in the window's own time zone")
    return moment


class WeeklyFreeze(Value):
    """Every week from one time to another, into the next day when `to` is not after `from`.

    `days` are those on which the window begins.
    """

    model_config = ConfigDict(populate_by_name=True)

    days: tuple[Day, ...]
    begin: time = Field(alias="from")
    end: time = Field(alias="to")
    timezone: str = "UTC"
    clusters: str = "*"
    """Which clusters, by name; `*` and `?` as in file names. All three patterns must fit."""
    applications: str = "*"
    targets: str = "*"
    reason: str = ""

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        return _known_zone(name)

    @field_validator("days")
    @classmethod
    def _some_day(cls, days: tuple[Day, ...]) -> tuple[Day, ...]:
        if not days:
            raise ValueError("name at least one day")
        return days

    @field_validator("begin", "end")
    @classmethod
    def _local(cls, moment: time) -> time:
        if moment.tzinfo is not None:
            raise ValueError("write it without an offset: it is in the window's own time zone")
        return moment

    def windows(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The windows, in UTC, that may be open now."""
        zone = ZoneInfo(self.timezone)
        today = now.astimezone(zone).date()
        for date in (today - timedelta(days=1), today):
            if _DAYS[date.weekday()] in self.days:
                last = date if self.end > self.begin else date + timedelta(days=1)
                begin = datetime.combine(date, self.begin)
                yield _begins(begin, zone), _ends(datetime.combine(last, self.end), zone)


class DatedFreeze(Value):
    """Once, from one local date and time to another."""

    model_config = ConfigDict(populate_by_name=True)

    begin: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    timezone: str = "UTC"
    clusters: str = "*"
    applications: str = "*"
    targets: str = "*"
    reason: str = ""

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        return _known_zone(name)

    @field_validator("begin", "end")
    @classmethod
    def _local(cls, moment: datetime) -> datetime:
        return _no_zone(moment)

    @model_validator(mode="after")
    def _order(self) -> DatedFreeze:
        if self.end <= self.begin:
            raise ValueError(f"it ends ({self.end}) before it begins ({self.begin})")
        return self

    def windows(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The one window, in UTC."""
        zone = ZoneInfo(self.timezone)
        yield _begins(self.begin, zone), _ends(self.end, zone)


def _which(value: object) -> str:
    weekly = "days" in value if isinstance(value, dict) else isinstance(value, WeeklyFreeze)
    return "weekly" if weekly else "dated"


Freeze = Annotated[
    Annotated[WeeklyFreeze, Tag("weekly")] | Annotated[DatedFreeze, Tag("dated")],
    Discriminator(_which),
]
"""A window with `days` is weekly, one without is dated."""


def open_freeze(
    freezes: Sequence[WeeklyFreeze | DatedFreeze],
    *,
    cluster: str,
    application: str,
    target: str,
    now: datetime,
) -> str:
    """The window that is open now for this cluster, in words; of several the one that ends last.

    Empty = none.
    """
    found = [
        (end, freeze)
        for freeze in freezes
        if _concerns(freeze, cluster, application, target)
        for begin, end in freeze.windows(now)
        if begin <= now < end
    ]
    if not found:
        return ""
    end, freeze = max(found, key=lambda one: one[0])
    local = end.astimezone(ZoneInfo(freeze.timezone))
    until = f"until {local:%a %Y-%m-%d %H:%M} {freeze.timezone}"
    return f"{freeze.reason} ({until})" if freeze.reason else until


def _concerns(
    freeze: WeeklyFreeze | DatedFreeze, cluster: str, application: str, target: str
) -> bool:
    return (
        fnmatchcase(cluster, freeze.clusters)
        and fnmatchcase(application, freeze.applications)
        and fnmatchcase(target, freeze.targets)
    )


def _begins(local: datetime, zone: tzinfo) -> datetime:
    first, second = _readings(local, zone)
    return first if first <= second else _change(second, first, zone)


def _ends(local: datetime, zone: tzinfo) -> datetime:
    first, second = _readings(local, zone)
    return second if first <= second else _change(second, first, zone)


def _readings(local: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The moment by the offset from before a change of clocks, and by the one from after it.

    They are equal on ordinary days; the first is the later one for a time that is skipped.
    """
    before, after = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return before.astimezone(UTC), after.astimezone(UTC)


def _change(early: datetime, late: datetime, zone: tzinfo) -> datetime:
    """The second, after `early` and not after `late`, at which the clocks change."""
    old = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == old:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
