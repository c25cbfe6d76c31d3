"""Many metrics, one canary.

The canary's evidence is the weighted average of its metrics' e-processes: an e-process too, under
any dependence between them, and never weaker than Bonferroni.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from turnout.analysis.sequential.mixtures import Floats, log_mean


def normalise(weights: ArrayLike) -> Floats:
    """The weights as parts of 1. Refuses those that are not positive: they would count nowhere."""
    values = np.asarray(weights, dtype=float)
    if values.size == 0 or not np.all(np.isfinite(values)) or np.any(values <= 0):
        raise ValueError(
            f"Weights must be positive numbers, and at least one; got {values.tolist()}"
        )
    return np.asarray(values / values.sum(), dtype=float)


def canary_log_e(log_es: ArrayLike, weights: ArrayLike) -> Floats:
    """The log of the canary's e-value; the last axis is that of the metrics."""
    return log_mean(log_es, normalise(weights))


def alarm_level(alpha: float, weight: float = 1.0) -> float:
    """The log-e at which an alarm is raised: by the canary, or by one metric of that weight.

    Levels of metrics hold familywise, also for the running maximum (Ville and a union bound).
    """
    return -math.log(weight * alpha)


def e_bh(log_es: ArrayLike, alpha: float) -> tuple[int, ...]:
    """Which e-values of *one common time* are discoveries at false discovery rate `alpha`.

    Wang and Ramdas, JRSS-B 2022. Not for running maxima taken at different times.
    """
    values = np.asarray(log_es, dtype=float)
    order = np.argsort(-values, kind="stable")
    ranks = np.arange(1, values.size + 1)
    is_large = values[order] >= np.log(values.size / (ranks * alpha))
    count = int(ranks[is_large].max(initial=0))
    return tuple(sorted(int(place) for place in order[:count]))


def closed_testing(log_es: ArrayLike, alpha: float) -> tuple[int, ...]:
    """Which hypotheses are rejected familywise by averages over all sets that contain them.

    It is enough to look at each one together with the m smallest others (Vovk and Wang 2021). For
    one common time, as `e_bh`.
    """
    values = np.asarray(log_es, dtype=float)
    return tuple(place for place in range(values.size) if _survives(values, place, alpha))


def _survives(values: Floats, place: int, alpha: float) -> bool:
    others = np.sort(np.delete(values, place))
    sums = np.logaddexp.accumulate(np.concatenate([values[place : place + 1], others]))
    averages = sums - np.log(np.arange(1, values.size + 1))
    return bool(np.all(averages >= -math.log(alpha)))
