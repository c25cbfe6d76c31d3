"""The compatible judge on the same simulated canaries: what Kayenta would have said.

Asked every five minutes on all samples so far, as Kayenta is set up; the first `High` is the alarm.
Its limits hold for one look, and for samples without a memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmarks.canary_evidence import in_chunks
from benchmarks.canary_figures import Figure, about, alike
from benchmarks.canary_worlds import SHORT, Arms, World, dispersed_arms, private_arms
from benchmarks.frame import say
from turnout.analysis.compatible.classification import classify
from turnout.analysis.compatible.samples import clean
from turnout.analysis.sequential.mixtures import Floats
from turnout.model.canary.configuration import MetricConfig
from turnout.model.canary.options import read_options
from turnout.model.canary.result import Classification

LOOK_EVERY = 5
LEVEL = 100.0
"""Added to noise around 0: Kayenta also wants a ratio of means above 1."""

OPTIONS = read_options(
    MetricConfig(name="metric", analysis_configurations={"canary": {"direction": "increase"}})
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the design has for these arms: the part alarmed in per cent, the median step."""

    name: str
    arms: Arms
    part: float | None
    median: float | None = None


def measure_compatible(runs: int) -> list[Figure]:
    """Parts of runs that are `High` at any look in 180 steps, and when."""
    figures: list[Figure] = []
    for seed, judged in enumerate(_worlds(), start=800):
        at = in_chunks(runs, seed, _looks(judged.arms))
        figures.append(alike(f"{judged.name}, alarms", np.isfinite(at), judged.part))
        if judged.median is not None:
            figures.append(about(f"{judged.name}, median", at, judged.median))
        say(f"compatible judge, {judged.name}: {100 * np.isfinite(at).mean():.1f} %")
    return figures


def _worlds() -> Iterator[Judged]:
    for phi, false, median in ((0.3, 6.5, 25), (0.6, 27, 20), (0.9, 62, 15)):
        yield Judged(f"private AR {phi}, no change", private_arms(phi, LEVEL, LEVEL), false)
        shifted = private_arms(phi, LEVEL + 1, LEVEL)
        yield Judged(f"private AR {phi}, shift of 1 sd", shifted, None, median)
    for ratio, part, step in ((1, None, None), (1.5, 63, 130), (2, 100, 35)):
        arms = dispersed_arms(3, 2.5, ratio)
        yield Judged(f"3/min, var/mean 2.5, x{ratio}", arms, part, step)


def _looks(arms: Arms) -> World:
    def looks(rng: Generator, runs: int) -> Floats:
        pairs = zip(*arms(rng, (runs, SHORT)), strict=True)
        return np.array([_first_high(canary, baseline) for canary, baseline in pairs])

    return looks


def _first_high(canary: Floats, baseline: Floats) -> float:
    for step in range(LOOK_EVERY, SHORT + 1, LOOK_EVERY):
        sides = (clean(samples[:step].tolist(), OPTIONS) for samples in (canary, baseline))
        if classify("metric", *sides, OPTIONS).classification is Classification.HIGH:
            return step
    return math.inf
