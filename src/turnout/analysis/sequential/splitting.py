"""One group's requests, split at random into two arms: canaries that nothing is wrong with.

Each request goes to an arm by itself, as a router would have sent it. Differences between instances
are not in it: all arms share them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from turnout.analysis.sequential.mixtures import Floats

Columns = tuple[tuple[float, ...], ...]


def split_nested(
    columns: Sequence[Sequence[float]], canary: float, baseline: float, seed: int
) -> tuple[Columns, Columns]:
    """Both arms of counts per step, of which each column is a part of the one before: requests,
    slow ones among them, slower ones among those.

    The arms get these shares of all requests; the rest goes to nobody. NaN stays NaN in both.
    """
    chance = np.random.Generator(np.random.PCG64(seed))
    nested = [np.asarray(column, dtype=float) for column in columns]
    inner = [*nested[1:], np.zeros_like(nested[0])]
    split = [
        _split(np.maximum(outer - part, 0.0), canary, baseline, chance)
        for outer, part in zip(nested, inner, strict=True)
    ]
    ours, theirs = ([arms[place] for arms in split] for place in (0, 1))
    return _add_up(ours), _add_up(theirs)


def _split(
    counts: Floats, canary: float, baseline: float, chance: Generator
) -> tuple[Floats, Floats]:
    missing = np.isnan(counts)
    whole = np.where(missing, 0.0, np.round(counts)).astype(np.int64)
    ours = chance.binomial(whole, canary)
    left = min(1.0, baseline / (1.0 - canary)) if canary < 1 else 0.0
    theirs = chance.binomial(whole - ours, left)
    return np.where(missing, math.nan, ours), np.where(missing, math.nan, theirs)


def _add_up(parts: Sequence[Floats]) -> Columns:
    """From disjoint parts back to nested columns."""
    sums = np.cumsum(np.stack(parts)[::-1], axis=0)[::-1]
    return tuple(tuple(column.tolist()) for column in sums)


def autocorrelation_of(values: Sequence[float]) -> float:
    """Of neighbouring steps (lag 1), where both are known; NaN when they do not vary."""
    known = np.asarray(values, dtype=float)
    level = known - np.nanmean(known) if np.isfinite(known).any() else known
    pairs = level[:-1] * level[1:]
    variance = np.nanmean(level**2) if np.isfinite(level).any() else 0.0
    if not variance > 0 or not np.isfinite(pairs).any():
        return math.nan
    return float(np.nanmean(pairs) / variance)
