"""Ids of deployments and of analyses: short, safe in a path and a file name, in order of time."""

from __future__ import annotations

import secrets
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: nothing that can be misread."""


def new_deployment_id(now: datetime) -> str:
    """`d-` with ten characters of time in milliseconds and six of chance."""
    time = int(now.timestamp() * 1000)
    return f"d-{_encode(time, 10)}{_encode(secrets.randbits(30), 6)}"


def new_comparison_id(now: datetime) -> str:
    """The same for an analysis that a person asks for, with `r-`."""
    return f"r{new_deployment_id(now)[1:]}"


def _encode(number: int, length: int) -> str:
    text = ""
    for _ in range(length):
        number, rest = divmod(number, 32)
        text = _ALPHABET[rest] + text
    return text
