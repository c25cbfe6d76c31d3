"""The machine: what follows from every answer, in every phase."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.properties import worlds
from tests.unit.strategies.rendering import state_of
from turnout.model.deployment import Choice, Kind, OnFailure, Request, Status, StrategyName
from turnout.model.plan import ReplaceSplit, StepAnswer, Watch
from turnout.model.traffic import TrafficSplit
from turnout.strategies import plan_deployment
from turnout.strategies.progress import (
    ASK_AGAIN,
    ASK_FOR,
    TRIES,
    Phase,
    Progress,
    advance,
    attempt,
    begin,
    cancel,
    decide,
    due,
    may_cancel,
    pause_before,
)
from turnout.testing import World
from turnout.testing.world import START

LATER = START + timedelta(seconds=9)
OK = StepAnswer(ok=True)
BAD = StepAnswer(ok=False, sentence="it broke")
ASKED = StepAnswer(ok=False, ask=True, sentence="check smoke: nobody answers")
DEAD = StepAnswer(ok=False, dead=True, sentence="shop-v003 has no healthy instance any more")


def begun(request: Request | None = None, world: World | None = None, **options: Any) -> Progress:
    made = request or worlds.deploy(StrategyName.BLUE_GREEN, **options)
    return begin(plan_deployment(made, state_of(world or worlds.running())), made, START)


def answered(progress: Progress, answer: StepAnswer = OK, now: datetime = LATER) -> Progress:
    """The due step was attempted and has answered; a split is confirmed as it was asked for."""
    step = due(progress)
    if answer.ok and isinstance(step.operation, ReplaceSplit):
        split = TrafficSplit(shares=step.operation.shares, generation=progress.generation + 1)
        answer = answer.model_copy(update={"split": split, "at": now})
    return advance(attempt(progress), answer, now)


def until(progress: Progress, step: str) -> Progress:
    """Everything goes well until this step is due."""
    while due(progress).id != step:
        progress = answered(progress)
    return progress


def done(progress: Progress) -> Progress:
    """Everything goes well to the end."""
    while not progress.status.is_end:
        progress = answered(progress)
    return progress


def failed(step: str, answer: StepAnswer = BAD, **options: Any) -> Progress:
    """Everything goes well until this step, which does not."""
    return answered(until(begun(**options), step), answer)


# Forward


def test_a_deployment_that_goes_well_says_what_was_done() -> None:
    end = done(begun())
    assert (end.status, end.sentence) == (Status.SUCCEEDED, "deploy shop 3 by blue_green: done")
    assert end.todo == ()


def test_while_it_runs_it_says_what_it_does() -> None:
    progress = until(begun(), "create")
    assert progress.status is Status.RUNNING
    assert progress.sentence == "create shop-v003 with 2 instances of version 3"


def test_a_refused_plan_ends_at_once() -> None:
    end = begun(worlds.operation(Kind.DISABLE, group="shop-v002"))
    assert end.status is Status.REFUSED
    assert end.sentence == end.plan.refused


def test_a_plan_with_nothing_to_do_has_succeeded() -> None:
    end = begun(worlds.operation(Kind.RESIZE, group="shop-v001", instances=2))
    assert end.status is Status.SUCCEEDED
    assert end.sentence == "shop-v001 already has 2 instances: nothing to do"


def test_a_guard_that_refuses_the_first_step_has_touched_nothing() -> None:
    request = worlds.operation(Kind.RESIZE, group="shop-v002", instances=1)
    refused = StepAnswer(ok=False, refused="last_healthy", sentence="shop would be left with 0")
    end = answered(begun(request), refused)
    assert (end.status, end.sentence) == (Status.REFUSED, "shop would be left with 0")


def test_a_refusal_later_on_is_taken_back_like_any_failure() -> None:
    request = worlds.operation(Kind.RESIZE, group="shop-v002", instances=1)
    progress = answered(begun(request))
    refused = StepAnswer(ok=False, refused="pinned", sentence="shop-v002 is pinned")
    end = answered(answered(progress, refused))
    assert end.status is Status.ROLLED_BACK


def test_the_next_split_replaces_the_one_confirmed_last() -> None:
    progress = begun(worlds.deploy(StrategyName.ROLLING_BLUE_GREEN, steps=(500, 1000)))
    seen = []
    while not progress.status.is_end:
        operation = due(progress).operation
        if isinstance(operation, ReplaceSplit):
            seen.append(operation.replaces)
        progress = answered(progress)
    assert seen == [7, 8]


def test_a_watch_looks_back_to_when_traffic_first_moved() -> None:
    progress = until(begun(watch=timedelta(minutes=1)), "watch")
    operation = due(progress).operation
    assert isinstance(operation, Watch)
    assert operation.since == LATER


def test_a_watch_after_a_canary_looks_back_to_the_promotion_and_not_to_the_canary() -> None:
    progress = begun(
        worlds.deploy(StrategyName.CANARY, watch=timedelta(minutes=1), warmup=timedelta(0))
    )
    moments = {}
    for minute in range(30):
        if progress.status.is_end or due(progress).id == "watch":
            break
        step = due(progress).id
        progress = answered(progress, now=START + timedelta(minutes=minute))
        moments[step] = progress.moved_at
    assert moments["ready-canary"] is None
    assert moments["canary-50"] == moments["end-canary"] == moments["ready"] is not None
    watch = due(progress).operation
    assert isinstance(watch, Watch)
    assert watch.since == moments["switch"] != moments["canary-50"]


def test_steps_are_numbered_and_repeated_ones_too() -> None:
    progress = failed("create", on_failure=OnFailure.PAUSE)
    again = attempt(decide(progress, Choice.RETRY, LATER))
    assert (progress.number, again.number) == (2, 3)
    assert again.attempted == ("pin-shop-v002", "create")


def test_no_step_is_due_at_the_end_or_while_a_question_is_open() -> None:
    for progress in (done(begun()), failed("create", on_failure=OnFailure.PAUSE)):
        with pytest.raises(ValueError, match="no step is due"):
            due(progress)


# Failing


def test_a_failure_before_any_traffic_says_that_the_old_version_serves() -> None:
    turned = failed("ready")
    assert (turned.status, turned.phase) == (Status.ROLLING_BACK, Phase.CLEANING)
    assert (turned.cause, turned.detected_at, turned.decided_at) == ("it broke", LATER, LATER)
    end = done(turned)
    assert end.status is Status.ROLLED_BACK
    assert end.sentence == "rolled back, shop-v002 serves as before: it broke"


def test_a_failure_after_the_switch_brings_traffic_back_first() -> None:
    turned = failed("watch", watch=timedelta(minutes=1))
    assert (turned.phase, due(turned).id) == (Phase.RETURNING, "back-ready-shop-v002")
    end = done(turned)
    assert end.returned_at == LATER
    assert end.sentence == "rolled back, traffic is back on shop-v002: it broke"


@pytest.mark.parametrize(
    ("world", "sentence"),
    [
        (worlds.empty(), "rolled back, nothing is served, as before: it broke"),
        (
            worlds.shared_out(),
            "rolled back, shop-v001 and shop-v002 serve as before: it broke",
        ),
    ],
    ids=["first", "two"],
)
def test_the_end_says_who_serves_whoever_that_is(world: World, sentence: str) -> None:
    turned = answered(until(begun(world=world), "ready"), BAD)
    assert done(turned).sentence == sentence


def test_a_failed_group_that_is_kept_is_named() -> None:
    end = done(failed("ready", keep_failed=True))
    assert end.sentence == (
        "rolled back, shop-v002 serves as before; shop-v003 is kept without traffic: it broke"
    )


def test_nothing_is_kept_of_a_group_that_was_never_created() -> None:
    end = done(failed("pin-shop-v002", keep_failed=True))
    assert end.sentence == "rolled back, shop-v002 serves as before: it broke"


def test_stop_leaves_everything_but_the_pins() -> None:
    stopped = failed("ready", on_failure=OnFailure.STOP)
    assert [s.id for s in stopped.todo] == ["back-release-shop-v002"]
    end = done(stopped)
    assert end.status is Status.FAILED
    assert end.sentence == "failed and left as it is (100 % on shop-v002): it broke"


def test_stop_in_the_middle_says_where_the_traffic_is() -> None:
    request = worlds.deploy(
        StrategyName.ROLLING_BLUE_GREEN, steps=(250, 1000), on_failure=OnFailure.STOP
    )
    end = done(answered(until(begun(request), "grow-1000"), BAD))
    assert end.sentence == (
        "failed and left as it is (75 % on shop-v002, 25 % on shop-v003): it broke"
    )


@pytest.mark.parametrize("on_failure", list(OnFailure))
def test_a_dead_group_is_left_whatever_was_to_be_done_on_failure(on_failure: OnFailure) -> None:
    turned = failed("watch", DEAD, watch=timedelta(minutes=1), on_failure=on_failure)
    assert (turned.status, turned.phase) == (Status.ROLLING_BACK, Phase.RETURNING)


def test_requests_that_cannot_be_drained_do_not_undo_a_deployment() -> None:
    progress = failed("drain-shop-v002")
    assert due(progress).id == "release-shop-v002"
    assert done(progress).status is Status.SUCCEEDED


# Asking


@pytest.mark.parametrize("on_failure", list(OnFailure))
def test_a_check_that_cannot_be_made_is_a_question_whatever_on_failure_says(
    on_failure: OnFailure,
) -> None:
    paused = failed("checks", ASKED, before_traffic=(worlds.CHECK,), on_failure=on_failure)
    assert paused.status is Status.PAUSED
    assert paused.sentence == "check smoke: nobody answers. What now?"


def test_a_check_told_to_pause_asks_after_traffic_has_moved_too() -> None:
    assert failed("watch", ASKED, watch=timedelta(minutes=1)).status is Status.PAUSED


def test_a_pause_offers_what_can_be_done_and_rolls_back_when_nobody_answers() -> None:
    question = failed("create", on_failure=OnFailure.PAUSE).question
    assert question is not None
    assert question.sentence == "it broke. What now?"
    assert question.choices == (Choice.RETRY, Choice.ROLLBACK, Choice.STOP)
    assert (question.default, question.until) == (Choice.ROLLBACK, LATER + ASK_FOR)


def test_only_what_touches_nothing_can_be_skipped() -> None:
    question = failed("checks", before_traffic=(worlds.CHECK,), on_failure=OnFailure.PAUSE).question
    assert question is not None
    assert Choice.CONTINUE in question.choices


def paused() -> Progress:
    return failed("checks", before_traffic=(worlds.CHECK,), on_failure=OnFailure.PAUSE)


def test_retry_does_the_step_again() -> None:
    again = decide(paused(), Choice.RETRY, LATER)
    assert (again.status, due(again).id) == (Status.RUNNING, "checks")
    end = done(again)
    assert end.status is Status.SUCCEEDED
    assert (end.cause, end.detected_at) == ("", None)


def test_continue_goes_on_with_the_next_step_and_forgets_the_trouble() -> None:
    onward = decide(paused(), Choice.CONTINUE, LATER)
    assert (onward.status, due(onward).id) == (Status.RUNNING, "switch")
    assert (onward.cause, onward.detected_at) == ("", None)


def test_rollback_is_for_the_reason_that_was_asked_about() -> None:
    turned = decide(paused(), Choice.ROLLBACK, LATER + timedelta(hours=1))
    assert (turned.status, turned.cause, turned.detected_at) == (
        Status.ROLLING_BACK,
        "it broke",
        LATER,
    )
    assert turned.decided_at == LATER + timedelta(hours=1)


def test_stop_by_a_person_leaves_things_as_they_are() -> None:
    end = done(decide(paused(), Choice.STOP, LATER))
    assert end.status is Status.FAILED
    assert end.sentence == "failed and left as it is (100 % on shop-v002): it broke"


@pytest.mark.parametrize("choice", list(Choice))
def test_what_was_not_offered_is_not_an_answer(choice: Choice) -> None:
    with pytest.raises(ValueError, match="not among the answers"):
        decide(begun(), choice, LATER)


def test_a_step_that_changes_something_cannot_be_skipped() -> None:
    with pytest.raises(ValueError, match="continue is not among the answers"):
        decide(failed("create", on_failure=OnFailure.PAUSE), Choice.CONTINUE, LATER)


# On the way back, and after the point of no return


def test_the_way_back_is_tried_again_with_growing_pauses_and_visibly() -> None:
    progress = failed("ready")
    waits, sentences = [], []
    for _ in range(TRIES - 1):
        progress = answered(progress, StepAnswer(ok=False, sentence="the disk is full"))
        waits.append(pause_before(progress).total_seconds())
        sentences.append(progress.sentence)
    assert waits == [1, 2, 4, 8]
    assert sentences[-1] == "destroy shop-v003: the disk is full (attempt 4 failed)"
    assert progress.status is Status.ROLLING_BACK


def test_pauses_do_not_grow_for_ever() -> None:
    progress = failed("ready").model_copy(update={"tries": 50})
    assert pause_before(progress) == timedelta(seconds=30)


def stuck(progress: Progress) -> Progress:
    for _ in range(TRIES):
        progress = answered(progress, StepAnswer(ok=False, sentence="the disk is full"))
    return progress


def test_a_way_back_that_is_stuck_asks_and_tries_on_by_itself() -> None:
    paused = stuck(failed("ready"))
    question = paused.question
    assert question is not None
    assert question.sentence == (
        "destroy shop-v003 has failed 5 times: the disk is full. "
        "It is tried again; stop leaves it undone"
    )
    assert question.choices == (Choice.RETRY, Choice.STOP)
    assert (question.default, question.until) == (Choice.RETRY, LATER + ASK_AGAIN)
    again = decide(paused, Choice.RETRY, LATER)
    assert (again.status, again.cause, again.tries) == (Status.ROLLING_BACK, "it broke", 0)
    assert done(again).status is Status.ROLLED_BACK


def test_stopping_a_stuck_way_back_still_releases_the_pins() -> None:
    stopped = decide(stuck(failed("ready")), Choice.STOP, LATER)
    assert [s.id for s in stopped.todo] == ["back-release-shop-v002"]
    assert done(stopped).status is Status.FAILED


def test_stopping_twice_ends_it_pins_or_not() -> None:
    stopped = decide(stuck(failed("ready")), Choice.STOP, LATER)
    end = decide(stuck(stopped), Choice.STOP, LATER)
    assert end.status is Status.FAILED


def test_what_clears_up_after_a_success_is_tried_until_it_is_done() -> None:
    paused = stuck(until(begun(), "destroy-shop-v000"))
    assert paused.status is Status.PAUSED
    again = decide(paused, Choice.RETRY, LATER)
    assert (again.status, again.phase) == (Status.RUNNING, Phase.RETIRING)
    assert done(again).status is Status.SUCCEEDED


# Cancelling


@pytest.mark.parametrize(
    "step", ["pin-shop-v002", "create", "ready", "switch", "watch", "drain-shop-v002"]
)
def test_a_cancel_takes_everything_back_until_something_is_retired(step: str) -> None:
    progress = attempt(until(begun(watch=timedelta(minutes=1)), step))
    assert may_cancel(progress) == ""
    end = done(cancel(progress, "anna: wrong version", LATER))
    assert end.status is Status.ROLLED_BACK
    assert end.sentence.startswith("cancelled, ")
    assert end.sentence.endswith(": anna: wrong version")


def test_a_cancel_before_the_first_step_ends_at_once() -> None:
    end = cancel(begun(), "anna", LATER)
    assert (end.status, end.sentence) == (
        Status.ROLLED_BACK,
        "cancelled, shop-v002 serves as before: anna",
    )


def test_a_cancel_answers_an_open_question() -> None:
    turned = cancel(paused(), "anna", LATER)
    assert (turned.status, turned.question) == (Status.ROLLING_BACK, None)


def test_a_cancelled_deployment_keeps_nothing_to_look_into() -> None:
    progress = until(begun(keep_failed=True), "ready")
    turned = cancel(progress, "anna", LATER)
    assert "back-destroy-shop-v003" in {s.id for s in turned.todo}


TOO_LATE = {
    "retiring": "it is done and only clears up: take it back with turnout rollback",
    "returning": "it is already on its way back",
    "cleaning": "it is already on its way back",
    "ended": "it has ended: deploy shop 3 by blue_green: done",
    "destroying": "what it destroys cannot be brought back",
}


@pytest.mark.parametrize("phase", TOO_LATE)
def test_when_it_is_too_late_to_cancel_it_says_why(phase: str) -> None:
    progress = {
        "retiring": lambda: until(begun(), "release-shop-v002"),
        "returning": lambda: failed("watch", watch=timedelta(minutes=1)),
        "cleaning": lambda: failed("ready"),
        "ended": lambda: done(begun()),
        "destroying": lambda: begun(worlds.operation(Kind.DESTROY, group="shop-v000")),
    }[phase]()
    assert may_cancel(progress) == TOO_LATE[phase]
    with pytest.raises(ValueError, match=re.escape(TOO_LATE[phase])):
        cancel(progress, "anna", LATER)
