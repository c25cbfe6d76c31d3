"""Stores that are away, late or hang; traffic that is rare or stops; restarts at any moment."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.canary.house import BASELINE, CANARY, ERRORS, House, config, healthy, metric
from tests.unit.canary.house import store_metric as of_store
from turnout.canary import asking
from turnout.canary.analyst import MOST_LOOKS
from turnout.canary.course import tell_errors
from turnout.canary.opinions import Opinion
from turnout.model.analysis import AnalysisMode, AnalysisVerdict, Finding, OnInconclusive
from turnout.model.errors import Temporary

MINUTE = timedelta(minutes=1)
FAIL = OnInconclusive.FAIL
COMPATIBLE = {
    "judge": {"name": "NetflixACAJudge-v1.0"},
    "classifier": {
        "groupWeights": {"errors": 100},
        "scoreThresholds": {"pass": 95, "marginal": 75},
    },
}


def broken(figure: str, group: str, second: int) -> float:
    """The canary fails one request a second, of twenty."""
    return float(group == CANARY) if figure == "errors" else healthy(figure, group, second)


def worsening(figure: str, group: str, second: int) -> float:
    """Failures that take most of a minute to be told from chance."""
    if figure == "errors":
        return float(second % 9 == 0 or (group == CANARY and second % 2 == 0))
    return healthy(figure, group, second)


def evidence(house: House) -> dict[str, int]:
    return house.analyst._live[house.analysis.id].next_step


# Traffic


async def test_one_request_a_minute_is_too_little_and_how_long_it_would_take_is_said() -> None:
    def rare(figure: str, group: str, second: int) -> float:
        return float(figure == "requests" and second % 60 == 0)

    finding = await House(rare, duration=15 * MINUTE, on_inconclusive=FAIL).wait(1000, 20)
    assert finding.verdict is AnalysisVerdict.INCONCLUSIVE
    assert "15 requests in the canary and 15 in the baseline; each needs 50" in finding.sentence
    assert "which takes about 35 min more at this rate" in finding.sentence


async def test_traffic_that_stops_half_way_is_no_pass() -> None:
    def stops(figure: str, group: str, second: int) -> float:
        return healthy(figure, group, second) if second < 3660 else 0.0

    finding = await House(stops, on_inconclusive=FAIL).wait(300, 5)
    assert finding.verdict is AnalysisVerdict.INCONCLUSIVE
    assert "no request came in the last 60 s" in finding.sentence


# Metrics systems


@pytest.mark.parametrize("away", [(0, 90), (200, 400), (450, 605)])
async def test_a_store_that_was_away_for_a_while_costs_nothing_but_time(
    away: tuple[int, int],
) -> None:
    house = House(
        configuration=config(of_store("errors", "proportion", "errors")), duration=10 * MINUTE
    )
    finding = await house.look()
    while not finding.verdict.is_end:
        is_away = away[0] <= house.seconds < away[1]
        house.source.trouble = Temporary("connection refused") if is_away else None
        finding = await house.wait(0)
        if is_away and house.seconds > away[0] + 75:
            assert "errors: connection refused" in finding.sentence
        await house.clock.sleep(timedelta(seconds=5))
    assert finding.verdict is AnalysisVerdict.PASS
    assert "of 12,000 requests in the canary" in finding.sentence


async def test_a_store_that_does_not_come_back_is_an_error_in_the_end() -> None:
    house = House(
        configuration=config(ERRORS, of_store("shop errors", "proportion", "errors")),
        duration=5 * MINUTE,
        on_inconclusive=FAIL,
    )
    await house.wait(150, 5)
    house.source.broken = {"errors": Temporary("connection refused")}
    finding = await house.wait(1000, 5)
    assert finding.verdict is AnalysisVerdict.ERROR
    assert "errors and shop errors: connection refused" in finding.sentence


async def test_a_store_that_lags_by_minutes_is_waited_for_and_that_is_said() -> None:
    house = House(
        configuration=config(of_store("errors", "proportion", "errors")), duration=10 * MINUTE
    )
    house.source.lag = 230.0
    finding = await house.wait(280, 5)
    assert "no figures of errors after 01:00:00 UTC yet" in finding.sentence
    finding = await house.wait(400, 5)
    assert finding.sentence.startswith("waits for the last figures: ")
    finding = await house.wait(600, 5)
    assert finding.verdict is AnalysisVerdict.PASS
    assert "of 12,000 requests in the canary" in finding.sentence
    assert house.seconds >= 600 + 230


async def test_a_store_that_lags_by_more_is_inconclusive_and_not_waited_for_for_ever() -> None:
    house = House(
        configuration=config(of_store("errors", "proportion", "errors")),
        duration=10 * MINUTE,
        on_inconclusive=FAIL,
    )
    house.source.lag = 1200.0
    finding = await house.wait(3000, 5)
    assert finding.verdict is AnalysisVerdict.INCONCLUSIVE
    assert "10 missing in both arms" in finding.sentence
    assert house.seconds <= 600 + 310


async def test_one_missing_sample_is_not_waited_for_as_long_as_a_late_store() -> None:
    def holed(figure: str, group: str, second: int) -> float:
        is_hole = figure == "errors" and group == BASELINE and 3720 <= second < 3780
        return float("nan") if is_hole else healthy(figure, group, second)

    house = House(
        holed,
        configuration=config(of_store("errors", "proportion", "errors")),
        duration=15 * MINUTE,
    )
    await house.wait(355, 5)
    assert evidence(house) == {"errors": 2}
    await house.wait(20, 5)
    assert evidence(house) == {"errors": 6}
    assert (await house.wait(700, 5)).verdict is AnalysisVerdict.PASS


async def test_a_store_is_not_asked_at_every_look() -> None:
    house = House(configuration=config(of_store("lost", "count", "errors")), duration=10 * MINUTE)
    house.source.trouble = Temporary("429 Too Many Requests")
    await house.wait(170, 0.5)
    assert house.source.asked == 2 * 11, "both arms every ten seconds, from the first step on"


async def test_a_store_that_hangs_does_not_hold_up_what_the_router_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "WAITS", timedelta(milliseconds=20))
    house = House(
        lambda figure, group, second: (
            broken(figure, group, second) if second > 3680 else healthy(figure, group, second)
        ),
        configuration=config(ERRORS, of_store("lost", "gauge", "memory")),
        duration=60 * MINUTE,
    )
    house.source.hanging = frozenset({"memory"})
    finding = await house.wait(120)
    assert finding.verdict is AnalysisVerdict.FAIL
    assert 80 < house.seconds < 110
    await asyncio.gather(
        *(task for task in asyncio.all_tasks() if "_fetch_closed" in repr(task)),
        return_exceptions=True,
    )
    assert not [task for task in asyncio.all_tasks() if "_fetch_closed" in repr(task)]


# Looks


async def test_an_interval_longer_than_the_duration_means_one_look_at_the_end() -> None:
    house = House(broken, interval=60 * MINUTE)
    finding = await house.wait(300)
    assert finding.verdict is AnalysisVerdict.FAIL
    assert 120 <= house.seconds <= 122


async def test_looks_are_bounded_however_long_it_takes() -> None:
    house = House(duration=timedelta(hours=24), interval=timedelta(seconds=1))
    await house.wait(100)
    assert len(house.archive.evidence[house.analysis.id]) <= 100 * MOST_LOOKS / 86400 + 2


async def test_while_a_person_is_waited_for_the_end_is_not_judged_again_and_again() -> None:
    """The share of alpha for the end can be spent once."""

    def late(figure: str, group: str, second: int) -> float:
        return healthy(figure, group, second) if second > 3600 + 200 else 0.0

    house = House(late, on_inconclusive=OnInconclusive.ASK)
    assert (await house.wait(150)).verdict is AnalysisVerdict.ASKING
    ends: list[bool] = []
    judge = house.analyst._live[house.analysis.id].judge
    say = judge.say

    def listen(*, is_end: bool) -> Opinion:
        ends.append(is_end)
        return say(is_end=is_end)

    judge.say = listen  # type: ignore[method-assign]
    assert (await house.wait(200)).verdict is AnalysisVerdict.ASKING
    assert ends
    assert not any(ends)


@pytest.mark.parametrize("mode", list(AnalysisMode))
async def test_a_baseline_that_is_gone_from_the_figures_is_no_pass(mode: AnalysisMode) -> None:
    def gone(figure: str, group: str, second: int) -> float:
        return float("nan") if group == BASELINE else healthy(figure, group, second)

    finding = await House(gone, mode=mode, on_inconclusive=FAIL).wait(400, 5)
    assert finding.verdict is not AnalysisVerdict.PASS
    assert "only the canary has it" in finding.sentence


# Restarts


async def carried_out(
    value: Callable[[str, str, int], float], pauses: list[tuple[float, str]]
) -> tuple[Finding, dict[str, int]]:
    """The end, and what was counted. After the pauses it goes on second by second."""
    judged = config(ERRORS, metric("late", "latency", "latency"))
    house = House(value, configuration=judged, duration=MINUTE, interval=timedelta(seconds=4))
    finding = await house.look()
    for seconds, trouble in pauses:
        house.source.trouble = Temporary("down") if trouble == "store" else None
        if trouble == "restart":
            house.restarted()
        if not finding.verdict.is_end:
            await house.clock.sleep(timedelta(seconds=seconds))
            finding = await house.look()
    house.source.trouble = None
    finding = await house.wait(200, 4)
    return finding, evidence(house)


PAUSES = st.lists(
    st.tuples(
        st.sampled_from([0.5, 1.0, 2.5, 7.0, 24.0]), st.sampled_from(["", "", "store", "restart"])
    ),
    max_size=10,
)


@settings(max_examples=10, deadline=None)
@given(PAUSES)
def test_whatever_happens_between_looks_the_same_samples_give_the_same_verdict(
    pauses: list[tuple[float, str]],
) -> None:
    for value, verdict in (
        (healthy, AnalysisVerdict.PASS),
        (worsening, AnalysisVerdict.FAIL),
    ):
        expected, _ = asyncio.run(carried_out(value, []))
        finding, steps = asyncio.run(carried_out(value, pauses))
        assert expected.verdict is finding.verdict is verdict
        assert _decided(finding) == _decided(expected)
        if verdict is AnalysisVerdict.PASS:
            assert steps == {"errors": 60, "late": 60}
            assert finding.figures == expected.figures


def _decided(finding: Finding) -> str:
    """When it failed is not changed by who looked when; what came later may be told along."""
    return re.split(r"\. |: ", finding.sentence)[0]


async def test_an_analysis_that_nobody_looks_at_any_more_is_not_held_for_ever() -> None:
    house = House()
    await house.wait(5)
    await house.clock.sleep(timedelta(hours=2))
    other = house.analysis.model_copy(update={"id": "d-2.analyse-50"})
    await house.analyst.look(other)
    assert list(house.analyst._live) == ["d-2.analyse-50"]


# Two hundred metrics


async def test_with_200_metrics_no_sentence_names_more_than_three() -> None:
    house = House(
        broken,
        configuration=config(*(metric(f"m{n:03}", "proportion", "errors") for n in range(200))),
        duration=MINUTE,
        interval=timedelta(seconds=20),
    )
    house.source.trouble = Temporary("connection refused")
    finding = await house.wait(25, 5)
    assert finding.sentence.endswith("m000, m001, m002 and 197 more: connection refused")
    house.source.trouble = None
    finding = await house.wait(60, 5)
    assert finding.verdict is AnalysisVerdict.FAIL
    assert finding.sentence.endswith("And 197 more metrics")
    assert len(finding.sentence) < 700
    assert len(finding.figures) <= 9


def test_errors_are_told_by_reason_and_at_most_three() -> None:
    down = {f"m{n}": "down" for n in range(5)}
    others = {f"x{n}": f"reason {n}" for n in range(4)}
    assert tell_errors(down | others) == [
        "m0, m1, m2 and 2 more: down",
        "x0: reason 0",
        "x1: reason 1",
        "and 2 more",
    ]


# The judge of the reference, live


def compatible(*metrics: dict[str, Any], **settings: Any) -> House:
    judged = metrics or (metric("errors", "legacy", "errors"),)
    value = settings.pop("value", healthy)
    settings = {"duration": 10 * MINUTE, "on_inconclusive": FAIL, **settings}
    return House(value, configuration=config(*judged, **COMPATIBLE), **settings)


async def test_the_compatible_judge_looks_once_a_minute_and_passes_at_the_end() -> None:
    house = compatible()
    finding = await house.wait(700, 5)
    assert (finding.verdict, finding.sentence) == (
        AnalysisVerdict.PASS,
        "score 100 of 100 (95 passes)",
    )
    assert 600 <= house.seconds <= 615
    assert len(house.archive.evidence[house.analysis.id]) <= 12


async def test_the_compatible_judge_ends_a_bad_canary_before_its_time() -> None:
    def bad(figure: str, group: str, second: int) -> float:
        if figure == "errors":
            return 1.0 + second % 3 if group == CANARY else 0.1 * (second % 7)
        return healthy(figure, group, second)

    house = compatible(value=bad)
    finding = await house.wait(700, 5)
    assert finding.verdict is AnalysisVerdict.FAIL
    assert finding.sentence == "score 0 of 100 (95 passes); errors was classified as High"
    assert house.seconds <= 65


async def test_the_compatible_judge_does_not_pass_what_is_not_there() -> None:
    house = compatible()
    house.source.known_until = 0
    finding = await house.wait(900, 5)
    assert finding.verdict is AnalysisVerdict.INCONCLUSIVE
    assert finding.sentence == "no metric has data"


async def test_the_compatible_judge_waits_for_a_late_store() -> None:
    house = compatible(of_store("errors", "legacy", "errors"))
    house.source.lag = 120.0
    finding = await house.wait(1000, 5)
    assert finding.verdict is AnalysisVerdict.PASS
    kept = house.archive.evidence[house.analysis.id].values()
    assert not any("NaN" in text for text in kept)
