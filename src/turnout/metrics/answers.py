"""Looking into a store's answer: a value where it is expected, or an error that tells what came."""

from __future__ import annotations

import math
from typing import Any

from turnout.metrics.grid import Sample
from turnout.model.errors import Temporary

_HINT = "Is the account's url that of the API?"


def pick(answer: Any, *path: str, kind: type, who: str) -> Any:  # JSON of any form
    """What stands below these keys. Raises `Temporary` when it is not there, or of another kind:
    half an answer, or one of something in between.
    """
    found = answer
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, kind):
        place = ".".join(path) or "the answer"
        raise Temporary(
            f"{who}: {place} should be a {kind.__name__}, not {_told(found)}", hint=_HINT
        )
    return found


def parse_samples(pairs: list[Any], *, ms: int, who: str) -> tuple[Sample, ...]:
    """Samples from pairs of time and value; `ms` = milliseconds in the unit of the times. Raises
    `Temporary` for what is no such pair.
    """
    try:
        return tuple((round(time * ms), parse_value(value)) for time, value in pairs)
    except (TypeError, ValueError, OverflowError) as error:
        raise Temporary(f"{who}: {_told(pairs)} are no times with values", hint=_HINT) from error


def parse_value(value: Any) -> float | None:
    """A sample's value: a number, or a text for what JSON cannot tell; None = there is none."""
    if value is None or value is True or value is False:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number


def _told(found: Any) -> str:
    text = repr(found)
    return text if len(text) <= 80 else f"{text[:77]}…"
