from __future__ import annotations

import math

import pytest

from turnout.canary.telling import (
    tell_amount,
    tell_chance,
    tell_change,
    tell_likely,
    tell_ratio,
    tell_seconds,
)


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (1.0, "the same"),
        (1.07, "7.0 % more"),
        (0.5, "50 % less"),
        (2.4, "2.4 times as much"),
        (5000.0, "over 1000 times as much"),
        (math.inf, "only in the canary"),
        (math.nan, "not known"),
        (None, "not known"),
    ],
)
def test_a_ratio_is_told_as_a_change(ratio: float | None, said: str) -> None:
    assert tell_change(ratio) == said


@pytest.mark.parametrize(
    ("e_value", "said"),
    [
        (0.3, "nothing unusual"),
        (19.9, "1 in 19"),
        (299.99999999999994, "1 in 300"),
        (1234.0, "1 in 1,200"),
        (1e12, "less than 1 in a billion"),
        (None, ""),
    ],
)
def test_evidence_is_told_as_what_chance_would_do_and_never_as_more(
    e_value: float | None, said: str
) -> None:
    assert tell_chance(e_value) == said


def test_bounds_that_are_open_are_told_as_such() -> None:
    assert tell_likely(None, None) == "anything: too little seen yet"
    assert tell_likely(None, 1.5) == "at most 50 % more"
    assert tell_likely(None, 1.0) == "at most the same"
    assert tell_likely(None, 0.8) == "at least 20 % less"
    assert tell_likely(1.1, None) == "at least 10 % more"
    assert tell_likely(0.35, None) == "at most 65 % less, or more"
    assert tell_likely(0.9, 1.25) == "between 10 % less and 25 % more"


def test_amounts_have_their_units() -> None:
    said = [
        tell_amount(value, unit)
        for value, unit in ((1.25, "%"), (179e6, "bytes"), (287.0, "millicores"), (0.5, "/s"))
    ]
    assert said == ["1.2 %", "171 MB", "0.287 cores", "0.5 /s"]
    assert tell_amount(None, "%") == "no figure"


def test_times_and_axes_are_short() -> None:
    assert [tell_seconds(s) for s in (40, 720, 12600)] == ["40 s", "12 min", "3.5 h"]
    assert [tell_ratio(r) for r in (1.0, 1.1, 0.8, 3.0)] == ["same", "+10 %", "-20 %", "3x"]
