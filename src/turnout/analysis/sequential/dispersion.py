"""How much burstier than chance the events of a metric come, from history without a change.

Counts that come in bursts break the coin of `counts`. Dividing the events by φ repairs it: not a
theorem, but false alarms stay below the level in simulation for φ from 1 to 13.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from turnout.analysis.sequential.counts import exposure_share


def estimate_dispersion(
    events_a: ArrayLike, exposure_a: ArrayLike, events_b: ArrayLike, exposure_b: ArrayLike
) -> float:
    """φ = Σ (X - θN)² / Σ N θ(1-θ) over steps of two equal versions, at least 1.

    A ratio of sums: the average of the ratios of single steps is too low when events are rare. The
    steps must be as long as those of the canary. Steps that are not finite are left out; without
    any event φ is 1.
    """
    share = exposure_share(exposure_a, exposure_b)
    ours, theirs = np.asarray(events_a, dtype=float), np.asarray(events_b, dtype=float)
    both = ours + theirs
    is_usable = np.isfinite(both) & np.isfinite(share)
    squares = np.sum(np.where(is_usable, (ours - share * both) ** 2, 0.0))
    expected = np.sum(np.where(is_usable, both * share * (1 - share), 0.0))
    return max(1.0, float(squares / expected)) if expected > 0 else 1.0
