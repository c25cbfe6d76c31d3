"""Words that people write into documents, and what they probably meant; lists that they read."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

MOST_TOLD = 3
"""What a sentence names of a list: nobody reads two hundred."""


def nearest(word: str, names: Collection[str]) -> str:
    """The name that was probably meant; empty when none comes near."""
    if len(word) > 64:
        return ""
    plain = {_plain(name): name for name in names}
    close = difflib.get_close_matches(_plain(word), plain, n=1)
    return plain[close[0]] if close else ""


def shorten(told: Sequence[str]) -> list[str]:
    """The first ones, and how many more there are."""
    more = len(told) - MOST_TOLD
    return [*told] if more <= 0 else [*told[:MOST_TOLD], f"and {more} more"]


def enumerate_names(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b, c and 197 more`."""
    if len(names) > MOST_TOLD:
        return f"{', '.join(names[:MOST_TOLD])} and {len(names) - MOST_TOLD} more"
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _plain(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")
