"""Twenty metrics of one canary: the average of their evidence, beside Bonferroni and nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from benchmarks.canary_evidence import count_log_e, first_at, in_chunks
from benchmarks.canary_figures import Figure, alike, at_least, at_most, no_later
from benchmarks.canary_worlds import SHORT, World
from turnout.analysis.sequential.combine import canary_log_e, e_bh
from turnout.analysis.sequential.mixtures import Floats

ALPHA = 0.05
METRICS, RATE = 20, 3.0
FIVE = -math.log(ALPHA)

Arms = tuple[Floats, Floats]


def measure_many(runs: int) -> list[Figure]:
    """At 5 % for the canary, within 180 steps."""
    none = in_chunks(runs, 300, _alarms(0, 1.0))
    same = in_chunks(runs, 301, _alarms(0, 1.0, is_same=True))
    one = in_chunks(runs, 302, _alarms(1, 2.0))
    three = in_chunks(runs, 303, _alarms(3, 1.5))
    return [
        *_alarm_figures("no change", none, (1.4, 1.4, 34)),
        *_alarm_figures("identical metrics", same, (1.9,)),
        *_median_figures("one of 20 at x2", one, (15, 15, 7)),
        *_median_figures("three of 20 at x1.5", three, (28, 29)),
        _no_later_than_bonferroni("one of 20 at x2", one),
        _no_later_than_bonferroni("three of 20 at x1.5", three),
        *_discoveries(runs),
    ]


def _alarm_figures(name: str, at: Floats, written: tuple[float, ...]) -> Iterator[Figure]:
    kinds = ("average", "Bonferroni", "uncorrected")
    for column, (kind, design) in enumerate(zip(kinds, written, strict=False)):
        is_alarm, what = np.isfinite(at[:, column]), f"{name}, {kind}"
        if kind == "uncorrected":
            yield alike(what, is_alarm, design)
        else:
            yield at_most(what, is_alarm, ALPHA, design)


def _median_figures(name: str, at: Floats, written: tuple[float, ...]) -> Iterator[Figure]:
    kinds = ("average", "Bonferroni", "uncorrected")
    for column, (kind, design) in enumerate(zip(kinds, written, strict=False)):
        yield no_later(f"{name}, {kind}, median", at[:, column], design)


def _no_later_than_bonferroni(name: str, at: Floats) -> Figure:
    ours, other = np.median(at[:, :2], axis=0).tolist()
    what = f"{name}, average less Bonferroni, steps"
    return Figure(what, "not above 0", ours - other, is_ok=ours <= other)


def _alarms(bad: int, ratio: float, *, is_same: bool = False) -> World:
    """When the average, Bonferroni and any metric by itself alarm; a column each."""

    def world(rng: Generator, runs: int) -> Floats:
        log_es = _log_es(rng, runs, bad, ratio)
        if is_same:
            log_es = np.repeat(log_es[..., :1], METRICS, axis=-1)
        average, largest = canary_log_e(log_es, np.ones(METRICS)), log_es.max(axis=-1)
        levels = ((average, FIVE), (largest, FIVE + math.log(METRICS)), (largest, FIVE))
        return np.stack([first_at(log_e, level) for log_e, level in levels], axis=1)

    return world


def _log_es(rng: Generator, runs: int, bad: int, ratio: float) -> Floats:
    """By run, step and metric."""
    rates = RATE * np.where(np.arange(METRICS) < bad, ratio, 1.0)
    shape = runs, SHORT
    single = (count_log_e(rng.poisson(rate, shape), rng.poisson(RATE, shape)) for rate in rates)
    return np.stack(list(single), axis=-1)


def _discoveries(runs: int) -> list[Figure]:
    """e-BH at the end of 180 steps, five of 20 bad at x3."""

    def lists(rng: Generator, count: int) -> Floats:
        ends = _log_es(rng, count, 5, 3.0)[:, -1]
        found = [e_bh(log_es, ALPHA) for log_es in ends]
        return np.array(
            [(sum(k >= 5 for k in f) / max(len(f), 1), sum(k < 5 for k in f) / 5) for f in found]
        )

    found = in_chunks(runs, 310, lists)
    return [
        at_most("five of 20 at x3, e-BH: part of false ones", found[:, 0], ALPHA, 0.07),
        at_least("five of 20 at x3, e-BH: part found", found[:, 1], 100),
    ]
