"""Figures that make no sense, and configurations that cannot be judged: said, and never a pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.canary.house import (
    CANARY,
    ERRORS,
    House,
    Value,
    config,
    healthy,
    metric,
    store_metric,
)
from turnout.canary.subjects import subjects_of
from turnout.model.analysis import AnalysisVerdict, OnInconclusive
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.errors import InvalidDocument

LATENCY = metric("latency", "latency", "latency")
GAUGE = metric("cpu use", "gauge", "cpu", critical=True)

NEVER_COUNTED = {"NaN": math.nan, "infinite": math.inf, "negative": -5.0, "huge": 1e300}
HARMLESS = {"constant": 7.0, "zero": 0.0, "tiny": 1e-300}


def over(figure: str, value: Callable[[str, int], float]) -> Value:
    """A healthy service, but for one figure."""

    def told(name: str, group: str, second: int) -> float:
        return value(group, second) if name == figure else healthy(name, group, second)

    return told


def house_of(value: Value, *metrics: dict[str, Any], **settings: Any) -> House:
    settings.setdefault("duration", timedelta(seconds=60))
    settings.setdefault("on_inconclusive", OnInconclusive.FAIL)
    return House(value, configuration=config(*metrics) if metrics else None, **settings)


@pytest.mark.parametrize("figure", ["errors", "requests", "latency"])
@pytest.mark.parametrize("value", NEVER_COUNTED.values(), ids=NEVER_COUNTED)
async def test_counts_that_make_no_sense_never_pass(figure: str, value: float) -> None:
    judged = LATENCY if figure == "latency" else ERRORS
    finding = await house_of(over(figure, lambda *_: value), judged).wait(120, 5)
    assert finding.verdict is AnalysisVerdict.INCONCLUSIVE
    assert "60 of 60 steps cannot be used" in finding.sentence


@pytest.mark.parametrize("value", [math.nan, math.inf, -5.0])
async def test_a_gauge_that_makes_no_sense_never_passes(value: float) -> None:
    house = house_of(over("cpu", lambda *_: value), GAUGE, duration=timedelta(minutes=4))
    finding = await house.wait(400, 20)
    assert finding.verdict is AnalysisVerdict.INCONCLUSIVE
    assert "48 of 48 steps cannot be used" in finding.sentence


@pytest.mark.parametrize("value", HARMLESS.values(), ids=HARMLESS)
async def test_what_is_the_same_in_both_arms_is_no_harm(value: float) -> None:
    for figure, judged in (("errors", ERRORS), ("latency", LATENCY)):
        finding = await house_of(over(figure, lambda *_: value), judged).wait(120, 5)
        assert finding.verdict is AnalysisVerdict.PASS, finding.sentence


@pytest.mark.parametrize("value", [7.0, 0.0, 1e-300, 1e300])
async def test_a_gauge_that_never_changes_is_no_harm(value: float) -> None:
    house = house_of(over("cpu", lambda *_: value), GAUGE, duration=timedelta(minutes=4))
    assert (await house.wait(400, 20)).verdict is AnalysisVerdict.PASS


async def test_a_gauge_that_is_beyond_all_measure_fails_in_the_least_time_that_is_allowed() -> None:
    house = house_of(
        over("cpu", lambda group, _: 1e300 if group == CANARY else 1e-300),
        GAUGE,
        duration=timedelta(seconds=200),
    )
    finding = await house.wait(300, 20)
    assert finding.verdict is AnalysisVerdict.FAIL
    assert "Cpu use: 2,202,547 % higher" in finding.sentence


@pytest.mark.parametrize(
    ("silent", "said"),
    [(CANARY, "the canary does not report it"), ("shop-v003", "only the canary")],
)
async def test_a_metric_of_one_arm_only_never_passes(silent: str, said: str) -> None:
    """Also one that was renamed in the new version: only the baseline has the old name."""
    value = over("errors", lambda group, _: math.nan if group == silent else 0.0)
    finding = await house_of(value).wait(120, 5)
    assert finding.verdict is AnalysisVerdict.INCONCLUSIVE
    assert said in finding.sentence


async def test_both_arms_slow_alike_is_a_pass_and_slower_than_slow_is_not() -> None:
    slow = over("latency", lambda *_: 150.0)
    assert (await house_of(slow, LATENCY).wait(120, 5)).verdict is AnalysisVerdict.PASS
    slower = over("latency", lambda group, _: 190.0 if group == CANARY else 100.0)
    finding = await house_of(slower, LATENCY).wait(120)
    assert finding.verdict is AnalysisVerdict.FAIL
    assert "95 % of 100 requests in the canary were slower than 50 ms against 50 %" in (
        finding.sentence
    )


def refusal(configuration: CanaryConfig) -> InvalidDocument:
    with pytest.raises(InvalidDocument) as refused:
        subjects_of(configuration, timedelta(minutes=15))
    return refused.value


def test_what_nobody_could_judge_is_refused() -> None:
    muted = metric("errors", "proportion", "errors", muted=True)
    assert "all muted" in str(refusal(config(muted)).problems[0])
    assert "errors" in str(refusal(config(ERRORS, ERRORS)).problems[0])
    lonely = store_metric("errors", "proportion", "errors") | {"exposureQuery": None}
    assert "exposureQuery" in refusal(config(lonely)).message


@pytest.mark.parametrize(
    ("judged", "duration", "said"),
    [
        (GAUGE, 120, "2m is too short for cpu use: 3m20s is the least"),
        (metric("cpu", "gauge", "cpu"), 120, "2m is too short for cpu: 3m20s is the least"),
        (store_metric("lost", "count", "errors"), 30, "30s is too short for lost: 1m is the least"),
    ],
    ids=["a gauge that must be judged", "nothing but gauges", "a step of a metrics system"],
)
async def test_too_little_time_is_refused_at_the_beginning(
    judged: dict[str, Any], duration: int, said: str
) -> None:
    house = house_of(healthy, judged, duration=timedelta(seconds=duration))
    with pytest.raises(InvalidDocument, match=said):
        await house.look()
    assert not house.archive.records


async def test_a_gauge_that_nothing_depends_on_is_left_out_and_that_is_said() -> None:
    finding = await house_of(healthy, ERRORS, metric("cpu", "gauge", "cpu")).wait(120, 5)
    assert finding.verdict is AnalysisVerdict.PASS
    assert finding.sentence.endswith("cpu is not judged: 1m are too short, 3m20s needed")


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({}, (1.0, 1.0)),
        ({"errors": 70, "latency": 30}, (70, 30)),
        ({"errors": 300, "latency": 200}, (300, 200)),
        ({"errors": 0, "latency": 0}, (0.1, 0.1)),
        ({"errors": 70}, (70, 30)),
        ({"errors": 120}, (120, 0.1)),
        ({"errors": -5, "latency": 20}, (0.1, 20)),
    ],
)
def test_weights_need_not_total_100(
    weights: dict[str, float], expected: tuple[float, float]
) -> None:
    """A group without one gets what is left, as the reference does it."""
    found = subjects_of(
        config(ERRORS, LATENCY, classifier={"groupWeights": weights}), timedelta(minutes=15)
    )
    assert tuple(subject.weight for subject in found) == expected


def test_a_metric_without_groups_counts_hardly_where_groups_are_weighed() -> None:
    bare = ERRORS | {"groups": []}
    found = subjects_of(
        config(bare, LATENCY, classifier={"groupWeights": {"latency": 100}}), timedelta(minutes=15)
    )
    assert [subject.weight for subject in found] == [0.1, 100]


async def test_kinds_of_the_reference_are_judged_by_what_they_are() -> None:
    legacy = [metric(name, "legacy", query) for name, query in (("e", "errors"), ("l", "latency"))]
    worse = over("errors", lambda group, _: float(group == CANARY))
    finding = await house_of(worse, *legacy).wait(120)
    assert finding.verdict is AnalysisVerdict.FAIL
    assert "E: 5.0 % of " in finding.sentence


@pytest.mark.parametrize(
    ("shares", "canary", "verdict"),
    [
        ((50, 50), 20, AnalysisVerdict.PASS),
        ((100, 100), 20, AnalysisVerdict.PASS),  # the second of canary_steps
        ((50, 150), 20, AnalysisVerdict.INCONCLUSIVE),
        ((100, 300), 20 / 3, AnalysisVerdict.PASS),
        ((0, 1000), 20, AnalysisVerdict.PASS),  # before traffic: the share is not known
        ((50, 50), 10, AnalysisVerdict.INCONCLUSIVE),  # a dead endpoint
        ((50, 50), 30, AnalysisVerdict.INCONCLUSIVE),  # retries, or sticky sessions
    ],
)
async def test_requests_must_be_shared_out_as_they_should_be(
    shares: tuple[int, int], canary: float, verdict: AnalysisVerdict
) -> None:
    def value(figure: str, group: str, second: int) -> float:
        if figure == "errors":
            return 0.0
        return (
            canary if figure == "requests" and group == CANARY else healthy(figure, group, second)
        )

    house = house_of(value, shares=shares)
    finding = await house.wait(120)
    assert finding.verdict is verdict
    if verdict is AnalysisVerdict.INCONCLUSIVE:
        assert house.seconds < 30, "more time does not make the arms comparable"
        assert "the canary got " in finding.sentence


async def test_arms_that_cannot_be_compared_are_asked_about_and_the_harm_is_told() -> None:
    def retried(figure: str, group: str, second: int) -> float:
        if figure == "errors":
            return 8.0 if group == CANARY and second >= 3615 else 0.0
        return 30.0 if figure == "requests" and group == CANARY else healthy(figure, group, second)

    finding = await House(retried).wait(30)
    assert finding.verdict is AnalysisVerdict.ASKING
    assert "the canary got 60 % of " in finding.sentence
    assert "What is seen all the same: Errors: " in finding.sentence
