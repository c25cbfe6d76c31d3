"""A little noise for samples that are constant on both sides, without which they have no order.

The reference draws it anew each time. Here it follows from the samples, so that a verdict can be
reproduced.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from turnout.analysis.compatible.samples import Side, side_of
from turnout.analysis.compatible.shift import Array

_SCALE = 1e-5
"""The standard deviation, as a part of the constant."""


def with_noise(name: str, experiment: Side, control: Side) -> tuple[Side, Side]:
    """Both sides, with normal noise if each is constant; one that is 0 or infinite stays so."""
    if not (_is_constant(experiment.ordered) and _is_constant(control.ordered)):
        return experiment, control
    seed = hashlib.blake2b(name.encode(), digest_size=16)
    for side in (experiment, control):
        seed.update(len(side.values).to_bytes(8, "big") + side.values.astype(">f8").tobytes())
    chance = np.random.Generator(np.random.PCG64(int.from_bytes(seed.digest(), "big")))
    return side_of(_noisy(experiment.values, chance)), side_of(_noisy(control.values, chance))


def _is_constant(ordered: Array) -> bool:
    return bool(ordered[0] == ordered[-1])


def _noisy(values: Array, chance: np.random.Generator) -> Array:
    deviation = abs(float(values[0])) * _SCALE
    if not math.isfinite(deviation):
        return values
    return values + chance.normal(0.0, deviation, len(values))
