"""Figures of a comparison in words, for people who know no statistics. Pure."""

from __future__ import annotations

import math

_BILLION = 1e9
_BINARY = (("GB", 2**30), ("MB", 2**20), ("kB", 2**10))


def finite(value: float | None) -> float | None:
    """What JSON can hold: None for what is not known or not bounded."""
    return value if value is not None and math.isfinite(value) else None


def tell_change(ratio: float | None) -> str:
    """A ratio as a change: `7 % more`, `2.4 times as much`, `the same`."""
    if ratio is None or math.isnan(ratio):
        return "not known"
    if math.isinf(ratio):
        return "only in the canary"
    if 0.9995 < ratio < 1.0005:
        return "the same"
    if ratio >= 2:
        return f"{ratio:.3g} times as much" if ratio < 1000 else "over 1000 times as much"
    return f"{tell_percent(abs(ratio - 1))} {'more' if ratio > 1 else 'less'}"


def tell_likely(low: float | None, high: float | None) -> str:
    """The bounds of a ratio: `between 3 % less and 12 % more`."""
    if low is None and high is None:
        return "anything: too little seen yet"
    if low is None:
        return f"at {'least' if high is not None and high < 1 else 'most'} {tell_change(high)}"
    if high is None:
        return f"at most {tell_change(low)}, or more" if low < 1 else f"at least {tell_change(low)}"
    return f"between {tell_change(low)} and {tell_change(high)}"


def tell_chance(e_value: float | None) -> str:
    """What chance alone would show once in so many canaries: `1 in 40`."""
    if e_value is None:
        return ""
    if e_value < 2:
        return "nothing unusual"
    if e_value >= _BILLION:
        return "less than 1 in a billion"
    return f"1 in {_round_down(e_value):,}"


def tell_percent(part: float) -> str:
    """With as many digits as matter: `0.25 %`, `4.1 %`, `12 %`."""
    if not part:
        return "0 %"
    digits = 3 if part < 0.00095 else 2 if part < 0.0095 else 1 if part < 0.0995 else 0
    return f"{100 * part:,.{digits}f} %"


def tell_amount(value: float | None, unit: str) -> str:
    """A level or a rate with its unit."""
    if value is None:
        return "no figure"
    if unit == "%":
        return tell_percent(value / 100)
    if unit == "bytes":
        return _bytes(value)
    if unit == "millicores":
        return f"{value / 1000:.3g} cores"
    return f"{tell_number(value)}{f' {unit}' if unit else ''}"


def tell_seconds(seconds: float) -> str:
    """`40 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def tell_ratio(ratio: float) -> str:
    """Short, for the axis of a picture: `+10 %`, `same`, `2x`."""
    if abs(ratio - 1) < 1e-9:
        return "same"
    if ratio >= 2:
        return f"{ratio:g}x"
    return f"{100 * (ratio - 1):+.3g} %"


def name_of(name: str) -> str:
    """A metric's name at the beginning of a sentence."""
    return name[:1].upper() + name[1:]


def _round_down(value: float) -> int:
    value *= 1 + 1e-9  # a limit of 300 may be a hair below it
    unit: int = 10 ** max(int(math.log10(value)) - 1, 0)
    return int(value / unit) * unit


def tell_number(value: float) -> str:
    """With as many digits as matter, and without powers of ten where that is short."""
    if abs(value) >= _BILLION:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _bytes(value: float) -> str:
    for name, size in _BINARY:
        if abs(value) >= size:
            return f"{value / size:.3g} {name}"
    return f"{value:.0f} B"
