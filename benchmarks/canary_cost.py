"""What one look at fifty metrics costs the sequential judge: at the start, and after a day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np

from benchmarks.canary_default import METRICS, draw, steps_of
from benchmarks.outcome import Goal, Table, below, format_number
from turnout.analysis.sequential import Metric, State, Steps, advance, start

COPIES = 13
"""Of the four usual metrics: fifty, more or less."""
STEP = timedelta(seconds=15)
DAY = timedelta(days=1) // STEP
EARLY, TIMED = 20, 10
"""Steps after which even gauges have begun to bet; over how many time is taken."""


def measure_cost(*, is_quick: bool) -> tuple[Table, tuple[Goal, ...]]:
    """Processor time of one step of all metrics, early and late in the same run."""
    late = DAY // 10 if is_quick else DAY
    figures = draw(np.random.default_rng(603), 1, 0.001, steps=late + TIMED)
    metrics = [replace(metric, step=STEP) for metric in METRICS]
    state, steps = start(metrics, planned_steps=late), steps_of(figures, 0)
    state = advance(state, _cut(steps, 0, EARLY))
    early_ms = _time(_multiplied(state), steps, EARLY)
    state = advance(state, _cut(steps, EARLY, late))
    late_ms = _time(_multiplied(state), steps, late)
    count = COPIES * len(METRICS)
    rows = (
        (f"after {EARLY} steps, ms", early_ms),
        (f"after {format_number(late)} steps, ms", late_ms),
        ("late over early", late_ms / early_ms),
    )
    table = Table("What a step costs", (f"one step of {count} metrics", "processor time"), rows)
    return table, (
        below(f"One step of {count} metrics after a day of 15 s steps", late_ms, 500, "ms"),
        below("A late step over an early one", late_ms / early_ms, 1.5, "times"),
    )


def _time(state: State, steps: dict[str, Steps], begin: int) -> float:
    """Milliseconds for one step."""
    parts = [_copied(_cut(steps, place, place + 1)) for place in range(begin, begin + TIMED)]
    began = time.process_time()
    for part in parts:
        state = advance(state, part)
    return 1000 * (time.process_time() - began) / TIMED


def _multiplied(state: State) -> State:
    """Each metric several times, as if each had been seen by itself."""
    metrics = tuple(_named(state.metrics))
    return replace(state, metrics=metrics, tracks=state.tracks * COPIES)


def _named(metrics: tuple[Metric, ...]) -> Iterator[Metric]:
    for place in range(COPIES):
        for metric in metrics:
            yield replace(metric, name=f"{metric.name} {place}")


def _copied(steps: dict[str, Steps]) -> dict[str, Steps]:
    return {f"{name} {place}": part for place in range(COPIES) for name, part in steps.items()}


def _cut(steps: dict[str, Steps], begin: int, end: int) -> dict[str, Steps]:
    return {name: _part(whole, begin, end) for name, whole in steps.items()}


def _part(steps: Steps, begin: int, end: int) -> Steps:
    columns = {name: getattr(steps, name)[begin:end] for name in type(steps).__slots__}
    return type(steps)(**columns)
