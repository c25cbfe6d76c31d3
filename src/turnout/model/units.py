"""Durations and shares as people write them, in files, in plans and on the screen."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))
_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,6})?"
_ONE_PART = re.compile(rf"({_NUMBER})(d|h|m|s|ms)")
_PARTS = re.compile(
    r"(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?(?:([0-9]{1,9})ms)?"
)
_SHARE = re.compile(rf"({_NUMBER}) ?([%‰]?)")

LONGEST = timedelta(days=3650)
"""No duration in a file is longer."""


def format_duration(duration: timedelta) -> str:
    """The two largest parts: `1h30m`, `2.1s`, `250ms`; `0s` for nothing."""
    if duration < timedelta(0):
        return f"-{format_duration(-duration)}"
    if timedelta(seconds=1) <= duration < timedelta(minutes=1):
        return f"{duration // timedelta(milliseconds=100) / 10:g}s"
    left = round(duration / timedelta(milliseconds=1))
    parts = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"


def format_share(per_mille: int) -> str:
    """A share in per mille as per cent: 250 is `25 %`, 25 is `2.5 %`."""
    return f"{per_mille / 10:g} %"


def parse_duration(text: str) -> timedelta:
    """Read `500ms`, `10s`, `1.5s`, `1h30m`, `2d`, or a plain `0`. Raises `ValueError` that says
    what is wrong.

    Parts stand in order, largest first, each at most once; only a single part may have decimals.
    """
    written = text.strip()
    if written == "0":
        return timedelta(0)
    if single := _ONE_PART.fullmatch(written):
        duration = _exact(Decimal(single[1]) * dict(_UNITS)[single[2]], text)
    elif written and (parts := _PARTS.fullmatch(written)):
        whole = zip(_UNITS, parts.groups(), strict=True)
        duration = _exact(Decimal(sum(size * int(n) for (_, size), n in whole if n)), text)
    else:
        raise ValueError(f"{text!r} is not a duration: write 500ms, 10s, 5m, 1h30m or 2d")
    return duration


def _exact(milliseconds: Decimal, text: str) -> timedelta:
    microseconds = milliseconds * 1000
    if microseconds != int(microseconds):
        raise ValueError(f"{text!r} is finer than a microsecond")
    if microseconds > LONGEST / timedelta(microseconds=1):
        raise ValueError(f"{text!r} is longer than {LONGEST.days} days")
    return timedelta(microseconds=int(microseconds))


def parse_share(text: str) -> int:
    """Read `10%`, `2.5%`, `25‰`, or a plain number of per cent, into whole per mille.

    A plain number between 0 and 1 is refused: 0.5 might mean half. Raises `ValueError` that says
    what is wrong.
    """
    found = _SHARE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a share: write 10%, 2.5% or 25‰")
    number, unit = Decimal(found[1]), found[2]
    if not unit and 0 < number < 1:
        raise ValueError(f"{text!r} is unclear: write {text.strip()}% or {number * 100:f}%")
    per_mille = number if unit == "‰" else number * 10
    if per_mille != int(per_mille):
        raise ValueError(f"{text!r} is finer than a per mille (0.1%)")
    if per_mille > 1000:
        raise ValueError(f"{text!r} is more than the whole")
    return int(per_mille)
