"""Arithmetic of shares, and of the instances that they need."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.model.deployment import ClusterState
from turnout.model.traffic import WHOLE


def shares_of(state: ClusterState) -> dict[str, int]:
    """The shares of the groups that exist: a split may name one that was lost with its disk."""
    return {g.name: part for g in state.groups if (part := state.split.share(g.name))}


def whole_size(state: ClusterState) -> int:
    """How many instances all traffic needs, as far as can be seen: as many as the largest enabled
    group has. 0 when nothing serves.
    """
    return max((g.desired for g in state.groups if state.split.share(g.name)), default=0)


def half(size: int) -> int:
    """How many of `size` make a way back right: half of them, so that one crashed instance does not
    hold it up.
    """
    return max(1, (size + 1) // 2)


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
