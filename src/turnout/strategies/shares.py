"""Arithmetic of shares."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.model.traffic import WHOLE


def with_share(shares: Mapping[str, int], group: str, share: int) -> dict[str, int]:
    """Give one group a share; the others keep their proportions in what is left.

    Rounded by largest remainder, ties in order of names, so the result always totals 1000. Without
    others the
    group gets everything, or, for a share of 0, nothing is served.
    """
    others = {name: part for name, part in sorted(shares.items()) if name != group and part}
    if not others:
        return {group: WHOLE} if share else {}
    left, total = WHOLE - share, sum(others.values())
    exact = {name: part * left / total for name, part in others.items()}
    result = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (result[name] - exact[name], name))
    for name in by_remainder[: left - sum(result.values())]:
        result[name] += 1
    return {name: part for name, part in {**result, group: share}.items() if part}
