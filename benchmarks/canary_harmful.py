"""Canaries that something is wrong with: how soon is it found, and how often in three hours?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmarks.canary_evidence import first_at, gauge_log_e, in_chunks
from benchmarks.canary_figures import Figure, at_least, no_later
from benchmarks.canary_worlds import (
    SHORT,
    World,
    bet_on,
    corrected,
    dispersed_arms,
    lone,
    poisson,
    private,
    steady,
)
from benchmarks.frame import say
from turnout.analysis.sequential.mixtures import Floats

ONE = -math.log(0.01)


@dataclass(frozen=True, slots=True)
class Harmful:
    """A world with harm. What the design has: the median in steps, the part found in per cent."""

    name: str
    world: World
    median: float | None = None
    found: float | None = None


def measure_detection(runs: int) -> list[Figure]:
    """At 1 %, within 180 steps."""
    figures: list[Figure] = []
    for seed, harmful in enumerate(_harmful(), start=100):
        at = in_chunks(runs, seed, _alarms(harmful.world))
        if harmful.median is not None:
            figures.append(no_later(f"{harmful.name}, median step", at, harmful.median))
        if harmful.found is not None:
            figures.append(at_least(f"{harmful.name}, found in %", np.isfinite(at), harmful.found))
        say(f"{harmful.name}: step {np.quantile(at, 0.5, method='nearest'):g}")
    return figures


def _alarms(world: World) -> World:
    return lambda rng, runs: first_at(world(rng, runs), ONE)


def _harmful() -> Iterator[Harmful]:
    for rate, ratio, median in (
        (0.2, 5, 19), (0.2, 10, 7), (3, 1.5, 38), (3, 2, 11), (3, 3, 4),
        (30, 1.1, 80), (30, 1.25, 15), (30, 1.5, 5),
    ):  # fmt: skip
        yield Harmful(f"Poisson {rate}/min x{ratio}", steady(rate, ratio), median)
    yield Harmful("Poisson 3/min x1.25", steady(3, 1.25), found=70)
    yield Harmful("30/min x1.25, waves", poisson(30, ratio=1.25, steps=SHORT, shocks=0.7), 15)
    for part, median in ((10, 17), (20, 8), (40, 4), (60, 3)):
        yield Harmful(f"baseline 0, 5 errors in {part} % of minutes", lone(part / 100), median)
    yield from _dispersed()
    for phi, before, found in ((0.3, 70, 99), (0.6, 114, 78), (0.9, None, 23)):
        world = private(phi, SHORT, prewhiten=True, shift=1)
        name = f"private AR {phi}, shift of 1 sd, prewhitened bet"
        yield Harmful(name, world, before, found)
    yield Harmful("latency means, 600/min, sd 0.8, x1.05, bet", _latency_means(), 28)


def _dispersed() -> Iterator[Harmful]:
    quiet = dispersed_arms(3, 2.5)
    for ratio, ours, bets in ((1.5, (89, 90), (130, 73)), (2, (27, 100), (49, 100))):
        arms, name = dispersed_arms(3, 2.5, ratio), f"3/min, var/mean 2.5, x{ratio}"
        yield Harmful(f"{name}, corrected", corrected(arms, quiet, SHORT), *ours)
        yield Harmful(f"{name}, bet", bet_on(arms, SHORT), *bets)


def _latency_means() -> World:
    """Means of 600 log-normal latencies a step: section 4 of the design."""
    deviation = math.sqrt(2 * math.expm1(0.8**2) / 600)

    def world(rng: Generator, runs: int) -> Floats:
        return gauge_log_e(math.log(1.05) + deviation * rng.normal(size=(runs, SHORT)))

    return world
