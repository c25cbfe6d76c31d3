"""Averages of e-values, in logarithms: an average of e-processes is an e-process again, under any
dependence, so every judge here is made of such averages.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Places = NDArray[np.intp]


def log_mean(logs: ArrayLike, weights: ArrayLike | None = None, axis: int = -1) -> Floats:
    """The logarithm of the average of e-values that are given as finite logarithms.

    The weights are those of the last axis and must total 1; without them all count alike.
    """
    values = np.asarray(logs, dtype=float)
    shares = 1 / values.shape[axis] if weights is None else np.asarray(weights, dtype=float)
    largest = values.max(axis=axis, keepdims=True)
    total = np.sum(shares * np.exp(values - largest), axis=axis)
    return np.asarray(np.squeeze(largest, axis=axis) + np.log(total), dtype=float)


def log_two_sided(logs_up: ArrayLike, logs_down: ArrayLike) -> Floats:
    """Half of each of two one-sided e-values."""
    up, down = np.asarray(logs_up, dtype=float), np.asarray(logs_down, dtype=float)
    return np.asarray(np.logaddexp(up, down) - np.log(2), dtype=float)
