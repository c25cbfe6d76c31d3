"""What the answers of checks mean, before traffic and after."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.properties import worlds
from tests.unit.operations.house import House, ScriptedChecker
from turnout.model.checks import Check, CommandCheck, OnError, Verdict
from turnout.model.journal import CheckRecord
from turnout.model.plan import RunChecks, StepAnswer, Watch
from turnout.testing import World
from turnout.testing.world import START

PASS, FAIL, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.ERROR
INCONCLUSIVE = Verdict.INCONCLUSIVE
MINUTE = timedelta(minutes=1)


def check(name: str, on_error: OnError | None = None) -> Check:
    return CommandCheck(name=name, command=("true",), on_error=on_error)


def house(*, world: World | None = None, moved: bool = False, **scripts: object) -> House:
    """A house whose checks answer as scripted: `smoke=(PASS, FAIL)`."""
    made = {
        name: script if isinstance(script, tuple) else (script,) for name, script in scripts.items()
    }
    start = START if moved else None
    return House(world or worlds.running(), checker=ScriptedChecker(made), moved_at=start)


def run(*checks: Check) -> RunChecks:
    return RunChecks(checks=checks, group="shop-v002", source="shop-v001")


def watch(*checks: Check, duration: timedelta = MINUTE) -> Watch:
    return Watch(
        checks=checks, group="shop-v002", source="shop-v001", duration=duration, since=START
    )


def verdicts(records: tuple[CheckRecord, ...]) -> list[tuple[str, Verdict]]:
    return [(r.answer.check, r.answer.verdict) for r in records]


async def test_checks_are_made_in_order_and_all_written_down() -> None:
    made = house()
    answer = await made.perform(run(check("one"), check("two")))
    assert (answer.ok, answer.sentence) == (True, "said pass; said pass")
    assert verdicts(await made.checks()) == [("one", PASS), ("two", PASS)]
    assert made.said == ["check one", "check two"]


async def test_the_first_check_that_fails_decides() -> None:
    made = house(one=FAIL)
    answer = await made.perform(run(check("one"), check("two")))
    assert (answer.ok, answer.ask) == (False, False)
    assert answer.sentence == "check one: said fail"
    assert answer.figures == {"p99_ms": 12}
    assert verdicts(await made.checks()) == [("one", FAIL)]


async def test_a_check_knows_what_it_looks_at() -> None:
    made = house(moved=True)
    await made.perform(run(check("one")))
    assert isinstance(made.checker, ScriptedChecker)
    (context,) = made.checker.contexts
    assert (context.cluster, context.group, context.source) == ("shop", "shop-v002", "shop-v001")
    assert (context.listener, context.switched_at) == (worlds.listener(), START)


MEANINGS = [
    # verdict, on_error, traffic has moved, ok, is a question
    (INCONCLUSIVE, None, False, False, True),
    (INCONCLUSIVE, None, True, True, False),
    (ERROR, None, False, False, True),
    (ERROR, None, True, False, False),
    (ERROR, OnError.PAUSE, False, False, True),
    (ERROR, OnError.PAUSE, True, False, True),
    (ERROR, OnError.FAIL, False, False, False),
    (ERROR, OnError.FAIL, True, False, False),
    (ERROR, OnError.PASS, False, True, False),
    (ERROR, OnError.PASS, True, True, False),
    (FAIL, OnError.PASS, True, False, False),
]


@pytest.mark.parametrize(("verdict", "on_error", "moved", "ok", "ask"), MEANINGS)
async def test_what_cannot_be_said_is_a_question_before_traffic_and_decided_after(
    verdict: Verdict, on_error: OnError | None, moved: bool, ok: bool, ask: bool
) -> None:
    answer = await house(moved=moved, one=verdict).perform(run(check("one", on_error)))
    assert (answer.ok, answer.ask) == (ok, ask)


@pytest.mark.parametrize(
    ("verdict", "on_error", "ok", "ask"),
    [(v, on, ok, ask) for v, on, moved, ok, ask in MEANINGS if moved],
)
async def test_a_watch_judges_as_after_traffic(
    verdict: Verdict, on_error: OnError | None, ok: bool, ask: bool
) -> None:
    answer = await house(one=verdict).perform(watch(check("one", on_error)))
    assert (answer.ok, answer.ask) == (ok, ask)


async def test_a_watch_lasts_its_time_and_answers_with_the_last_figures() -> None:
    made = house()
    answer = await made.perform(watch(check("one"), check("two")))
    assert (answer.ok, answer.sentence) == (True, "said pass; said pass")
    assert answer.figures == {"p99_ms": 12}
    assert made.world.elapsed == MINUTE
    assert made.said == ["watching shop-v002 for 1m"]


async def test_a_watch_writes_down_what_changes_and_the_end() -> None:
    made = house(one=(PASS, PASS, INCONCLUSIVE, INCONCLUSIVE, PASS))
    await made.perform(watch(check("one")))
    assert verdicts(await made.checks()) == [
        ("one", PASS),
        ("one", INCONCLUSIVE),
        ("one", PASS),
        ("one", PASS),
    ]


async def test_a_watch_ends_at_the_first_failure_of_any_check() -> None:
    made = house(one=PASS, two=(PASS, PASS, FAIL))
    answer = await made.perform(watch(check("one"), check("two")))
    assert (answer.ok, answer.dead) == (False, False)
    assert answer.sentence == "check two: said fail"
    assert made.world.elapsed < MINUTE / 2
    assert ("two", FAIL) in verdicts(await made.checks())


@pytest.mark.parametrize("gone", [False, True])
async def test_a_watch_ends_at_once_when_the_group_is_dead(gone: bool) -> None:
    made = house()
    made.world.kill("shop-v002", comes_back=False)
    if gone:
        del made.world.groups["shop-v002"]
    answer = await made.perform(watch(check("one")))
    assert (answer.ok, answer.dead) == (False, True)
    assert answer.sentence == "shop-v002 has no healthy instance any more"
    assert made.world.elapsed < MINUTE / 2


async def test_a_watch_without_a_moment_before_it_compares_from_now_on() -> None:
    made = house()
    await made.perform(watch(check("one")).model_copy(update={"since": None}))
    assert isinstance(made.checker, ScriptedChecker)
    assert {c.switched_at for c in made.checker.contexts} == {START}


async def test_nothing_is_checked_where_nothing_is_listened_to() -> None:
    made = house()
    del made.world.listeners["shop"]
    answer: StepAnswer = await made.perform(run(check("one")))
    assert (answer.ok, answer.sentence) == (
        False,
        "shop has no listener while shop-v002 is checked",
    )
