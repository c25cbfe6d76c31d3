"""Words that people write into documents, and what they probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def nearest(word: str, names: Collection[str]) -> str:
    """The name that was probably meant; empty when none comes near."""
    if len(word) > 64:
        return ""
    plain = {_plain(name): name for name in names}
    close = difflib.get_close_matches(_plain(word), plain, n=1)
    return plain[close[0]] if close else ""


def _plain(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")
