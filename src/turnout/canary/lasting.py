"""How long a canary must run, before it starts: by formula, and by simulation over history."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from turnout.analysis import sequential
from turnout.analysis.sequential.duration import (
    MEDIAN,
    MOST,
    gauge_steps,
    plan_duration,
)
from turnout.canary.evidence import Columns, Slice
from turnout.canary.history import dispersion_of
from turnout.canary.opinions import metric_of, steps_of
from turnout.canary.replaying import harm_slice, split_slice
from turnout.canary.subjects import Subject, subjects_of
from turnout.canary.worker import Tell
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.document import read_document
from turnout.model.canary.lasting import DurationResult, DurationRow, Measurement
from turnout.model.canary.options import Kind, read_judge_options
from turnout.model.value import Value

LONG = 4 * 60.0
"""Minutes; who must wait longer should ask another question."""

LEAST = 1.0005
"""Smaller ratios are no regression."""

RUNS = 25
MOST_SIMULATED = timedelta(hours=4)
MOST_STEPS = 600
BLOCK = timedelta(minutes=5)
"""History is drawn in blocks of this length, so that what lasts is in it."""


class DurationTask(Value):
    """`shares`: of each arm, in per mille. `slices`: one group's figures, gauges too; without any,
    `rate` (requests a second, of everybody) and `errors` (their share) are taken.
    """

    shares: tuple[int, ...]
    regression: float | None = None
    """Ratio that is to be found: 1.5 for 50 % more."""
    to: float | None = None
    """The share of errors that is to be found instead."""
    rate: float | None = None
    errors: float | None = None
    alpha: float = 0.01
    document: dict[str, Any] | None = None
    history: dict[str, Any] = {}
    slices: tuple[Slice, ...] = ()
    seed: int = 1


def duration_document(document: bytes, tell: Tell) -> bytes:
    """A `DurationTask` as JSON, to a `DurationResult`."""
    task = DurationTask.model_validate_json(document)
    return tell_duration(task, tell).model_dump_json().encode()


def tell_duration(task: DurationTask, tell: Tell) -> DurationResult:
    """A row for each metric and share."""
    if not task.slices:
        measured = Measurement(
            name="errors", kind="proportion", rate=task.rate or 0.0, part=task.errors
        )
        rows = [_row(task, measured, share, task.alpha) for share in task.shares]
        return _result(task, (measured,), rows)
    config = read_document(CanaryConfig, task.document)
    known = {name: dict(value) for name, value in task.history.items()}
    for one in task.slices:
        known.setdefault(one.metric, {})["dispersion"] = dispersion_of(one.canary[-2:])
    length = timedelta(hours=1)
    subjects = {s.name: s for s in subjects_of(config, length, known)}
    pairs = [(subjects[one.metric], one) for one in task.slices]
    alpha = read_judge_options(config).alpha
    found = [(_measure(subject, one), subject) for subject, one in pairs]
    rows = []
    for n, (measured, subject) in enumerate(found):
        for share in task.shares:
            row = _row(task, measured, share, alpha)
            tell(f"{subject.name} at {share / 10:g} %", n / len(found))
            rows.append(_simulated(task, config, pairs, subject, row))
    return _result(task, tuple(m for m, _ in found), rows)


def _measure(subject: Subject, one: Slice) -> Measurement:
    step = subject.step.total_seconds()
    if subject.kind is Kind.GAUGE:
        return Measurement(
            name=subject.name,
            kind="gauge",
            step_seconds=step,
            deviation=log_deviation(one.canary[0]),
        )
    middle = (len(one.canary) - 1) // 2  # of a latency the threshold that tells most, about p90
    events, exposure = one.canary[middle], one.canary[-1]
    known = [(e, n) for e, n in zip(events, exposure, strict=True) if not math.isnan(e + n)]
    seconds = len(known) * step or 1.0
    total, requests = sum(e for e, _ in known), sum(n for _, n in known)
    is_time = subject.exposure is None
    return Measurement(
        name=subject.name,
        kind=subject.kind.value,
        step_seconds=step,
        rate=(total if is_time else requests) / seconds,
        part=1.0 if is_time else total / requests if requests else 0.0,
        dispersion=subject.dispersion or 1.0,
        threshold_ms=subject.thresholds_ms[middle] if subject.thresholds_ms else None,
    )


def log_deviation(values: Sequence[float]) -> float:
    """Of the log ratio of two values, from neighbouring steps; NaN with fewer than ten pairs."""
    pairs = zip(values[::2], values[1::2], strict=False)
    logs = [math.log(a / b) for a, b in pairs if a > 0 and b > 0]
    if len(logs) < 10:
        return math.nan
    return math.sqrt(sum(value**2 for value in logs) / len(logs))


def ratio_of(task: DurationTask, measured: Measurement) -> float:
    """What is to be found: as it was said, or from the errors of today to those that were named."""
    if task.to is not None and measured.kind == "proportion" and measured.part:
        return task.to / measured.part
    return task.regression or 1.5


def _row(task: DurationTask, measured: Measurement, share: int, alpha: float) -> DurationRow:
    ratio = ratio_of(task, measured)
    median, most, events = (
        _gauge(measured, ratio, alpha),
        _gauge(measured, ratio, alpha, MOST),
        None,
    )
    if measured.kind != "gauge" and ratio > LEAST:
        both = measured.rate * 60 * (measured.part or 0.0) * 2 * share / 1000
        (planned,) = plan_duration(
            ratio, both, alpha=alpha, dispersion=measured.dispersion, shares=(0.5,)
        )
        median, most, events = (
            planned.minutes_median,
            planned.minutes_most,
            planned.events_median,
        )
    return DurationRow(
        metric=measured.name,
        share=share,
        ratio=ratio,
        events=events,
        median_minutes=median,
        most_minutes=most,
        advice=advise(measured, ratio, median),
    )


def _gauge(measured: Measurement, ratio: float, alpha: float, certainty: float = MEDIAN) -> float:
    if measured.deviation is None or math.isnan(measured.deviation) or ratio <= LEAST:
        return math.inf
    steps = gauge_steps(ratio, measured.deviation, alpha, certainty=certainty)
    return steps * measured.step_seconds / 60


def advise(measured: Measurement, ratio: float, minutes: float) -> str:
    """When the question is the wrong one: why, and what to ask instead."""
    if ratio <= LEAST:
        now = "more" if ratio < 1 / LEAST else "as many"
        return f"That is no regression: there are {now} now."
    if minutes <= LONG:
        return ""
    if not math.isfinite(minutes) and measured.kind == "gauge":
        return f"There is not enough history of {measured.name} yet."
    if not math.isfinite(minutes):
        return f"There are no {measured.name} that could be counted: choose a metric with events."
    more = f"{ratio - 1:.0%}".replace("%", " %")
    return (
        f"A regression of {more} needs {_hours(minutes)}: that is hardly the question to ask of "
        f"{measured.name}. Look for a larger one, give the canary more traffic, or compare "
        "something that happens more often, like latency."
    )


def _hours(minutes: float) -> str:
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 60 / 24:.0f} days"


def _simulated(
    task: DurationTask,
    config: CanaryConfig,
    pairs: Sequence[tuple[Subject, Slice]],
    subject: Subject,
    row: DurationRow,
) -> DurationRow:
    """The same by simulation, where history can be split and the answer is not too far away."""
    longest = MOST_SIMULATED.total_seconds() / 60
    if subject.kind is Kind.GAUGE or row.median_minutes > longest or row.ratio <= LEAST:
        return row
    horizon = timedelta(minutes=min(longest, max(10.0, 2.5 * row.most_minutes)))
    counted = [(s, one) for s, one in pairs if s.kind is not Kind.GAUGE]
    minutes = sorted(
        _run(task, config, counted, (subject, row), horizon, number) for number in range(RUNS)
    )
    return row.model_copy(
        update={
            "simulated_median": minutes[RUNS // 2],
            "simulated_most": minutes[math.ceil(0.8 * RUNS) - 1],
            "horizon_minutes": horizon / timedelta(minutes=1),
        }
    )


def _run(
    task: DurationTask,
    config: CanaryConfig,
    counted: Sequence[tuple[Subject, Slice]],
    harm: tuple[Subject, DurationRow],
    horizon: timedelta,
    number: int,
) -> float:
    """Minutes until one simulated canary with harm is stopped; infinite if it is not."""
    subject, row = harm
    chance = random.Random(task.seed * 1_000_003 + number)  # noqa: S311 - seeded
    fold = max(1, math.ceil(horizon / counted[0][0].step / MOST_STEPS))
    blocks = _draw_blocks(counted[0], horizon, chance)
    slices, described = {}, []
    for place, (one, history) in enumerate(counted):
        drawn = _resampled(one, history, blocks)
        arms = split_slice(one, drawn, row.share / 1000, chance.randrange(2**31) + place)
        coarse = replace(one, step=fold * one.step)
        folded = _folded(arms, fold)
        if one.name == subject.name:
            folded = harm_slice(one, folded, row.ratio, chance)
        slices[one.name] = steps_of(one.kind, [folded])
        described.append(metric_of(coarse))
    risks = read_judge_options(config)
    state = sequential.start(
        described,
        alpha=risks.alpha,
        beta=risks.beta,
        planned_steps=MOST_STEPS,
        expected_share=None,
        has_intervals=False,
    )
    state = sequential.advance(state, slices)
    return math.inf if state.failed_at is None else state.failed_at / 60


def _draw_blocks(
    counted: tuple[Subject, Slice], horizon: timedelta, chance: random.Random
) -> list[int]:
    """Where blocks of history begin, in seconds; the same ones for every metric."""
    subject, history = counted
    seconds = history.count * subject.step.total_seconds()
    last = max(1, int(seconds - BLOCK.total_seconds()))
    return [chance.randrange(last) for _ in range(math.ceil(horizon / BLOCK))]


def _resampled(subject: Subject, history: Slice, blocks: Sequence[int]) -> Slice:
    step = subject.step.total_seconds()
    size = max(1, int(BLOCK.total_seconds() / step))
    columns = tuple(
        tuple(value for begin in blocks for value in column[int(begin / step) :][:size])
        for column in history.canary
    )
    return history.model_copy(update={"first": 0, "canary": columns})


def _folded(one: Slice, fold: int) -> Slice:
    """In longer steps; what is missing of a step is missing in its sum."""

    def coarse(columns: Columns) -> Columns:
        return tuple(
            tuple(sum(c[place : place + fold]) for place in range(0, len(c) - fold + 1, fold))
            for c in columns
        )

    return one.model_copy(update={"canary": coarse(one.canary), "baseline": coarse(one.baseline)})


def _result(
    task: DurationTask, measured: Sequence[Measurement], rows: Sequence[DurationRow]
) -> DurationResult:
    return DurationResult(
        measured=tuple(measured), rows=tuple(rows), is_simulated=bool(task.slices)
    )
