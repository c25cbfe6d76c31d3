"""Windows of the past in which nothing changed, with their figures: what a replay needs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from turnout.canary.evidence import Columns, Slice
from turnout.canary.fetching import Arm, Fetcher, Found, Window, settle
from turnout.canary.history import LOOKS_BACK, learn
from turnout.canary.lasting import DurationTask
from turnout.canary.recorded import write_config
from turnout.canary.replaying import Measured, ReplayTask
from turnout.canary.retrospective import with_judge
from turnout.canary.serving import Period
from turnout.canary.subjects import Subject, subjects_of, too_short_for
from turnout.model.canary.configuration import SEQUENTIAL_JUDGE, CanaryConfig
from turnout.model.canary.options import Kind
from turnout.model.errors import InvalidDocument, NotFound, Problem
from turnout.model.names import parse_group
from turnout.model.units import format_duration
from turnout.ports import MetricSource

CHUNK = timedelta(hours=1)
"""Read at once."""

MOST_WINDOWS = 500
MOST_STEPS = 700_000
FEWEST_WINDOWS = 5

_SPLIT = (Kind.COUNT, Kind.PROPORTION, Kind.LATENCY)


@dataclass(frozen=True, slots=True)
class ReplayWish:
    """Which past. `share` (per mille, of each arm) splits the figures of whoever served;
    `control` and `experiment` are compared as they are instead.
    """

    config: CanaryConfig
    cluster: str
    begin: datetime
    end: datetime
    duration: timedelta
    share: int = 0
    control: str = ""
    experiment: str = ""
    location: str = ""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Time without a change, and who is asked for. One arm is split later."""

    arms: tuple[Arm, ...]
    begin: datetime
    end: datetime


async def gather(
    wish: ReplayWish, source: MetricSource, periods: Sequence[Period] = ()
) -> ReplayTask:
    """Read it all. `periods` say who served; not needed for two groups that are named.

    Raises `InvalidDocument` for too much, `NotFound` for too little.
    """
    config = with_judge(wish.config, SEQUENTIAL_JUDGE)
    stretches = tuple(_stretches(wish, periods))
    subjects, notes = _choose(config, wish)
    _refuse_too_much(wish, subjects)
    history = {}
    if stretches:
        first = stretches[0]
        history = await learn(
            subjects, source, config.templates, first.arms[-1], first.begin + LOOKS_BACK
        )
    kept = {
        name: {key: value for key, value in known.items() if key == "thresholds_ms"}
        for name, known in history.items()
    }
    names = {s.name for s in subjects}
    subjects = tuple(s for s in subjects_of(config, wish.duration, kept) if s.name in names)
    windows: list[Measured] = []
    for stretch in stretches:
        windows += await _read(wish, stretch, subjects, Fetcher(source, config.templates))
    if len(windows) < FEWEST_WINDOWS:
        raise NotFound(
            f"There are only {len(windows)} windows of {format_duration(wish.duration)} with "
            f"figures and without a change of traffic; a replay needs {FEWEST_WINDOWS}",
            hint="Take more hours, or shorter windows.",
        )
    return ReplayTask(
        document=write_config(config),
        history=kept,
        duration=wish.duration,
        share=wish.share,
        windows=tuple(windows[:MOST_WINDOWS]),
        seed=wish.seed,
        notes=notes,
    )


async def gather_figures(
    task: DurationTask,
    config: CanaryConfig,
    source: MetricSource,
    period: Period,
    past: timedelta,
) -> DurationTask:
    """The task with what the group that serves has shown lately. Raises `NotFound`."""
    config = with_judge(config, SEQUENTIAL_JUDGE)
    begin = max(period.begin, period.end - past)
    hour = timedelta(hours=1)
    subjects = subjects_of(config, hour)
    length = min(subjects[0].step * int((period.end - begin) / subjects[0].step), past)
    arm = Arm(period.group, parse_group(period.group)[0])
    history = await learn(subjects, source, config.templates, arm, period.end)
    kept = {
        name: {key: value for key, value in known.items() if key == "thresholds_ms"}
        for name, known in history.items()
    }
    subjects = tuple(s for s in subjects_of(config, hour, kept) if s.is_own)
    wish = ReplayWish(config, arm.location, begin, begin + length, length, share=1)
    fetcher = Fetcher(source, config.templates)
    slices = (await _read_chunk(wish, [arm], subjects, fetcher, begin, 1))[0] if length else ()
    if not slices:
        raise NotFound(
            f"There are no figures of {period.group} yet",
            hint="Give the figures instead: --rate 100 --errors 1%.",
        )
    known = {"document": write_config(config), "history": kept, "slices": slices}
    return task.model_copy(update=known)


def _choose(config: CanaryConfig, wish: ReplayWish) -> tuple[tuple[Subject, ...], tuple[str, ...]]:
    """The metrics that can be replayed, and what must be said about it."""
    subjects = subjects_of(config, wish.duration)
    short = too_short_for(subjects, wish.duration)
    if not wish.share:
        return tuple(s for s in subjects if s not in short), (
            "The groups are compared as they were: instances that differ are in it.",
        )
    fit = tuple(s for s in subjects if s.is_own and s.kind in _SPLIT)
    left = [s.name for s in subjects if s not in fit]
    notes = [
        "Each request was sent to an arm at random: differences between instances are not in it. "
        "Give each arm two instances or more; how much they differ, two groups with the same "
        "version tell that ran side by side."
    ]
    if left:
        notes.append(
            f"{', '.join(left)}: left out, for one group's levels cannot be split. Name two groups "
            "that ran side by side."
        )
    if not fit:
        message = "has no metric of the router that counts requests"
        raise InvalidDocument(f"Cannot replay: {message}", (Problem(message, "metrics"),))
    return fit, tuple(notes)


def _refuse_too_much(wish: ReplayWish, subjects: Sequence[Subject]) -> None:
    shortest = min(s.step for s in subjects)
    if (wish.end - wish.begin) / shortest > MOST_STEPS:
        hours = MOST_STEPS * shortest / timedelta(hours=1)
        message = f"makes too many steps of {shortest}; take at most {int(hours)} h"
        raise InvalidDocument(f"Cannot replay: hours {message}", (Problem(message, "hours"),))


def _stretches(wish: ReplayWish, periods: Sequence[Period]) -> Iterator[_Stretch]:
    if not wish.share:
        place = wish.location or wish.cluster
        yield _Stretch(
            (Arm(wish.experiment, place), Arm(wish.control, place)), wish.begin, wish.end
        )
        return
    for period in periods:
        begin, end = max(period.begin, wish.begin), min(period.end, wish.end)
        if end - begin >= wish.duration:
            yield _Stretch((Arm(period.group, wish.cluster),), begin, end)


async def _read(
    wish: ReplayWish, stretch: _Stretch, subjects: Sequence[Subject], fetcher: Fetcher
) -> list[Measured]:
    """All whole windows of a stretch that have figures."""
    count = int((stretch.end - stretch.begin) / wish.duration)
    at_once = max(1, int(CHUNK / wish.duration))
    found = []
    for first in range(0, count, at_once):
        number = min(at_once, count - first)
        begin = stretch.begin + first * wish.duration
        parts = await _read_chunk(wish, stretch.arms, subjects, fetcher, begin, number)
        found += [
            Measured(begin=begin + n * wish.duration, slices=slices)
            for n, slices in enumerate(parts)
            if slices
        ]
    return found


async def _read_chunk(
    wish: ReplayWish,
    arms: Sequence[Arm],
    subjects: Sequence[Subject],
    fetcher: Fetcher,
    begin: datetime,
    number: int,
) -> list[tuple[Slice, ...]]:
    """Per window its slices; none where a metric has no figures at all."""
    columns: dict[str, list[Columns]] = {}

    async def one(subject: Subject) -> None:
        window = Window(begin, subject.step, 0, int(number * wish.duration / subject.step))
        asked = [fetcher.fetch(subject, arm, window) for arm in arms]
        columns[subject.name] = [_only(found) for found in await asyncio.gather(*asked)]

    await settle([(s.name, partial(one, s)) for s in subjects])
    known = [s for s in subjects if all(columns.get(s.name, [()]))]
    sizes = {s.name: int(wish.duration / s.step) for s in known}
    windows = []
    for n in range(number):
        slices = []
        for subject in known:
            size = sizes[subject.name]
            parts = [
                tuple(column[n * size : (n + 1) * size] for column in arm)
                for arm in columns[subject.name]
            ]
            if all(any(v == v for v in part[0]) for part in parts):  # noqa: PLR0124 - NaN
                canary, *rest = parts
                slices.append(
                    Slice(
                        metric=subject.name,
                        first=0,
                        canary=canary,
                        baseline=rest[0] if rest else (),
                    )
                )
        windows.append(tuple(slices) if len(slices) == len(known) else ())
    return windows


def _only(found: Found) -> Columns:
    return found.get((), ())
