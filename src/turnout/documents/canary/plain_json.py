"""JSON text as other programs write it. It is read by itself, and not as the YAML that it nearly
is: YAML knows no surrogate pairs, and our reader of it keeps long numbers as texts."""

from __future__ import annotations

import json
import math
import re

from pydantic import JsonValue

from turnout.documents.tree import MAX_BYTES, MAX_DEPTH

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_DIGITS = 18
"""Of a whole number: what 64 bits hold in any case."""


def parse_json(text: str) -> JsonValue | None:
    """The mapping that this text is in JSON; None when it is anything else.

    Also None for what would be trouble later: half characters, numbers beyond all measure, and
    depth.
    """
    if not text.lstrip().startswith("{") or len(text) > MAX_BYTES:
        return None
    try:
        value: JsonValue = json.loads(
            text, parse_int=_whole, parse_float=_finite, parse_constant=_refuse
        )
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # half characters are a ValueError, too
        return None
    return value if _depth(value) <= MAX_DEPTH else None


def without_surrogates(text: str) -> str:
    """JSON of the same form that YAML can read, too: for places only."""
    return _SURROGATE.sub(r"\\ufffd", text)


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"{digits} is beyond all measure")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is beyond all measure")
    return number


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def _depth(value: JsonValue) -> int:
    match value:
        case dict():
            return 1 + max(map(_depth, value.values()), default=0)
        case list():
            return 1 + max(map(_depth, value), default=0)
        case _:
            return 0
