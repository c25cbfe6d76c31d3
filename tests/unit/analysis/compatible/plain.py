"""The rank test written down a second time, as plainly as can be: what the fast one must equal."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.stats import norm, rankdata


class PlainAllTied(Exception):
    pass


def plain_statistic(x: np.ndarray, y: np.ndarray, mu: float, q: float) -> float:
    m, n = len(x), len(y)
    z = np.concatenate((x - mu, y))
    z[np.isnan(z)] = np.inf
    ranks = rankdata(z)
    _, t = np.unique(ranks, return_counts=True)
    d = ranks[:m].sum() - m * (m + 1) / 2 - m * n / 2
    c = np.sign(d) / 2
    ties = (t.astype(float) ** 3 - t).sum()
    sigma = math.sqrt((m * n / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1))))
    if sigma == 0:
        raise PlainAllTied
    return float((d - c) / sigma - q)


def plain_zeroin(  # noqa: C901, PLR0912  # one step after the other, as it is written
    f: Callable[[float], float], a: float, b: float
) -> float:
    """Step by step as the specification numbers it."""
    eps, tolerance, tiniest = 2.220446049250313e-16, 1e-4, 4.9406564584124654e-324
    fa, fb = f(a), f(b)
    if fa == 0 or fa == tiniest:  # noqa: PLR1714
        return a
    if fb == 0 or fb == tiniest:  # noqa: PLR1714
        return b
    c, fc = a, fa
    for _ in range(1001):
        s = b - a
        if abs(fc) < abs(fb):
            a, fa = b, fb
            b, fb = c, fc
            c, fc = a, fa
        tol = 2 * eps * abs(b) + tolerance / 2
        h = (c - b) / 2
        if abs(h) <= tol or fb == 0:
            return b
        if abs(s) >= tol and abs(fa) > abs(fb):
            w = c - b
            if a == c:
                t = fb / fa
                p = w * t
                q = 1 - t
            else:
                q0, t1, t2 = fa / fc, fb / fc, fb / fa
                p = t2 * (w * q0 * (q0 - t1) - (b - a) * (t1 - 1))
                q = (q0 - 1) * (t1 - 1) * (t2 - 1)
            if p > 0:
                q = -q
            else:
                p = -p
            if p < 0.75 * w * q - abs(tol * q) / 2 and p < abs(s * q / 2):
                h = p / q
        if abs(h) < tol:
            h = tol if h > 0 else -tol
        a, fa = b, fb
        b += h
        fb = f(b)
        if (fb > 0 and fc > 0) or (fb < 0 and fc < 0):
            c, fc = a, fa
    return b


def plain_shift(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Lower limit, upper limit, estimate."""
    lo, hi = float(min(x) - max(y)), float(max(x) - min(y))
    z = float(norm.ppf((1 - 0.98) / 2))
    known: dict[float, float] = {}

    def w(mu: float, q: float) -> float:
        if mu not in known:
            known[mu] = plain_statistic(x, y, mu, 0.0)
        return known[mu] - q

    def limit(q: float) -> float:
        if w(lo, q) <= 0:
            return lo
        if w(hi, q) >= 0:
            return hi
        return plain_zeroin(lambda mu: w(mu, q), lo, hi)

    estimate = plain_zeroin(lambda mu: w(mu, 0.0), lo, hi)
    return limit(-z), limit(z), estimate
