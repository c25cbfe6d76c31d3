"""Simulated canaries: from chance to the evidence after each step, for many runs at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from benchmarks.canary_evidence import count_log_e, gauge_log_e, mixture_log_e
from benchmarks.canary_noise import autoregressive, bursty, dispersions, in_bursts, rhythm
from turnout.analysis.sequential.counts import exposure_share
from turnout.analysis.sequential.gauges import log_ratios
from turnout.analysis.sequential.mixtures import Floats

LONG, SHORT = 360, 180
"""Steps of a minute: of worlds without harm, and of those with it."""
HISTORY = 600
"""Steps without a change from which the dispersion is known: ten hours of minutes."""

World = Callable[[Generator, int], Floats]
"""Log-e of so many runs, by step."""

Arms = Callable[[Generator, tuple[int, int]], tuple[Floats, Floats]]
"""Figures of canary and baseline, by run and step."""


def poisson(
    rate: float, *, ratio: float = 1.0, share: float = 0.5, steps: int = LONG, shocks: float = 0.5
) -> World:
    """Events at `rate` a step on average, which moves for both arms alike."""

    def world(rng: Generator, runs: int) -> Floats:
        both = 2 * rate * rhythm(rng, runs, steps, shocks)
        canary, baseline = rng.poisson(share * ratio * both), rng.poisson((1 - share) * both)
        return count_log_e(canary, baseline, share)

    return world


def steady(rate: float, ratio: float) -> World:
    """Events at a rate that does not move."""

    def world(rng: Generator, runs: int) -> Floats:
        shape = runs, SHORT
        return count_log_e(rng.poisson(rate * ratio, shape), rng.poisson(rate, shape))

    return world


def proportions(level: float) -> World:
    """Failed requests of about 60 a step in each arm."""

    def world(rng: Generator, runs: int) -> Floats:
        part = np.clip(level * rhythm(rng, runs, LONG, 0.2), 0, 0.9)
        canary, baseline = rng.poisson(60 * rhythm(rng, runs, LONG), (2, runs, LONG))
        events = rng.binomial(canary, part), rng.binomial(baseline, part)
        return count_log_e(*events, exposure_share(canary, baseline))

    return world


def beta(log_e: Callable[..., Floats]) -> World:
    """Three events a step, judged by one of the Beta mixtures."""

    def world(rng: Generator, runs: int) -> Floats:
        canary, baseline = np.cumsum(rng.poisson(3, (2, runs, LONG)), axis=2)
        return log_e(canary, baseline, 0.5)

    return world


def lone(part: float) -> World:
    """A baseline without events; five in the canary in this part of the steps."""

    def world(rng: Generator, runs: int) -> Floats:
        canary = 5.0 * (rng.random((runs, SHORT)) < part)
        return count_log_e(canary, np.zeros_like(canary))

    return world


def dispersed_arms(rate: float, dispersion: float, effect: float = 1.0) -> Arms:
    """Events whose variance is so many times their mean, before the effect on the canary."""
    return lambda rng, shape: (
        bursty(rng, rate, dispersion, shape, effect),
        bursty(rng, rate, dispersion, shape),
    )


def burst_arms(rate: float, size: float) -> Arms:
    """Events in bursts of this mean size."""
    return lambda rng, shape: (in_bursts(rng, rate, size, shape), in_bursts(rng, rate, size, shape))


def uncorrected(arms: Arms) -> World:
    """Events judged as if each came by itself."""
    return lambda rng, runs: count_log_e(*arms(rng, (runs, LONG)))


def corrected(arms: Arms, quiet: Arms | None = None, steps: int = LONG) -> World:
    """Events divided by the dispersion of ten hours of history: of `quiet`, or of the same arms."""

    def world(rng: Generator, runs: int) -> Floats:
        phi = dispersions(*(quiet or arms)(rng, (runs, HISTORY)))
        canary, baseline = arms(rng, (runs, steps))
        return count_log_e(canary / phi, baseline / phi)

    return world


def bet_on(arms: Arms, steps: int = LONG) -> World:
    """Events judged as a gauge, by the bet on symmetry of their square roots."""

    def world(rng: Generator, runs: int) -> Floats:
        canary, baseline = arms(rng, (runs, steps))
        return gauge_log_e(np.sqrt(canary + 3 / 8) - np.sqrt(baseline + 3 / 8))

    return world


def student() -> World:
    """Differences with tails so heavy that they have no variance."""
    return lambda rng, runs: gauge_log_e(rng.standard_t(1.5, (runs, LONG)))


def student_mixture() -> World:
    """The same, judged by the normal mixture."""
    return lambda rng, runs: mixture_log_e(rng.standard_t(1.5, (runs, LONG)), 1.0)


def shared_drift(phi: float) -> World:
    """A level that drifts for both arms alike, with noise of each arm."""

    def world(rng: Generator, runs: int) -> Floats:
        shape = runs, LONG
        level = autoregressive(rng, phi, shape)
        arms = np.exp(level + 0.3 * rng.normal(size=(2, *shape)))
        return gauge_log_e(log_ratios(arms[0], arms[1]))

    return world


def private_arms(phi: float, canary: float = 0.0, baseline: float = 0.0) -> Arms:
    """Noise of standard deviation 1 around two levels, which has a memory of its own in each."""
    return lambda rng, shape: (
        canary + autoregressive(rng, phi, shape),
        baseline + autoregressive(rng, phi, shape),
    )


def private(phi: float, steps: int, *, prewhiten: bool = False, shift: float = 0.0) -> World:
    """The difference of such levels, judged by bets."""
    arms = private_arms(phi, shift)

    def world(rng: Generator, runs: int) -> Floats:
        canary, baseline = arms(rng, (runs, steps))
        return gauge_log_e(canary - baseline, prewhiten=prewhiten)

    return world


def private_mixture(phi: float, steps: int) -> World:
    """The same, prewhitened and judged by the normal mixture, tuned to what is left to chance."""
    arms = private_arms(phi)

    def world(rng: Generator, runs: int) -> Floats:
        canary, baseline = arms(rng, (runs, steps))
        return mixture_log_e(canary - baseline, 2 * (1 - phi**2), prewhiten=True)

    return world
