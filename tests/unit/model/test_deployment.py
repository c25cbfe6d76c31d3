from __future__ import annotations

import itertools

import pytest
from pydantic import ValidationError

from turnout.model.deployment import (
    COMMON_OPTIONS,
    FOLLOWS,
    STRATEGY_OPTIONS,
    Options,
    Status,
    StrategyName,
    follow,
    replaces,
)

ENDS = {
    Status.SUCCEEDED,
    Status.ROLLED_BACK,
    Status.FAILED,
    Status.REFUSED,
    Status.REJECTED,
    Status.CANCELED,
}
PAIRS = list(itertools.product(Status, Status))


def test_the_table_knows_every_status() -> None:
    assert set(FOLLOWS) == set(Status)
    assert {status for status in Status if status.is_end} == ENDS


def test_every_status_but_the_first_is_reached_and_every_way_ends() -> None:
    assert set().union(*FOLLOWS.values()) == set(Status) - {Status.QUEUED}
    for status in set(Status) - ENDS:
        assert FOLLOWS[status] & ENDS


@pytest.mark.parametrize(("now", "then"), PAIRS)
def test_a_status_follows_as_the_table_says(now: Status, then: Status) -> None:
    if then is now or then in FOLLOWS[now]:
        assert follow(now, then) is then
    else:
        with pytest.raises(ValueError, match=f"{now} cannot become {then}"):
            follow(now, then)


def answer(now: Status, then: Status) -> str:
    try:
        return "replaces" if replaces(now, then) else "late"
    except ValueError:
        return "refused"


@pytest.mark.parametrize(("now", "then"), PAIRS)
def test_a_record_never_undoes_an_end(now: Status, then: Status) -> None:
    if now.is_end and then is not now:
        assert answer(now, then) == ("refused" if then.is_end else "late")


@pytest.mark.parametrize(
    ("now", "then", "expected"),
    [
        (Status.QUEUED, Status.RUNNING, "replaces"),
        (Status.RUNNING, Status.RUNNING, "replaces"),
        (Status.PAUSED, Status.RUNNING, "replaces"),
        (Status.FAILED, Status.FAILED, "replaces"),
        (Status.RUNNING, Status.QUEUED, "late"),
        (Status.PAUSED, Status.QUEUED, "late"),
        (Status.ROLLING_BACK, Status.RUNNING, "late"),
        (Status.REJECTED, Status.RUNNING, "late"),
        (Status.RUNNING, Status.CANCELED, "refused"),
        (Status.ROLLING_BACK, Status.SUCCEEDED, "refused"),
        (Status.QUEUED, Status.PAUSED, "refused"),
    ],
)
def test_a_record_that_comes_late_is_told_from_one_that_cannot_be(
    now: Status, then: Status, expected: str
) -> None:
    assert answer(now, then) == expected


CANARY_OPTIONS = {
    *("canary_instances", "traffic", "canary_steps", "warmup", "duration", "interval"),
    *("analysis", "judgment_deadline", "judges", "on_inconclusive", "early_pass"),
    *("config", "promote_with"),
}


def test_every_strategy_takes_the_options_of_the_specification() -> None:
    takes = {name: STRATEGY_OPTIONS[name] - COMMON_OPTIONS for name in StrategyName}
    lacks = {name: COMMON_OPTIONS - STRATEGY_OPTIONS[name] for name in StrategyName}
    rolling = {"steps", "scale", "step_hold", "checks", "shrink_source", "delay_before_switch"}
    assert takes == {
        StrategyName.BLUE_GREEN: {"delay_before_switch"},
        StrategyName.ROLLING_BLUE_GREEN: rolling,
        StrategyName.HIGHLANDER: {"delay_before_switch"},
        StrategyName.CANARY: rolling | CANARY_OPTIONS,
        StrategyName.DARK: set(),
    }
    assert lacks == {
        StrategyName.BLUE_GREEN: set(),
        StrategyName.ROLLING_BLUE_GREEN: set(),
        StrategyName.HIGHLANDER: {"keep"},
        StrategyName.CANARY: {"on_failure", "keep_failed"},
        StrategyName.DARK: {"watch", "watch_checks"},
    }


@pytest.mark.parametrize("steps", [(), (500,), (1000, 1000), (500, 250, 1000), (0, 1000), (1001,)])
def test_steps_that_do_not_grow_to_the_whole_cannot_be_built(steps: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError):
        Options(steps=steps)
