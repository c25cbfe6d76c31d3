"""What a planned length does: a share of alpha for the end, passing early, how long it must be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.canary_evidence import count_log_e, first_at, in_chunks, safety_log_e
from benchmarks.canary_figures import Figure, about, alike, at_least, at_most, no_later
from benchmarks.canary_worlds import SHORT
from turnout.analysis.sequential.counts import exposure_share
from turnout.analysis.sequential.duration import wald_events
from turnout.analysis.sequential.ending import conditional_binomial_p
from turnout.analysis.sequential.mixtures import Floats

ALPHA, BETA = 0.01, 0.05
LOOK_EVERY = 5
GRAINS = 500
"""Steps up to Wald's bound, where single events would be too many."""

_exact_p = np.vectorize(conditional_binomial_p, otypes=[float])


def measure_end(runs: int) -> list[Figure]:
    """Parts of runs that fail within 180 steps: only at any time, with halves, only at the end, and
    by the test for the end when it is asked every five minutes (which no one should).
    """
    figures: list[Figure] = []
    for seed, (rate, ratio, written, medians) in enumerate(
        (
            (0.2, 1, (0.45, 0.53, 0.80, 3.8), ()), (0.2, 2, (58, 79, 86, 91), ()),
            (3, 1, (0.35, 0.68, 1.1, 6.5), ()), (3, 1.25, (71, 91, 94, 96), ()),
            (30, 1, (0.37, 0.55, 1.0, 7.0), ()), (30, 1.1, (94, 99.5, 99.7, 100), (82, 93)),
        ),
        start=200,
    ):  # fmt: skip
        at = in_chunks(runs, seed, partial(_ends, rate=rate, ratio=ratio))
        name = f"{rate}/min x{ratio}"
        figures += _end_figures(name, at, written, is_quiet=ratio == 1)
        places = zip(("anytime", "halves"), medians, strict=False)
        figures += [
            no_later(f"{name}, {kind}, median", at[:, column], median)
            for column, (kind, median) in enumerate(places)
        ]
    return figures


def _end_figures(
    name: str, at: Floats, written: tuple[float, ...], *, is_quiet: bool
) -> Iterator[Figure]:
    kinds = ("anytime", "halves", "end only", "end test peeked at")
    for column, (kind, design) in enumerate(zip(kinds, written, strict=True)):
        is_alarm, what = np.isfinite(at[:, column]), f"{name}, {kind}"
        if column == len(kinds) - 1:
            yield alike(what, is_alarm, design)
        elif is_quiet:
            yield at_most(what, is_alarm, ALPHA, design)
        else:
            yield at_least(what, is_alarm, design)


def _ends(rng: Generator, runs: int, *, rate: float, ratio: float) -> Floats:
    """The steps at which each of the four ways fails; a column each."""
    canary, baseline = rng.poisson(rate * ratio, (runs, SHORT)), rng.poisson(rate, (runs, SHORT))
    log_e = count_log_e(canary, baseline)
    looks = np.arange(LOOK_EVERY - 1, SHORT, LOOK_EVERY)
    ours, both = (np.cumsum(x, axis=1)[:, looks] for x in (canary, canary + baseline))
    p = _exact_p(ours, both, 0.5)
    half = np.where(p[:, -1] <= ALPHA / 2, SHORT, np.inf)
    return np.stack(
        [
            first_at(log_e, -math.log(ALPHA)),
            np.minimum(first_at(log_e, -math.log(ALPHA / 2)), half),
            np.where(p[:, -1] <= ALPHA, SHORT, np.inf),
            LOOK_EVERY * first_at(-p, -ALPHA),
        ],
        axis=1,
    )


def measure_early_pass(runs: int) -> list[Figure]:
    """When a good canary passes, and how often one whose harm is just the harm of interest does."""
    return [*_good(runs), *_bad(runs)]


def _good(runs: int) -> Iterator[Figure]:
    for seed, (rate, harm, median, part) in enumerate(
        ((30, 0.25, 12, None), (3, 0.5, 32, None), (3, 0.25, None, 80)), start=400
    ):
        at = in_chunks(runs, seed, partial(_passes, rate=rate, harm=harm, ratio=1.0))
        name = f"{rate}/min, no change, harm of interest {harm:.0%}"
        if median is not None:
            yield no_later(f"{name}, median", at, median)
        if part is not None:
            yield at_least(f"{name}, passed", np.isfinite(at), part)


def _bad(runs: int) -> Iterator[Figure]:
    """The design has one range for all of its eight settings."""
    for seed, (rate, harm) in enumerate(
        ((rate, harm) for rate in (3, 30) for harm in (0.1, 0.25, 0.5, 1.0)), start=410
    ):
        at = in_chunks(runs, seed, partial(_passes, rate=rate, harm=harm, ratio=1 + harm))
        name = f"{rate}/min, worse by the harm of interest {harm:.0%}, passed"
        yield at_most(name, np.isfinite(at), BETA, "1.3 to 2.3 %")


def _passes(rng: Generator, runs: int, *, rate: float, harm: float, ratio: float) -> Floats:
    canary, baseline = rng.poisson(rate * ratio, (runs, SHORT)), rng.poisson(rate, (runs, SHORT))
    return first_at(safety_log_e(canary, baseline, harm), -math.log(BETA))


def measure_events(runs: int) -> list[Figure]:
    """Events of both arms until harm is found at 1 %: section 4 of the design."""
    figures: list[Figure] = []
    for seed, (ratio, median, most) in enumerate(
        (
            (1.05, 20_341, 30_943), (1.1, 5205, 8057), (1.25, 934, 1423),
            (1.5, 261, 439), (2, 92, 139), (3, 42, 68),
        ),
        start=500,
    ):  # fmt: skip
        at = in_chunks(runs, seed, partial(_events, ratio=ratio))
        figures.append(about(f"x{ratio:g}, half of them", at, median))
        figures.append(about(f"x{ratio:g}, 80 % of them", at, most, part=0.8))
    return figures


def _events(rng: Generator, runs: int, ratio: float) -> Floats:
    bound = wald_events(ratio, ALPHA)
    grain = max(1, int(bound / GRAINS))
    share = float(exposure_share(ratio, 1.0))
    canary = rng.binomial(grain, share, (runs, int(6 * bound / grain)))
    return grain * first_at(count_log_e(canary, grain - canary), -math.log(ALPHA))
