"""A replay: false alarms where nothing changed, and harm that is put in."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.canary.house import ERRORS, config
from turnout.canary.beside import compatible_pairs
from turnout.canary.evidence import Slice
from turnout.canary.recorded import write_config
from turnout.canary.replaying import (
    Measured,
    ReplayTask,
    add_errors,
    harm_slice,
    replay_windows,
    split_slice,
    suggest,
)
from turnout.canary.subjects import Subject, subjects_of
from turnout.model.canary.options import Kind
from turnout.testing.world import START

MINUTES = timedelta(minutes=10)
(SUBJECT,) = subjects_of(config(ERRORS), MINUTES)


def quiet(_doing: str, _done: float) -> None:
    pass


def history(seed: int, burst: int = 1, rate: float = 0.02) -> Slice:
    """Ten minutes of a hundred requests a second; errors come `burst` at a time."""
    draw = random.Random(seed)
    errors = tuple(
        float(sum(burst for _ in range(100 // burst) if draw.random() < rate)) for _ in range(600)
    )
    return Slice(metric="errors", first=0, canary=(errors, (100.0,) * 600), baseline=())


def task(windows: list[Slice], **more: object) -> ReplayTask:
    return ReplayTask.model_validate(
        {
            "document": write_config(config(ERRORS)),
            "duration": MINUTES,
            "share": 500,
            "windows": tuple(
                Measured(begin=START + n * MINUTES, slices=(one,)) for n, one in enumerate(windows)
            ),
        }
        | more
    )


def test_a_quiet_history_raises_no_alarm_and_doubled_errors_are_found_soon() -> None:
    result = replay_windows(task([history(seed) for seed in range(8)]), quiet)
    assert (result.alarms.count, result.alarms.windows) == (0, 8)
    assert result.alarms.high == pytest.approx(0.369, abs=0.001)  # nothing in eight, exactly
    assert (result.days, result.days_with_alarm) == (1, 0)
    twice = next(one for one in result.detection if one.effect == "x2")
    assert twice.found.count == 8
    assert twice.median_minutes is not None
    assert twice.median_minutes < 4
    assert result.metrics[0].dispersion == pytest.approx(1.0, abs=0.1)


def test_the_same_history_gives_the_same_answer_and_another_seed_another_split() -> None:
    windows = [history(seed) for seed in range(5)]
    assert replay_windows(task(windows), quiet) == replay_windows(task(windows), quiet)
    one, other = (split_slice(SUBJECT, windows[0], 0.1, seed) for seed in (1, 2))
    assert one.canary != other.canary


def test_groups_that_differ_alarm_when_they_are_taken_as_they_were() -> None:
    pairs = [
        history(n).model_copy(update={"baseline": history(n + 100, rate=0.005).canary})
        for n in range(5)
    ]
    result = replay_windows(task(pairs, share=0), quiet)
    assert result.alarms.count == 5
    (errors,) = result.metrics
    assert errors.lasting_low < 4 < errors.lasting_high  # 2 % of errors and 0.5 %
    assert "take more instances for each arm" in errors.suggestion


def test_equal_groups_side_by_side_are_not_said_to_differ() -> None:
    pairs = [history(n).model_copy(update={"baseline": history(n + 50).canary}) for n in range(8)]
    (errors,) = replay_windows(task(pairs, share=0), quiet).metrics
    assert errors.lasting_low < 1 < errors.lasting_high
    assert errors.suggestion == ""


def test_one_group_that_was_split_tells_nothing_of_instances() -> None:
    (errors,) = replay_windows(task([history(seed) for seed in range(5)]), quiet).metrics
    assert math.isnan(errors.lasting_low)


def test_harm_makes_so_many_times_the_errors_in_the_canary_and_no_more_than_requests() -> None:
    one = split_slice(SUBJECT, history(3), 0.5, seed=1)
    harmed = harm_slice(SUBJECT, one, 1.5, random.Random(1))
    assert sum(harmed.canary[0]) == pytest.approx(1.5 * sum(one.canary[0]), rel=0.05)
    assert harmed.baseline == one.baseline
    flooded = harm_slice(SUBJECT, one, 1000.0, random.Random(1))
    assert all(e <= n for e, n in zip(*flooded.canary, strict=True))


def test_one_per_cent_more_errors_is_that_of_all_requests() -> None:
    one = split_slice(SUBJECT, history(4), 0.5, seed=1)
    more = add_errors(one, random.Random(2))
    added = sum(more.canary[0]) - sum(one.canary[0])
    assert added / sum(one.canary[1]) == pytest.approx(0.01, rel=0.2)


@pytest.mark.parametrize(
    ("kind", "dispersion", "autocorrelation", "told"),
    [
        (Kind.PROPORTION, 3.02, 0.0, "its events come in bursts: write dispersion: 3.1"),
        (Kind.PROPORTION, 3.0, 0.4, "what happens lasts longer than a step: write step: 10"),
        (Kind.GAUGE, 1.0, 0.9, "its level lasts for several steps: a step of 10 s or longer"),
        (Kind.GAUGE, 1.0, 0.1, "write a margin above 0, or measure in longer steps"),
    ],
)
def test_what_alarms_comes_with_a_suggestion(
    kind: Kind, dispersion: float, autocorrelation: float, told: str
) -> None:
    subject: Subject = replace(SUBJECT, kind=kind)
    given = {"dispersion": dispersion, "autocorrelation": autocorrelation}
    assert suggest(subject, alarms=1, **given) == told
    assert suggest(subject, alarms=0, **given) == ""


def test_the_compatible_judge_sees_shares_and_not_counts() -> None:
    one = Slice(
        metric="errors",
        first=0,
        canary=((1.0, 1.0), (10.0, 10.0)),
        baseline=((2.0, 0.0), (40.0, 0.0)),
    )
    (pair,) = compatible_pairs([SUBJECT], [one])
    assert pair.values.experiment == (0.1, 0.1)
    assert pair.values.control[0] == 0.05
    assert str(pair.values.control[1]) == "nan"
