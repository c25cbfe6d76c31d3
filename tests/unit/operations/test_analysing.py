from __future__ import annotations

from datetime import timedelta

import pytest

from tests.properties import worlds
from tests.unit.operations.house import House
from turnout.model.analysis import AnalysisSettings, AnalysisVerdict
from turnout.model.checks import Verdict
from turnout.model.plan import Analyse
from turnout.testing import MemoryAnalyst, World

RUNNING = AnalysisVerdict.RUNNING
OPERATION = Analyse(
    group="shop-v002",
    baseline="shop-v001",
    source="shop-v000",
    share=50,
    settings=AnalysisSettings(duration=timedelta(minutes=5)),
)


def arms() -> World:
    return worlds.world(
        worlds.group("shop-v000", "1", 2, 3),
        worlds.group("shop-v001", "1", 2, 2),
        worlds.group("shop-v002", "2", 2, 1),
        shares={"shop-v000": 900, "shop-v001": 50, "shop-v002": 50},
    )


def house(*verdicts: AnalysisVerdict, world: World | None = None) -> House:
    return House(world or arms(), analyst=MemoryAnalyst(*verdicts), step="analyse-50")


async def test_it_looks_until_there_is_a_verdict_and_only_a_pass_is_a_success() -> None:
    home = house(RUNNING, RUNNING, AnalysisVerdict.PASS)
    answer = await home.perform(OPERATION)
    assert (answer.ok, answer.sentence) == (True, "shop-v002 beside shop-v001: pass")
    assert len(home.analyst.looks) == 3
    assert answer.figures == {"looks": 3}


@pytest.mark.parametrize(
    ("verdict", "lead"),
    [
        (AnalysisVerdict.FAIL, "shop-v002 beside"),
        (AnalysisVerdict.INCONCLUSIVE, "inconclusive: "),
        (AnalysisVerdict.ERROR, "error: "),
    ],
)
async def test_anything_else_is_none(verdict: AnalysisVerdict, lead: str) -> None:
    answer = await house(RUNNING, verdict).perform(OPERATION)
    assert not answer.ok
    assert not answer.dead
    assert answer.sentence.startswith(lead)


async def test_an_analysis_goes_on_under_the_same_name_after_a_restart() -> None:
    home = house(RUNNING, AnalysisVerdict.PASS)
    await home.perform(OPERATION)
    await home.perform(OPERATION)
    assert {look.id for look in home.analyst.looks} == {"d-1.analyse-50"}
    assert {(look.experiment, look.control, look.source) for look in home.analyst.looks} == {
        ("shop-v002", "shop-v001", "shop-v000")
    }


async def test_every_change_of_verdict_is_written_down_and_nothing_twice() -> None:
    home = house(RUNNING, RUNNING, AnalysisVerdict.ASKING, AnalysisVerdict.FAIL)
    await home.perform(OPERATION)
    told = [record.answer.verdict for record in await home.checks()]
    assert told == [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, Verdict.FAIL]


async def test_a_dead_canary_ends_it_at_once() -> None:
    world = arms()
    world.kill("shop-v002", comes_back=False)
    answer = await house(RUNNING, world=world).perform(OPERATION)
    assert (answer.ok, answer.dead) == (False, True)
    assert answer.sentence == "the canary shop-v002 has no healthy instance any more"


async def test_a_dead_baseline_is_no_failure_of_the_canary_but_ends_it_as_well() -> None:
    world = arms()
    world.kill("shop-v001", comes_back=False)
    answer = await house(RUNNING, world=world).perform(OPERATION)
    assert (answer.ok, answer.dead) == (False, True)
    assert answer.sentence.startswith("inconclusive: the baseline shop-v001 has no healthy")


async def test_arms_of_different_health_are_told_to_the_judge() -> None:
    world = arms()
    group = world.groups["shop-v002"]
    world.groups["shop-v002"] = group.model_copy(update={"instances": group.instances[:1]})
    home = house(RUNNING, AnalysisVerdict.PASS, world=world)
    await home.perform(OPERATION)
    assert home.analyst.looks[0].notes == ("the canary has 1 healthy instances, the baseline 2",)
