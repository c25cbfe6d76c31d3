from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.unit.canary.house import CANARY, House, healthy
from turnout.canary.history import MOST_DISPERSED, dispersion_of
from turnout.model.analysis import AnalysisMode, AnalysisVerdict, Judgment, OnInconclusive
from turnout.model.errors import Temporary


def broken(figure: str, group: str, second: int) -> float:
    """The canary fails one request a second, of twenty."""
    if figure == "errors":
        return 1.0 if group == CANARY else 0.0
    return healthy(figure, group, second)


async def test_a_canary_like_its_baseline_passes_at_the_end_and_not_before() -> None:
    house = House()
    finding = await house.wait(300)
    assert finding.verdict is AnalysisVerdict.PASS
    assert 120 <= house.seconds < 125


async def test_a_canary_that_fails_requests_is_caught_within_seconds() -> None:
    house = House(broken)
    finding = await house.wait(300)
    assert finding.verdict is AnalysisVerdict.FAIL
    assert house.seconds < 20
    assert "Errors: 5.0 % of " in finding.sentence


async def test_the_warm_up_is_not_judged() -> None:
    def cold(figure: str, group: str, second: int) -> float:
        return (
            broken(figure, group, second) if second < 3600 + 60 else healthy(figure, group, second)
        )

    house = House(cold, warmup=timedelta(seconds=60))
    assert (await house.wait(400)).verdict is AnalysisVerdict.PASS


async def test_a_restart_between_two_looks_loses_nothing_and_counts_nothing_twice() -> None:
    def slowly(figure: str, group: str, second: int) -> float:
        if figure == "errors":
            return float(second % 9 == 0 or (group == CANARY and second % 5 == 0))
        return healthy(figure, group, second)

    without, with_restarts = House(slowly), House(slowly)
    expected = await without.wait(300)
    finding = await with_restarts.look()
    while not finding.verdict.is_end:
        await with_restarts.clock.sleep(timedelta(seconds=1))
        with_restarts.restarted()
        finding = await with_restarts.look()
    assert finding == expected
    assert with_restarts.seconds == without.seconds


async def test_an_outage_of_the_control_plane_is_made_up_for() -> None:
    house = House(broken)
    await house.wait(3)
    await house.clock.sleep(timedelta(seconds=60))
    house.restarted()
    assert (await house.look()).verdict is AnalysisVerdict.FAIL


async def test_the_end_is_told_again_and_again_and_also_after_a_restart() -> None:
    house = House(broken)
    finding = await house.wait(300)
    await house.clock.sleep(timedelta(hours=1))
    assert await house.look() == finding
    house.restarted()
    assert await house.look() == finding


async def test_without_traffic_it_is_inconclusive_and_never_a_pass() -> None:
    def silent(figure: str, group: str, second: int) -> float:
        return 0.0

    house = House(silent, on_inconclusive=OnInconclusive.FAIL)
    finding = await house.wait(300)
    assert finding.verdict is AnalysisVerdict.INCONCLUSIVE


async def test_inconclusive_is_extended_once_and_then_a_person_is_asked() -> None:
    def silent(figure: str, group: str, second: int) -> float:
        return 0.0

    house = House(silent, judgment_deadline=timedelta(minutes=5))
    finding = await house.wait(130)
    assert finding.verdict is AnalysisVerdict.RUNNING
    assert house.archive.records["d-1.analyse-50"].is_extended
    finding = await house.wait(130)
    assert finding.verdict is AnalysisVerdict.ASKING
    assert "turnout canary answer d-1.analyse-50 pass|fail" in finding.sentence
    finding = await house.wait(400)
    assert finding.verdict is AnalysisVerdict.FAIL
    assert finding.sentence.startswith("nobody decided within 5m")
    assert house.seconds < 2 * 120 + 300 + 5


async def test_harm_is_not_waited_with_for_a_person() -> None:
    def late(figure: str, group: str, second: int) -> float:
        return broken(figure, group, second) if second > 3600 + 200 else 0.0

    house = House(late, on_inconclusive=OnInconclusive.ASK)
    assert (await house.wait(150)).verdict is AnalysisVerdict.ASKING
    assert (await house.wait(200)).verdict is AnalysisVerdict.FAIL


async def test_figures_that_cannot_be_had_are_an_error_and_not_a_failure() -> None:
    house = House(on_inconclusive=OnInconclusive.FAIL)
    house.source.trouble = Temporary("connection refused")
    finding = await house.wait(300)
    assert finding.verdict is AnalysisVerdict.ERROR
    assert "connection refused" in finding.sentence


async def test_a_store_that_comes_back_is_asked_for_what_was_missed() -> None:
    house = House(broken)
    house.source.trouble = Temporary("connection refused")
    assert (await house.wait(60)).verdict is AnalysisVerdict.RUNNING
    house.source.trouble = None
    assert (await house.wait(2)).verdict is AnalysisVerdict.FAIL


def test_bursts_before_a_canary_are_taken_into_account_up_to_a_limit() -> None:
    chance = random.Random(1)
    requests = (100.0,) * 600
    steady = tuple(float(sum(chance.random() < 0.02 for _ in range(100))) for _ in requests)
    bursts = tuple(20.0 if chance.random() < 0.1 else 0.0 for _ in requests)
    assert dispersion_of((steady, requests)) == pytest.approx(1, abs=0.25)
    assert dispersion_of((steady, bursts, requests)) == MOST_DISPERSED
    assert dispersion_of((tuple(b / 4 for b in bursts), requests)) == pytest.approx(5, rel=0.3)
    assert dispersion_of((steady[:100], requests[:100])) is None
    assert dispersion_of(()) is None


async def test_what_was_counted_while_nobody_looked_is_taken_as_a_total() -> None:
    def once(figure: str, group: str, second: int) -> float:
        return broken(figure, group, second) if 3630 <= second < 3650 else healthy(figure, group, 1)

    house = House(once)
    await house.wait(20)
    house.source.gap = (3625, 3655)
    await house.clock.sleep(timedelta(seconds=40))
    house.restarted()
    finding = await house.wait(10)
    assert finding.verdict is AnalysisVerdict.FAIL
    assert finding.figures["errors, canary"] == 20


async def test_a_step_is_closed_when_it_is_complete_and_not_waited_for_for_ever() -> None:
    house = House()
    house.source.known_until = 3600 + 5
    await house.wait(20)
    assert house.analyst._live["d-1.analyse-50"].next_step == {"errors": 5}
    await house.wait(40)
    assert house.analyst._live["d-1.analyse-50"].next_step["errors"] > 20


async def test_a_person_decides_a_manual_canary_whatever_the_figures_say() -> None:
    house = House(broken, mode=AnalysisMode.MANUAL)
    finding = await house.wait(60)
    assert finding.verdict is AnalysisVerdict.ASKING
    house.archive.judgments[house.analysis.id] = Judgment(
        analysis=house.analysis.id,
        choice="pass",
        by="oncall",
        comment="known",
        at=house.clock.now(),
    )
    finding = await house.look()
    assert finding.verdict is AnalysisVerdict.PASS
    assert finding.sentence.startswith("oncall said pass (known); the figures: ")


async def test_nobody_decides_a_manual_canary_and_it_fails_at_the_deadline() -> None:
    house = House(mode=AnalysisMode.MANUAL, judgment_deadline=timedelta(minutes=3))
    assert (await house.wait(500)).verdict is AnalysisVerdict.FAIL
    assert 180 <= house.seconds < 182


async def test_a_person_may_end_an_automatic_canary() -> None:
    house = House()
    await house.wait(5)
    house.archive.judgments[house.analysis.id] = Judgment(
        analysis=house.analysis.id, choice="fail", at=house.clock.now()
    )
    finding = await house.look()
    assert finding.verdict is AnalysisVerdict.FAIL
    assert finding.sentence.startswith("a person said fail; ")


async def test_arms_that_are_not_alike_are_told() -> None:
    house = House()
    noted = house.analysis.model_copy(update={"notes": ("the canary has 1 instance, not 2",)})
    await house.analyst.look(noted)
    finding = await house.wait(300)
    assert finding.sentence.endswith("the canary has 1 instance, not 2")


async def test_without_a_baseline_now_the_control_is_what_was_before() -> None:
    def switched(figure: str, group: str, second: int) -> float:
        if group == CANARY:
            return broken(figure, group, second) if second >= 3600 else 0.0
        return healthy(figure, group, second) if second < 3600 else 0.0

    house = House(switched, control_offset=timedelta(minutes=2))
    assert (await house.wait(300)).verdict is AnalysisVerdict.FAIL
