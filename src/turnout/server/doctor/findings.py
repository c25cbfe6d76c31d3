"""What a look ends with."""

from __future__ import annotations

from turnout.api.views import Finding


def well(name: str, sentence: str) -> Finding:
    """Nothing needs to be done."""
    return Finding(name=name, ok=True, sentence=sentence)


def trouble(name: str, sentence: str, hint: str) -> Finding:
    """Something should be done."""
    return Finding(name=name, ok=False, sentence=sentence, hint=hint)


def judge(name: str, sentence: str, *, ok: bool, hint: str) -> Finding:
    """One or the other."""
    return well(name, sentence) if ok else trouble(name, sentence, hint)
