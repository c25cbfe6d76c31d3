"""Where figures lie in a picture: scales, and the numbers that are written at their sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 352.0, 14.0, 166.0

_SPANS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_RATIOS = (10, 0.1, 5, 0.2, 3, 2, 0.5, 1.5, 1.2, 0.8, 1.1, 0.9, 1.05, 0.95, 1.02, 0.98, 1.01, 0.99)
_GAP = 17.0
"""Between two numbers at the side of a picture."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From figures to places; `is_log` for those that are multiplied, and not added."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """What lies beyond an end is drawn at that end."""
        bounded = min(max(value, self.low), self.high)
        if self.is_log:
            part = math.log(bounded / self.low) / math.log(self.high / self.low)
        else:
            part = (bounded - self.low) / (self.high - self.low)
        return round(self.start + part * (self.end - self.start), 1)


def time_scale(seconds: Sequence[float]) -> Scale:
    """From the first step on."""
    return Scale(0.0, max([1.0, *seconds]), LEFT, RIGHT)


def level_scale(values: Sequence[float]) -> Scale:
    """From zero where that is near, else around the figures."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low >= 0 and low < 0.6 * high:
        low = 0.0
    pad = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return Scale(low - pad if low else 0.0, high + pad, BOTTOM, TOP)


def ratio_scale(values: Sequence[float]) -> Scale:
    """Around 1, up to a tenth and ten times."""
    logs = [math.log(min(max(value, 0.1), 10.0)) for value in (*values, 1.0)]
    pad = max(0.12 * (max(logs) - min(logs)), 0.01)
    low, high = math.exp(min(logs) - pad), math.exp(max(logs) + pad)
    return Scale(low, high, BOTTOM, TOP, is_log=True)


def evidence_scale(values: Sequence[float]) -> Scale:
    """From 1 on: below it there is nothing to see."""
    return Scale(1.0, max([10.0, *values]) * 2, BOTTOM, TOP, is_log=True)


def time_ticks(scale: Scale) -> tuple[float, ...]:
    """At most five, at round times."""
    span = next((s for s in _SPANS if scale.high / s <= 5), _SPANS[-1])
    return tuple(float(n * span) for n in range(int(scale.high / span) + 1))


def level_ticks(scale: Scale) -> tuple[float, ...]:
    """At most five round numbers."""
    rough = (scale.high - scale.low) / 4
    unit = 10 ** math.floor(math.log10(rough))
    step = next(n * unit for n in (1, 2, 5, 10) if n * unit >= rough)
    first = math.ceil(scale.low / step)
    last = math.floor(scale.high / step)
    return tuple(float(f"{n * step:.6g}") for n in range(first, last + 1))


def ratio_ticks(scale: Scale) -> tuple[float, ...]:
    """1, and as many round ratios as have room."""
    found = [1.0]
    for value in _RATIOS:
        is_within = scale.low <= value <= scale.high
        if is_within and all(_far(scale, value, other) for other in found):
            found.append(value)
    return tuple(sorted(found))


def evidence_ticks(scale: Scale) -> tuple[float, ...]:
    """Powers of ten, at most four beside 1."""
    powers = int(math.log10(scale.high))
    stride = max(1, math.ceil(powers / 4))
    return tuple(10.0**n for n in range(0, powers + 1, stride))


def _far(scale: Scale, one: float, other: float) -> bool:
    return abs(scale.place(one) - scale.place(other)) >= _GAP
