"""The sequential canary judge: false alarms and detection, beside the figures of its design."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmarks.canary_default import judge_default_canaries, measure_cost
from benchmarks.canary_sequences import measure_sequences
from benchmarks.canary_worlds import (
    autoregressive,
    bursty,
    count_log_e,
    dispersions,
    first_at,
    gauge_log_e,
    in_bursts,
    in_chunks,
    rhythm,
    safety_log_e,
)
from benchmarks.frame import Size, run, say
from benchmarks.outcome import Goal, Outcome, Table, below
from turnout.analysis.sequential.combine import canary_log_e, e_bh
from turnout.analysis.sequential.counts import beta_log_e, beta_log_e_above, exposure_share
from turnout.analysis.sequential.duration import wald_events
from turnout.analysis.sequential.ending import conditional_binomial_p
from turnout.analysis.sequential.gauges import best_rho, normal_log_e_above
from turnout.analysis.sequential.mixtures import Floats

ONE, FIVE = math.log(100), math.log(20)
HISTORY = 600
"""Steps without a change from which the dispersion is known: ten hours of minutes."""

World = Callable[[Generator, int], Floats]
"""Log-e of so many runs, by step."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """A world without harm. `written` are the design's false alarms, in percent."""

    name: str
    world: World
    written: tuple[float, float | None]
    holds: bool = True
    """False where the method is known not to hold: shown, and no goal."""


@dataclass(frozen=True, slots=True)
class Harmful:
    """A world with harm. `written` is the median of the design in steps, or the part found."""

    name: str
    world: World
    written: float
    is_part: bool = False


async def measure(size: Size) -> Outcome:
    """Simulated canaries: how often a good one is failed, and how soon a bad one is."""
    alarms, alarm_goals = _measure_alarms(size.count)
    found, found_goals = _measure_detection(max(size.count // 4, 50))
    say("detection: done")
    sequences, sequence_goals = measure_sequences(max(size.count // 2, 100))
    default, default_goals = judge_default_canaries(size.count)
    say("the default canary: done")
    return Outcome(
        about=(
            f"{size.count} simulated canaries per row (a quarter where harm is to be found),"
            " seeded. False alarms are those of the whole run, looked at after every step."
        ),
        tables=(
            alarms,
            found,
            *_more(max(size.count // 4, 50)),
            sequences,
            default,
            measure_cost(),
        ),
        goals=(*alarm_goals, *found_goals, *sequence_goals, *default_goals),
    )


def _measure_alarms(runs: int) -> tuple[Table, list[Goal]]:
    rows: list[tuple[str | float, ...]] = []
    goals: list[Goal] = []
    for seed, quiet in enumerate(_quiet()):
        peaks = in_chunks(runs, seed, _peaks(quiet.world))
        one, five = (100 * float(np.mean(peaks >= level)) for level in (ONE, FIVE))
        rows.append((quiet.name, *quiet.written[:1], one, quiet.written[1] or math.nan, five))
        say(f"{quiet.name}: {one:.2f} %, {five:.1f} %")
        if quiet.holds:
            limit = 1 + 200 * math.sqrt(0.01 * 0.99 / runs)
            goals.append(below(f"False alarms, {quiet.name}", one, limit, "%"))
    columns = ("false alarms in % of runs", "1 %: design", "measured", "5 %: design", "measured")
    return Table("Without harm", columns, tuple(rows)), goals


def _measure_detection(runs: int) -> tuple[Table, list[Goal]]:
    rows: list[tuple[str | float, ...]] = []
    goals: list[Goal] = []
    for seed, harmful in enumerate(_harmful(), start=100):
        at = in_chunks(runs, seed, _alarms(harmful.world))
        median, part = float(np.median(at)), 100 * float(np.mean(np.isfinite(at)))
        shown = median if math.isfinite(median) else math.nan
        written = f"{harmful.written:g} {'%' if harmful.is_part else 'steps'}"
        rows.append((harmful.name, written, shown, part))
        if not harmful.is_part:
            limit = max(1.15 * harmful.written, harmful.written + 1) + 0.5
            goals.append(below(f"Median detection, {harmful.name}", median, limit, "steps"))
    columns = ("harm found at 1 %", "design", "median step", "found in %")
    return Table("With harm, at most 180 steps", columns, tuple(rows)), goals


def _peaks(world: World) -> World:
    return lambda rng, runs: np.asarray(world(rng, runs).max(axis=1))


def _alarms(world: World) -> World:
    return lambda rng, runs: first_at(world(rng, runs), ONE)


def _quiet() -> Iterable[Quiet]:
    for rate, one, five in ((0.2, 0.40, 1.9), (3, 0.48, 2.1), (30, 0.23, 1.5)):
        yield Quiet(f"Poisson {rate}/min, rhythm and shocks", _poisson(rate), (one, five))
    yield Quiet("5/95 split, canary 0.3/min", _poisson(5.7, share=0.05), (0.23, 1.7))
    yield Quiet("proportions near 5 %, exposures vary", _proportions(0.05), (0.15, 1.6))
    yield Quiet("proportions near 20 %", _proportions(0.2), (0.0, 0.25))
    yield Quiet("Beta mixture, one-sided", _beta(beta_log_e_above), (0.53, 2.6))
    yield Quiet("Beta mixture, two-sided", _beta(beta_log_e), (0.40, 3.0))
    for ratio, one, five in ((1.3, 1.5, 6), (2.5, 13, 25), (7, 51, 61)):
        name = f"3/min, var/mean {ratio}, uncorrected"
        yield Quiet(name, _dispersed(3, ratio, is_corrected=False), (one, five), holds=False)
    for rate, ratio, one in (
        (3, 1.3, 0.43), (3, 2.5, 0.23), (3, 7, 0.33),
        (30, 1.6, 0.60), (30, 4, 0.43), (30, 13, 0.13),
    ):  # fmt: skip
        name = f"{rate}/min, var/mean {ratio}, corrected"
        yield Quiet(name, _dispersed(rate, ratio, is_corrected=True), (one, None))
    for burst, before, after in ((2, 19, 0.20), (5, 59, 0.35)):
        for is_corrected, one in ((False, before), (True, after)):
            name = f"bursts of {burst}, {'corrected' if is_corrected else 'uncorrected'}"
            world = _bursts(burst, is_corrected=is_corrected)
            yield Quiet(name, world, (one, None), holds=is_corrected)
    for ratio, one, five in ((1.3, 0.48, 2.3), (2.5, 0.50, 2.6), (7, 0.18, 2.6)):
        yield Quiet(f"3/min, var/mean {ratio}, bet on symmetry", _bet_on_counts(ratio), (one, five))
    yield Quiet("Student t(1.5), bet", _student(), (0.43, 2.5))
    yield Quiet("Student t(1.5), normal mixture", _student_mixture(), (0.0, 0.35))
    for phi, one, five in ((0.3, 4.1, 12), (0.6, 20, 34), (0.9, 57, 65)):
        yield Quiet(f"private AR {phi}, plain bet", _private(phi, 360), (one, five), holds=False)
    for phi, one, holds in ((0.3, 0.5, True), (0.6, 0.7, True), (0.9, 3.1, False)):
        world = _private(phi, 180, prewhiten=True)
        yield Quiet(f"private AR {phi}, prewhitened, 180 steps", world, (one, None), holds)


def _harmful() -> Iterable[Harmful]:
    for rate, ratio, median in (
        (0.2, 5, 19), (0.2, 10, 7), (3, 1.5, 38), (3, 2, 11), (3, 3, 4),
        (30, 1.1, 80), (30, 1.25, 15), (30, 1.5, 5),
    ):  # fmt: skip
        yield Harmful(f"Poisson {rate}/min x{ratio}", _steady(rate, ratio), median)
    yield Harmful("Poisson 3/min x1.25", _steady(3, 1.25), 70, is_part=True)
    yield Harmful("30/min x1.25, waves", _poisson(30, ratio=1.25, steps=180, shocks=0.7), 15)
    for part, median in ((10, 17), (20, 8), (40, 4), (60, 3)):
        yield Harmful(f"baseline 0, 5 errors in {part} % of minutes", _lone(part / 100), median)
    yield Harmful("3/min, var/mean 2.5, x1.5, corrected", _dispersed_harm(1.5), 89)
    yield Harmful("3/min, var/mean 2.5, x2, corrected", _dispersed_harm(2), 27)
    for phi, median in ((0.3, 70), (0.6, 114)):
        world = _private(phi, 180, prewhiten=True, shift=1)
        yield Harmful(f"private AR {phi}, shift of 1 sd, prewhitened", world, median)


def _poisson(
    rate: float, *, ratio: float = 1.0, share: float = 0.5, steps: int = 360, shocks: float = 0.5
) -> World:
    def world(rng: Generator, runs: int) -> Floats:
        both = 2 * rate * rhythm(rng, runs, steps, shocks)
        canary, baseline = rng.poisson(share * ratio * both), rng.poisson((1 - share) * both)
        return count_log_e(canary, baseline, share)

    return world


def _steady(rate: float, ratio: float) -> World:
    def world(rng: Generator, runs: int) -> Floats:
        shape = runs, 180
        return count_log_e(rng.poisson(rate * ratio, shape), rng.poisson(rate, shape))

    return world


def _proportions(level: float) -> World:
    def world(rng: Generator, runs: int) -> Floats:
        part = np.clip(level * rhythm(rng, runs, 360, 0.2), 0, 0.9)
        canary, baseline = rng.poisson(60 * rhythm(rng, runs, 360), (2, runs, 360))
        events = rng.binomial(canary, part), rng.binomial(baseline, part)
        return count_log_e(*events, exposure_share(canary, baseline))

    return world


def _beta(log_e: Callable[..., Floats]) -> World:
    def world(rng: Generator, runs: int) -> Floats:
        canary, baseline = np.cumsum(rng.poisson(3, (2, runs, 360)), axis=2)
        return log_e(canary, baseline, 0.5)

    return world


def _dispersed(rate: float, ratio: float, *, is_corrected: bool) -> World:
    def draw(rng: Generator, shape: tuple[int, int]) -> Floats:
        return bursty(rng, rate, ratio, shape)

    return _corrected(draw, is_corrected=is_corrected)


def _bursts(burst: float, *, is_corrected: bool) -> World:
    def draw(rng: Generator, shape: tuple[int, int]) -> Floats:
        return in_bursts(rng, 3, burst, shape)

    return _corrected(draw, is_corrected=is_corrected)


def _corrected(
    draw: Callable[[Generator, tuple[int, int]], Floats], *, is_corrected: bool
) -> World:
    def world(rng: Generator, runs: int) -> Floats:
        past = draw(rng, (runs, HISTORY)), draw(rng, (runs, HISTORY))
        phi = dispersions(*past) if is_corrected else np.ones((runs, 1))
        return count_log_e(draw(rng, (runs, 360)) / phi, draw(rng, (runs, 360)) / phi)

    return world


def _dispersed_harm(ratio: float) -> World:
    def world(rng: Generator, runs: int) -> Floats:
        phi = dispersions(*(bursty(rng, 3, 2.5, (runs, HISTORY)) for _ in range(2)))
        shape = runs, 180
        canary, baseline = bursty(rng, 3 * ratio, 2.5, shape), bursty(rng, 3, 2.5, shape)
        return count_log_e(canary / phi, baseline / phi)

    return world


def _lone(part: float) -> World:
    def world(rng: Generator, runs: int) -> Floats:
        canary = 5.0 * (rng.random((runs, 180)) < part)
        return count_log_e(canary, np.zeros_like(canary))

    return world


def _bet_on_counts(ratio: float) -> World:
    def world(rng: Generator, runs: int) -> Floats:
        arms = (np.sqrt(bursty(rng, 3, ratio, (runs, 360)) + 3 / 8) for _ in range(2))
        return gauge_log_e(next(arms) - next(arms))

    return world


def _student() -> World:
    return lambda rng, runs: gauge_log_e(rng.standard_t(1.5, (runs, 360)))


def _student_mixture() -> World:
    def world(rng: Generator, runs: int) -> Floats:
        d = rng.standard_t(1.5, (runs, 360))
        rho = best_rho(360, 0.01)
        return normal_log_e_above(np.cumsum(d, axis=1), np.cumsum(d**2, axis=1), rho)

    return world


def _private(phi: float, steps: int, *, prewhiten: bool = False, shift: float = 0) -> World:
    def world(rng: Generator, runs: int) -> Floats:
        arms = [autoregressive(rng, phi, (runs, steps)) for _ in range(2)]
        return gauge_log_e(shift + arms[0] - arms[1], prewhiten=prewhiten)

    return world


def _more(runs: int) -> tuple[Table, ...]:
    say("the end, many metrics, early pass, events needed")
    return _end_table(runs), _many_table(runs), _early_table(runs), _events_table(runs)


def _end_table(runs: int) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for seed, (rate, ratio, written) in enumerate(
        (
            (0.2, 1, "0.45 / 0.53 / 0.80"), (0.2, 2, "58 / 79 / 86"),
            (3, 1, "0.35 / 0.68 / 1.1"), (3, 1.25, "71 / 91 / 94"),
            (30, 1, "0.37 / 0.55 / 1.0"), (30, 1.1, "94 / 99.5 / 99.7"),
        ),
        start=200,
    ):  # fmt: skip
        rng = np.random.default_rng(seed)
        canary, baseline = rng.poisson(rate * ratio, (runs, 180)), rng.poisson(rate, (runs, 180))
        peaks = count_log_e(canary, baseline).max(axis=1)
        ours, both = canary.sum(axis=1), (canary + baseline).sum(axis=1)
        p = np.array([conditional_binomial_p(x, n, 0.5) for x, n in zip(ours, both, strict=True)])
        halves = (peaks >= math.log(200)) | (p <= 0.005)
        parts = (100 * float(np.mean(part)) for part in (peaks >= ONE, halves, p <= 0.01))
        rows.append((f"{rate}/min x{ratio}", written, *parts))
    columns = ("alarms in %, 180 steps, 1 %", "design", "anytime", "halves", "end only")
    return Table("With a share of alpha for the end", columns, tuple(rows))


def _many_table(runs: int) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for seed, (name, bad, ratio, written) in enumerate(
        (
            ("no change", 0, 1.0, "1.4 %"),
            ("identical metrics", -1, 1.0, "1.9 %"),
            ("one of 20 at x2", 1, 2.0, "15 steps"),
            ("three of 20 at x1.5", 3, 1.5, "28 steps"),
        ),
        start=300,
    ):
        at = in_chunks(runs, seed, _twenty(bad, ratio))
        finite = np.isfinite(at)
        medians = [float(m) if math.isfinite(m) else math.nan for m in np.median(at, axis=0)]
        rows.append((name, written, *(100 * finite.mean(axis=0)), *medians))
    columns = ("20 metrics at 3/min, 5 %", "design", "average %", "Bonferroni %", "step", "step")
    return Table("Many metrics, 180 steps", columns, (*rows, _fdr_row(runs)))


def _twenty(bad: int, ratio: float) -> World:
    """When the average and Bonferroni alarm, by run."""

    def world(rng: Generator, runs: int) -> Floats:
        shape = 20, runs, 180
        effect = np.where(np.arange(20) < bad, ratio, 1.0)[:, None, None]
        canary, baseline = rng.poisson(3 * effect, shape), rng.poisson(3.0, shape)
        if bad < 0:
            canary, baseline = canary[:1].repeat(20, axis=0), baseline[:1].repeat(20, axis=0)
        pairs = zip(canary, baseline, strict=True)
        log_es = np.stack([count_log_e(ours, theirs) for ours, theirs in pairs], axis=-1)
        average = canary_log_e(log_es, np.ones(20))
        single = log_es.max(axis=-1) - math.log(20)
        return np.stack([first_at(average, FIVE), first_at(single, FIVE)], axis=1)

    return world


def _fdr_row(runs: int) -> tuple[str | float, ...]:
    rng = np.random.default_rng(310)
    effect = np.where(np.arange(20) < 5, 3.0, 1.0)[:, None, None]
    count = min(runs, 200)
    shape = 20, count, 180
    canary, baseline = rng.poisson(3 * effect, shape), rng.poisson(3.0, shape)
    ends = np.stack([count_log_e(c, b)[:, -1] for c, b in zip(canary, baseline, strict=True)])
    lists = [e_bh(ends[:, place], 0.05) for place in range(count)]
    false = np.mean([sum(k >= 5 for k in found) / max(len(found), 1) for found in lists])
    true = np.mean([sum(k < 5 for k in found) for found in lists])
    name, written = "e-BH, five of 20 at x3", "0.07 %; 5.0 found"
    return name, written, 100 * float(false), math.nan, float(true), math.nan


def _early_table(runs: int) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for seed, (rate, harm, ratio, written) in enumerate(
        (
            (30, 0.25, 1.0, "12 steps"), (30, 0.25, 1.25, "1.8 %"),
            (3, 0.5, 1.0, "32 steps"), (3, 0.25, 1.0, "80 %"), (3, 0.25, 1.25, "1.3 to 2.3 %"),
        ),
        start=400,
    ):  # fmt: skip
        rng = np.random.default_rng(seed)
        canary, baseline = rng.poisson(rate * ratio, (runs, 180)), rng.poisson(rate, (runs, 180))
        at = first_at(safety_log_e(canary, baseline, harm), FIVE)
        median = float(np.median(at))
        part = 100 * float(np.mean(np.isfinite(at)))
        name = f"{rate}/min, true x{ratio}, harm of interest {harm:.0%}"
        rows.append((name, written, median if math.isfinite(median) else math.nan, part))
    columns = ("passed early at 5 %", "design", "median step", "passed in %")
    return Table("Early pass, 180 steps", columns, tuple(rows))


def _events_table(runs: int) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for seed, (ratio, median, most) in enumerate(
        ((1.25, 934, 1423), (1.5, 261, 439), (2, 92, 139), (3, 42, 68)), start=500
    ):
        rng = np.random.default_rng(seed)
        limit = int(6 * wald_events(ratio, 0.01))
        is_canary = rng.random((min(runs, 600), limit)) < ratio / (1 + ratio)
        at = first_at(count_log_e(is_canary, ~is_canary), ONE)
        ours = float(np.median(at)), float(np.quantile(at, 0.8))
        rows.append((f"x{ratio}", wald_events(ratio, 0.01), median, ours[0], most, ours[1]))
    columns = ("events until found, 1 %", "Wald", "median: design", "ours", "80 %: design", "ours")
    return Table("How long a canary must run", columns, tuple(rows))


if __name__ == "__main__":
    run(measure, name="canary_sequential", counted="simulated canaries", count=4000, quick=200)
