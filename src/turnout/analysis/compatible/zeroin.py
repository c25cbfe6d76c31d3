"""Brent's zero finder in its classical form (R. P. Brent, Algorithms for Minimization without
Derivatives, 1973, chapter 4), with the stopping rule of R's `uniroot`.

The function is a step function here, and a verdict depends on where the search stops. So every
operation and comparison stands as written; a finder of a library stops elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

TOLERANCE = 1e-4
"""Absolute, in the units of the metric: small metrics are not resolved by it."""

_EPSILON = 2.220446049250313e-16
_TINIEST = 5e-324
_MOST_STEPS = 1001


def find_zero(f: Callable[[float], float], a: float, b: float) -> float:
    """A place near which `f` changes its sign, between `a` and `b`.

    It is not checked that the signs at the ends differ; an end is then as good an answer as any.
    """
    fa, fb = f(a), f(b)
    if fa in {0.0, _TINIEST}:
        return a
    if fb in {0.0, _TINIEST}:
        return b
    c, fc = a, fa
    for _ in range(_MOST_STEPS):
        last_step = b - a
        if abs(fc) < abs(fb):
            a, b, c = b, c, b
            fa, fb, fc = fb, fc, fb
        tolerance = 2.0 * _EPSILON * abs(b) + TOLERANCE / 2.0
        step = (c - b) / 2.0
        if abs(step) <= tolerance or fb == 0.0:
            return b
        if abs(last_step) >= tolerance and abs(fa) > abs(fb):
            step = _interpolated((a, b, c), (fa, fb, fc), last_step, tolerance)
        if abs(step) < tolerance:
            step = tolerance if step > 0.0 else -tolerance
        a, fa = b, fb
        b += step
        fb = f(b)
        if (fb > 0.0 and fc > 0.0) or (fb < 0.0 and fc < 0.0):
            c, fc = a, fa
    return b


def _interpolated(
    places: tuple[float, float, float],
    values: tuple[float, float, float],
    last_step: float,
    tolerance: float,
) -> float:
    """The step that interpolation suggests, or half the bracket when it suggests too much."""
    a, b, c = places
    fa, fb, fc = values
    width = c - b
    if a == c:
        t = fb / fa
        p, q = width * t, 1.0 - t
    else:
        q0, t1, t2 = fa / fc, fb / fc, fb / fa
        p = t2 * (width * q0 * (q0 - t1) - (b - a) * (t1 - 1.0))
        q = (q0 - 1.0) * (t1 - 1.0) * (t2 - 1.0)
    if p > 0.0:
        q = -q
    else:
        p = -p
    if p < 0.75 * width * q - abs(tolerance * q) / 2.0 and p < abs(last_step * q / 2.0):
        return p / q
    return width / 2.0
