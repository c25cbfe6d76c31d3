"""Canaries that nothing is wrong with: how often are they failed at any step?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.canary_evidence import in_chunks
from benchmarks.canary_figures import Figure, alike, at_most
from benchmarks.canary_worlds import (
    SHORT,
    World,
    bet_on,
    beta,
    burst_arms,
    corrected,
    dispersed_arms,
    poisson,
    private,
    private_mixture,
    proportions,
    shared_drift,
    student,
    student_mixture,
    uncorrected,
)
from benchmarks.frame import say
from turnout.analysis.sequential.counts import beta_log_e, beta_log_e_above
from turnout.analysis.sequential.mixtures import Floats


@dataclass(frozen=True, slots=True)
class Quiet:
    """A world without harm, with the design's false alarms in per cent, at 1 and at 5 %."""

    name: str
    world: World
    at_one: float
    at_five: float | None = None
    holds: bool = True
    """False where the method is known not to hold (bold in the design): only to be reproduced."""


def measure_alarms(runs: int) -> list[Figure]:
    """Parts of runs that ever alarm."""
    figures: list[Figure] = []
    for seed, quiet in enumerate(_quiet()):
        peaks = in_chunks(runs, seed, _peaks(quiet.world))
        figures += _figures(quiet, peaks)
        say(f"{quiet.name}: {figures[-1].ours:.2f} %")
    return figures


def _figures(quiet: Quiet, peaks: Floats) -> Iterator[Figure]:
    for level, design in ((0.01, quiet.at_one), (0.05, quiet.at_five)):
        if design is None:
            continue
        what, is_alarm = f"{quiet.name}, {level:.0%}", peaks >= -math.log(level)
        yield (
            at_most(what, is_alarm, level, design) if quiet.holds else alike(what, is_alarm, design)
        )


def _peaks(world: World) -> World:
    return lambda rng, runs: np.asarray(world(rng, runs).max(axis=1))


def _quiet() -> Iterator[Quiet]:
    yield from _counts()
    yield from _dispersed()
    yield from _bursts()
    yield from _gauges()
    yield from _with_memory()


def _counts() -> Iterator[Quiet]:
    for rate, one, five in ((0.2, 0.40, 1.9), (3, 0.48, 2.1), (30, 0.23, 1.5)):
        yield Quiet(f"Poisson {rate}/min, rhythm and shocks", poisson(rate), one, five)
    yield Quiet("5/95 split, canary 0.3/min", poisson(3, share=0.05), 0.23, 1.7)
    yield Quiet("proportions near 5 %, exposures vary", proportions(0.05), 0.15, 1.6)
    yield Quiet("proportions near 20 %", proportions(0.2), 0.0, 0.25)
    yield Quiet("Beta mixture, one-sided", beta(beta_log_e_above), 0.53, 2.6)
    yield Quiet("Beta mixture, two-sided", beta(beta_log_e), 0.40, 3.0)


def _dispersed() -> Iterator[Quiet]:
    for phi, one, five in ((1.3, 1.5, 6.0), (2.5, 13, 25), (7, 51, 61)):
        world = uncorrected(dispersed_arms(3, phi))
        yield Quiet(f"3/min, var/mean {phi}, uncorrected", world, one, five, holds=False)
    for rate, phi, one in (
        (3, 1.3, 0.43), (3, 2.5, 0.23), (3, 7, 0.33),
        (30, 1.6, 0.60), (30, 4, 0.43), (30, 13, 0.13),
    ):  # fmt: skip
        world = corrected(dispersed_arms(rate, phi))
        yield Quiet(f"{rate}/min, var/mean {phi}, corrected", world, one)
    for phi, one, five in ((1.3, 0.48, 2.3), (2.5, 0.50, 2.6), (7, 0.18, 2.6)):
        world = bet_on(dispersed_arms(3, phi))
        yield Quiet(f"3/min, var/mean {phi}, bet on symmetry", world, one, five)


def _bursts() -> Iterator[Quiet]:
    for size, before, after in ((2, 19, 0.20), (5, 59, 0.35)):
        arms = burst_arms(3, size)
        yield Quiet(f"bursts of {size}, uncorrected", uncorrected(arms), before, holds=False)
        yield Quiet(f"bursts of {size}, corrected", corrected(arms), after)


def _gauges() -> Iterator[Quiet]:
    yield Quiet("Student t(1.5), bet", student(), 0.43, 2.5)
    yield Quiet("Student t(1.5), normal mixture", student_mixture(), 0.0, 0.35)
    yield Quiet("shared AR 0.9 drift, independent noise, bet", shared_drift(0.9), 0.53, 3.0)


def _with_memory() -> Iterator[Quiet]:
    for phi, one, five in ((0.3, 4.1, 12), (0.6, 20, 34), (0.9, 57, 65)):
        yield Quiet(f"private AR {phi}, plain bet", private(phi, 360), one, five, holds=False)
    for phi, bet, mixture in ((0.3, 0.5, 0.2), (0.6, 0.7, 0.5), (0.9, 3.1, 1.1)):
        name = f"private AR {phi}, 180 steps, prewhitened"
        yield Quiet(f"{name} bet", private(phi, SHORT, prewhiten=True), bet, holds=phi < 0.9)
        yield Quiet(f"{name} mixture", private_mixture(phi, SHORT), mixture)
