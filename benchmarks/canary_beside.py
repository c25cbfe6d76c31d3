"""The compatible judge on the same simulated canaries: what Kayenta would have said.

Asked every five minutes on all samples so far, as Kayenta is set up; the first `High` is the alarm.
Its limits hold for one look, and for samples without a memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.canary_evidence import count_log_e, first_at, gauge_log_e, in_chunks
from benchmarks.canary_figures import Figure, about, alike
from benchmarks.canary_noise import dispersions
from benchmarks.canary_worlds import HISTORY, SHORT, Arms, dispersed_arms, private_arms
from benchmarks.frame import say
from turnout.analysis.compatible.classification import classify
from turnout.analysis.compatible.samples import clean
from turnout.analysis.sequential.mixtures import Floats
from turnout.model.canary.configuration import MetricConfig
from turnout.model.canary.options import read_options
from turnout.model.canary.result import Classification

LOOK_EVERY = 5
RATE, DISPERSION = 3, 2.5
ONE = -math.log(0.01)
LEVEL = 100.0
"""Added to noise around 0: Kayenta also wants a ratio of means above 1."""

OPTIONS = read_options(
    MetricConfig(name="metric", analysis_configurations={"canary": {"direction": "increase"}})
)


Evidence = Callable[[Generator, Floats, Floats], Floats]
"""Log-e of both arms' figures, by step; chance is for what history would tell."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the design has of Kayenta for these arms: the part alarmed in %, the median step."""

    name: str
    arms: Arms
    evidence: Evidence
    part: float | None
    median: float | None = None


def measure_compatible(runs: int) -> list[Figure]:
    """Parts of runs that are `High` at any look in 180 steps, and when; beside them those that the
    sequential judge fails at 1 %, whose own figures are in other tables.
    """
    figures: list[Figure] = []
    for seed, judged in enumerate(_worlds(), start=800):
        at = in_chunks(runs, seed, partial(_alarms, judged=judged))
        theirs, ours = at.T
        figures.append(alike(f"{judged.name}: compatible", np.isfinite(theirs), judged.part))
        figures.append(alike(f"{judged.name}: sequential", np.isfinite(ours), None))
        if judged.median is not None:
            what = f"{judged.name}: compatible, median step"
            figures.append(about(what, theirs, judged.median, grain=LOOK_EVERY))
        say(f"{judged.name}: compatible {100 * np.isfinite(theirs).mean():.1f} %")
    return figures


def _worlds() -> Iterator[Judged]:
    for phi, false, median in ((0.3, 6.5, 25), (0.6, 27, 20), (0.9, 62, 15)):
        for name, shift, part, step in (
            ("no change", 0, false, None),
            ("shift of 1 sd", 1, None, median),
        ):
            arms = private_arms(phi, LEVEL + shift, LEVEL)
            yield Judged(f"private AR {phi}, {name}", arms, _of_gauges, part, step)
    for ratio, part, step in ((1, None, None), (1.5, 63, 130), (2, 100, 35)):
        arms, name = dispersed_arms(RATE, DISPERSION, ratio), f"3/min, var/mean 2.5, x{ratio}"
        yield Judged(name, arms, _of_counts, part, step)


def _of_gauges(_: Generator, canary: Floats, baseline: Floats) -> Floats:
    return gauge_log_e(canary - baseline, prewhiten=True)


def _of_counts(rng: Generator, canary: Floats, baseline: Floats) -> Floats:
    past = dispersed_arms(RATE, DISPERSION)(rng, (len(canary), HISTORY))
    phi = dispersions(*past)
    return count_log_e(canary / phi, baseline / phi)


def _alarms(rng: Generator, runs: int, *, judged: Judged) -> Floats:
    """The steps at which the compatible and the sequential judge alarm; a column each."""
    canary, baseline = judged.arms(rng, (runs, SHORT))
    theirs = [_first_high(*arms) for arms in zip(canary, baseline, strict=True)]
    ours = first_at(judged.evidence(rng, canary, baseline), ONE)
    return np.stack([np.array(theirs), ours], axis=1)


def _first_high(canary: Floats, baseline: Floats) -> float:
    for step in range(LOOK_EVERY, SHORT + 1, LOOK_EVERY):
        ours, theirs = (clean(arm[:step].tolist(), OPTIONS) for arm in (canary, baseline))
        if classify("metric", ours, theirs, OPTIONS).classification is Classification.HIGH:
            return step
    return math.inf
