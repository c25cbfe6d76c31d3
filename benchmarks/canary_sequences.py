"""Confidence sequences of quantiles and means: how often the truth ever leaves them, how wide they
are, and what happens to an interval for one look that is looked at all the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.random import Generator

from benchmarks.canary_evidence import in_chunks
from benchmarks.canary_figures import Figure, about, alike, at_least, at_most, within
from turnout.analysis.sequential.means import SKEWED_START, asymptotic_radius
from turnout.analysis.sequential.mixtures import Floats
from turnout.analysis.sequential.quantiles import (
    dkw_radius,
    equality_log_e,
    log_martingale,
    stitched_radius,
)

ALPHA = 0.05
NORMAL = 1.959964
"""Standard errors of a fixed interval at 95 %."""
QUANTILE_SAMPLES, MEAN_SAMPLES, PLANNED = 4000, 3000, 1000
EARLY_START, LOOKS = 30, 12
LOOK_EVERY, MOST_PER_ARM, SPREAD = 100, 4000, 0.8
"""Of two quantiles: samples between looks, at most; standard deviation of the logarithms."""
SLOW_PART = 10
"""Of the runs for two quantiles: each look goes over all samples."""

Draw = Callable[[Generator, tuple[int, int]], Floats]


def measure_sequences(runs: int) -> list[Figure]:
    """Parts of runs in which the truth is outside at any time, at a nominal 5 %."""
    return [*_means(runs), *_quantiles(runs), *_bands(runs), *_two_quantiles(runs // SLOW_PART)]


def _means(runs: int) -> Iterator[Figure]:
    for seed, (name, draw, mean, written, early) in enumerate(_draws(), start=710):
        wrong = in_chunks(runs, seed, _mean_wrong(draw, mean))
        what, design = f"mean, {name}, from sample", written
        figure = alike if name == "log-normal" else _at_nominal
        yield figure(f"{what} {SKEWED_START}", wrong[:, 0], design)
        if early is not None:
            yield alike(f"{what} {EARLY_START}", wrong[:, 1], early)
        yield alike(f"fixed interval peeked at, {name}", wrong[:, 2], 41.5)
    radius = float(asymptotic_radius(PLANNED, 1.0, ALPHA, PLANNED)) * math.sqrt(PLANNED)
    yield within(f"width over fixed interval, sample {PLANNED}", radius / NORMAL, 1.55, 1.55)


def _at_nominal(what: str, is_wrong: Floats, design: float) -> Figure:
    return at_most(what, is_wrong, ALPHA, design)


def _draws() -> tuple[tuple[str, Draw, float, float, float | None], ...]:
    return (
        ("normal", lambda rng, shape: rng.normal(size=shape), 0.0, 3.0, None),
        ("exponential", lambda rng, shape: rng.exponential(size=shape), 1.0, 3.5, None),
        ("log-normal", lambda rng, shape: rng.lognormal(size=shape), math.exp(0.5), 6.8, 8.9),
    )


def _mean_wrong(draw: Draw, mean: float) -> Callable[[Generator, int], Floats]:
    """Whether ever outside: from the usual start, from an early one, a fixed interval."""

    def wrong(rng: Generator, runs: int) -> Floats:
        samples = draw(rng, (runs, MEAN_SAMPLES))
        count = np.arange(1, MEAN_SAMPLES + 1)
        running = np.cumsum(samples, axis=1) / count
        variance = np.cumsum(samples**2, axis=1) / count - running**2
        deviation = np.sqrt(np.maximum(variance, 0))
        radius = asymptotic_radius(count, deviation, ALPHA, PLANNED)
        off = np.abs(running - mean)
        fixed = NORMAL * deviation / np.sqrt(count)
        limits = ((radius, SKEWED_START), (radius, EARLY_START), (fixed, SKEWED_START))
        is_out = [(off > limit)[:, start - 1 :].any(axis=1) for limit, start in limits]
        return np.stack(is_out, axis=1).astype(float)

    return wrong


def _quantiles(runs: int) -> Iterator[Figure]:
    for seed, (p, written, fixed) in enumerate(
        ((0.5, 2.3, 42), (0.9, 2.9, 42), (0.99, 2.3, 36)), start=700
    ):
        name = f"quantile {p}"
        wrong = in_chunks(runs, seed, _quantile_wrong(p))
        yield at_most(f"{name}, {QUANTILE_SAMPLES} samples", wrong[:, 0], ALPHA, written)
        yield at_most(f"{name}, stitched form", wrong[:, 1], ALPHA, 0)
        yield alike(f"{name}, fixed interval peeked at", wrong[:, 2], fixed)
        widths = _widths(p)
        yield within(f"{name}, half-width over fixed", widths[0], 1.5, 1.6)
        yield within(f"{name}, stitched width over this", widths[1], 1.5, 1.8)


def _quantile_wrong(p: float) -> Callable[[Generator, int], Floats]:
    """Whether ever outside: the martingale, the stitched form, a fixed interval from 1/p(1-p)."""
    count = np.arange(1, QUANTILE_SAMPLES + 1)
    fixed = NORMAL * np.sqrt(p * (1 - p) / count)
    stitched = stitched_radius(count, p, ALPHA)

    def wrong(rng: Generator, runs: int) -> Floats:
        below_p = np.cumsum(rng.random((runs, QUANTILE_SAMPLES)) < p, axis=1)
        is_out = log_martingale(below_p, count, p) >= -math.log(ALPHA)
        off = np.abs(below_p / count - p)
        begin = SKEWED_START - 1
        ways = (is_out, off > stitched, (off > fixed)[:, begin:])
        return np.stack([way.any(axis=1) for way in ways], axis=1).astype(float)

    return wrong


def _widths(p: float) -> tuple[float, float]:
    """At the last sample: the sequence over a fixed interval, and the stitched form over that."""
    ranks = np.arange(QUANTILE_SAMPLES + 1)
    is_inside = log_martingale(ranks, QUANTILE_SAMPLES, p) < -math.log(ALPHA)
    ours = np.count_nonzero(is_inside) / 2
    fixed = NORMAL * math.sqrt(p * (1 - p) * QUANTILE_SAMPLES)
    stitched = QUANTILE_SAMPLES * float(stitched_radius(QUANTILE_SAMPLES, p, ALPHA))
    return ours / fixed, stitched / ours


def _bands(runs: int) -> Iterator[Figure]:
    """Bands around a whole distribution, looked at twelve times."""
    wrong = in_chunks(runs, 730, _band_wrong)
    yield at_most("uniform band", wrong[:, 0], ALPHA, 0)
    yield alike(f"fixed band looked at {LOOKS} times", wrong[:, 1], 28)


def _band_wrong(rng: Generator, runs: int) -> Floats:
    samples = rng.random((runs, QUANTILE_SAMPLES))
    is_out = np.zeros((runs, 2), dtype=bool)
    for count in np.geomspace(SKEWED_START / 5, QUANTILE_SAMPLES, LOOKS).astype(int):
        ordered, ranks = np.sort(samples[:, :count], axis=1), np.arange(count + 1) / count
        off = np.maximum(ranks[1:] - ordered, ordered - ranks[:-1]).max(axis=1)
        fixed = math.sqrt(math.log(2 / ALPHA) / (2 * count))
        is_out |= np.stack([off > float(dkw_radius(count, ALPHA)), off > fixed], axis=1)
    return is_out.astype(float)


def _two_quantiles(runs: int) -> Iterator[Figure]:
    at = {
        ratio: in_chunks(max(runs, 20), seed, _told_apart(ratio))
        for seed, ratio in enumerate((1.0, 1.2, 1.3), start=720)
    }
    name = "two p90 at 1 %"
    yield at_most(f"{name}, equal: told apart", np.isfinite(at[1.0]), 0.01, 0.25)
    for ratio, part, median in ((1.2, 90, 1800), (1.3, 99.8, 1000)):
        yield at_least(f"{name}, x{ratio}: told apart", np.isfinite(at[ratio]), part)
        yield about(f"{name}, x{ratio}: samples per arm", at[ratio], median)


def _told_apart(ratio: float) -> Callable[[Generator, int], Floats]:
    """The samples per arm after which they are, by run."""

    def told(rng: Generator, runs: int) -> Floats:
        return np.array([_tell_apart(rng, ratio) for _ in range(runs)])

    return told


def _tell_apart(rng: Generator, ratio: float) -> float:
    canary, baseline = rng.lognormal(0, SPREAD, (2, MOST_PER_ARM))
    canary = canary * ratio
    for count in range(LOOK_EVERY, MOST_PER_ARM + 1, LOOK_EVERY):
        log_e = equality_log_e(np.sort(canary[:count]), np.sort(baseline[:count]), 0.9)
        if log_e >= math.log(100):
            return count
    return math.inf
