"""The judge as a whole: what it finds, what it refuses, what it forgets (nothing)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from tests.unit.analysis.sequential.traffic import METRICS, SECOND, observe
from turnout.analysis.sequential import (
    Answer,
    Direction,
    EventSteps,
    Finding,
    GaugeSteps,
    Kind,
    LatencySteps,
    Metric,
    Scale,
    State,
    Steps,
    Verdict,
    advance,
    dump,
    finish,
    history,
    load,
    start,
    verdict,
)
from turnout.analysis.sequential.combine import canary_log_e

NAN, INF = math.nan, math.inf
ERRORS = METRICS[0]


def run(steps: range, **effects: object) -> State:
    rng = default_rng(31)
    return advance(start(METRICS, planned_steps=600), observe(rng, steps, **effects))  # type: ignore[arg-type] # effects of observe


def one(metric: Metric, steps: Steps, **options: object) -> State:
    length = max(np.size(steps.index), 1)
    state = start([metric], planned_steps=length, **options)  # type: ignore[arg-type] # of start
    return advance(state, {metric.name: steps})


def events(canary: list[float], baseline: list[float], requests: float = 100) -> EventSteps:
    n = len(canary)
    return EventSteps(range(n), canary, [requests] * n, baseline, [requests] * n)


def test_an_error_a_second_is_found_in_seconds() -> None:
    state, rng = start(METRICS, planned_steps=600), default_rng(32)
    for second in range(30):
        state = advance(state, observe(rng, range(second, second + 1), errors=(0.05, 0.001)))
    found = verdict(state)
    assert found.answer is Answer.FAIL
    assert state.failed_at is not None
    assert state.failed_at < 20
    assert [m.name for m in found.metrics if m.finding is Finding.HARM] == ["errors"]


def test_a_canary_like_its_baseline_passes_at_the_end() -> None:
    rng = default_rng(31)
    state = advance(start(METRICS, planned_steps=200), observe(rng, range(200)))
    assert verdict(state).answer is Answer.RUNNING
    assert finish(state).answer is Answer.PASS


def test_nothing_passes_on_figures_that_ended_before_the_plan() -> None:
    found = finish(run(range(60)))
    assert found.answer is Answer.INCONCLUSIVE
    assert "540 of 600 steps cannot be used (540 not reported)" in found.sentence


def test_a_metric_that_fell_silent_is_not_fine() -> None:
    metric = replace(ERRORS, harm_of_interest=0.5)
    silent = Metric("restarts", Kind.COUNT, step=SECOND)
    rng = default_rng(45)
    steps = events(rng.poisson(20, 60).tolist(), rng.poisson(20, 60).tolist(), 1000)
    state = advance(
        start([metric, silent], planned_steps=60),
        {"errors": steps, "restarts": events([0] * 10, [0] * 10)},
    )
    assert verdict(state).metrics[0].finding is Finding.SAFE
    assert verdict(state).answer is Answer.RUNNING
    assert finish(state).answer is Answer.INCONCLUSIVE
    assert "50 not reported" in finish(state).sentence


def test_a_metric_may_report_later_than_another() -> None:
    """The same steps; latency comes ten steps behind errors. What was found is the same."""
    rng = default_rng(46)
    whole = observe(rng, range(40), errors=(0.05, 0.001))
    state = start(METRICS, planned_steps=40)
    for begin in range(0, 50, 10):
        seen = {
            name: cut(steps, max(begin - late, 0), max(begin - late + 10, 0))
            for name, steps in whole.items()
            for late in [10 if name == "latency" else 0]
        }
        state = advance(state, seen)
    at_once = advance(start(METRICS, planned_steps=40), whole)
    assert finish(state).answer is Answer.FAIL
    for ours, theirs in zip(state.tracks, at_once.tracks, strict=True):
        assert ours.log_e == pytest.approx(theirs.log_e)
        assert ours.tally == theirs.tally
    logs, weights = [track.log_e for track in state.tracks], [m.weight for m in METRICS]
    assert state.log_e == pytest.approx(canary_log_e(logs, weights))


def test_what_was_found_stays_found() -> None:
    state, rng = run(range(30), errors=(0.05, 0.001)), default_rng(33)
    assert verdict(state).answer is Answer.FAIL
    calm = advance(state, observe(rng, range(30, 130), errors=(0.0, 0.05)))
    assert verdict(calm).answer is Answer.FAIL
    assert calm.failed_at == state.failed_at


@settings(max_examples=5, deadline=None)  # a run of the judge takes a while, and needs no clock
@given(st.lists(st.integers(1, 15), min_size=2, max_size=4))
def test_steps_may_come_in_any_portions(portions: list[int]) -> None:
    total, rng = sum(portions), default_rng(34)
    whole = observe(rng, range(total), errors=(0.01, 0.001), cpu=1.05)
    at_once = advance(start(METRICS, planned_steps=100), whole)
    state, begin = start(METRICS, planned_steps=100), 0
    for portion in portions:
        state = advance(state, {n: cut(s, begin, begin + portion) for n, s in whole.items()})
        begin += portion
    ours, theirs = list(leaves(dump(state))), list(leaves(dump(at_once)))
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9, nan_ok=True)
    assert verdict(state).sentence == verdict(at_once).sentence


@pytest.mark.parametrize(("total", "portion"), [(150, 1), (1500, 170)])
def test_a_long_canary_folded_in_one_go_is_the_one_that_was_folded_step_by_step(
    total: int, portion: int
) -> None:
    """Long enough for every window and every portion that the judge itself makes."""
    whole = observe(default_rng(35), range(total), errors=(0.03, 0.02), cpu=1.02)
    at_once = advance(start(METRICS, planned_steps=total), whole)
    state = start(METRICS, planned_steps=total)
    for begin in range(0, total, portion):
        state = advance(state, {n: cut(s, begin, begin + portion) for n, s in whole.items()})
    ours, theirs = list(leaves(dump(state))), list(leaves(dump(at_once)))
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9, nan_ok=True)
    found, expected = finish(state), finish(at_once)
    assert (found.answer, found.sentence) == (expected.answer, expected.sentence)
    assert [m.sentence for m in found.metrics] == [m.sentence for m in expected.metrics]


def leaves(document: object) -> Iterator[float]:
    """All numbers of a document, in order; what is not finite is a text there."""
    match document:
        case dict():
            for value in document.values():
                yield from leaves(value)
        case list():
            for value in document:
                yield from leaves(value)
        case int() | float():
            yield float(document)
        case "inf" | "-inf" | "nan":
            yield float(document)


def cut(steps: Steps, begin: int, end: int) -> Steps:
    columns = {name: getattr(steps, name)[begin:end] for name in type(steps).__slots__}
    return type(steps)(**columns)


def test_a_restart_changes_nothing() -> None:
    """Through JSON in its strict form, after every few steps."""
    rng = default_rng(35)
    steady = interrupted = start(METRICS, planned_steps=100)
    for begin in range(0, 60, 12):
        seen = observe(rng, range(begin, begin + 12), errors=(0.01, 0.001))
        steady = advance(steady, seen)
        interrupted = advance(
            load(json.loads(json.dumps(dump(interrupted), allow_nan=False))), seen
        )
    assert dump(interrupted) == dump(steady)
    assert repr(finish(interrupted)) == repr(finish(steady))


def test_a_step_counts_once() -> None:
    rng = default_rng(36)
    first, more = observe(rng, range(10)), observe(rng, range(10, 15))
    state = advance(start(METRICS, planned_steps=100), first)
    assert dump(advance(state, first)) == dump(state)
    forward = advance(state, more)
    assert dump(advance(advance(forward, first), more)) == dump(forward)


def test_a_step_that_was_skipped_is_missing_and_not_taken_later() -> None:
    state = one(ERRORS, EventSteps([0, 3], [1, 1], [50, 50], [1, 1], [50, 50]))
    assert state.tracks[0].tally.missing == 2
    late = advance(state, {"errors": EventSteps([1], [9], [50], [0], [50])})
    assert dump(late) == dump(state)


def test_a_critical_metric_that_is_safe_passes_the_canary_early() -> None:
    metric = replace(ERRORS, harm_of_interest=0.5)
    rng = default_rng(37)
    state = one(metric, events(rng.poisson(20, 60).tolist(), rng.poisson(20, 60).tolist(), 1000))
    found = verdict(state)
    assert found.answer is Answer.PASS
    assert "Passed after 60 s" in found.sentence
    assert found.metrics[0].high < 1.5


def test_the_canary_waits_for_all_metrics_when_none_is_critical() -> None:
    safe = replace(ERRORS, critical=False, harm_of_interest=0.5)
    open_ = Metric("restarts", Kind.COUNT, step=SECOND)
    rng = default_rng(38)
    steps = events(rng.poisson(20, 60).tolist(), rng.poisson(20, 60).tolist(), 1000)
    state = advance(
        start([safe, open_], planned_steps=100),
        {"errors": steps, "restarts": events([0] * 60, [0] * 60)},
    )
    assert verdict(state).metrics[0].finding is Finding.SAFE
    assert verdict(state).answer is Answer.RUNNING


def test_zero_events_everywhere_pass_at_the_end_and_claim_nothing() -> None:
    found = finish(one(ERRORS, events([0] * 20, [0] * 20)))
    assert found.answer is Answer.PASS
    assert math.isnan(found.metrics[0].estimate)
    assert found.metrics[0].sentence == (
        "Errors: 0 % of 2,000 requests in the canary against 0 % of 2,000 in the baseline;"
        " no difference is excluded yet."
    )


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (events([], []), "no step was reported"),
        (events([0] * 5, [0] * 5, requests=0), "0 requests in the canary and 0 in the baseline"),
        (events([NAN] * 5, [1] * 5), "only the baseline has it (5 steps)"),
        (events([1] * 5, [NAN] * 5), "only the canary has it (5 steps)"),
        (events([1, NAN, NAN, 1], [1, 1, NAN, 1]), "2 of 4 steps cannot be used"),
        (events([1, INF, 1, 1], [1] * 4), "1 infinite, negative, too large or contradictory"),
        (events([1, -1, 1, 1], [1] * 4), "1 infinite, negative, too large or contradictory"),
        (events([1, 1, 1, 1], [1, 101, 1, 1]), "1 infinite, negative, too large or contradictory"),
    ],
)
def test_what_cannot_be_judged_never_passes(steps: EventSteps, why: str) -> None:
    state = one(ERRORS, steps)
    assert verdict(state).answer is Answer.RUNNING
    found = finish(state)
    assert found.answer is Answer.INCONCLUSIVE
    assert why in found.sentence


@pytest.mark.parametrize("bad", [NAN, INF, -INF, -3.0])
def test_a_gauge_with_a_broken_figure_now_and_then_says_so(bad: float) -> None:
    metric = Metric("CPU", Kind.GAUGE)
    values = default_rng(39).lognormal(0, 0.1, (2, 40))
    values[0, ::5] = bad
    found = finish(one(metric, GaugeSteps(range(40), *values)))
    assert found.answer is Answer.INCONCLUSIVE
    assert "8 of 40 steps cannot be used" in found.sentence


def test_few_steps_of_a_gauge_are_not_enough() -> None:
    found = finish(one(Metric("CPU", Kind.GAUGE), GaugeSteps(range(12), [1] * 12, [1] * 12)))
    assert found.answer is Answer.INCONCLUSIVE
    assert found.sentence == "Cannot be judged. CPU: not enough data: 12 of 35 steps."


def test_harm_is_told_although_another_metric_is_missing() -> None:
    state = start(METRICS[:2], planned_steps=100)
    state = advance(state, {"errors": events([9] * 30, [0] * 30)})
    assert verdict(state).answer is Answer.FAIL


def test_requests_that_are_shared_wrongly_end_the_comparison() -> None:
    steps = EventSteps(range(30), [0] * 30, [30] * 30, [0] * 30, [20] * 30)
    found = verdict(one(ERRORS, steps))
    assert found.answer is Answer.INCONCLUSIVE
    assert "got 60 % of 1,500 requests and should have got 50 %" in found.sentence
    assert verdict(one(ERRORS, steps, expected_share=0.6)).answer is Answer.RUNNING
    assert verdict(one(ERRORS, steps, expected_share=None)).answer is Answer.RUNNING


def test_the_exposure_of_a_count_says_nothing_about_the_split() -> None:
    metric = Metric("restarts", Kind.COUNT)
    steps = EventSteps(range(30), [0] * 30, [9e6] * 30, [0] * 30, [2e6] * 30)
    assert verdict(one(metric, steps)).answer is Answer.RUNNING


@pytest.mark.parametrize("unit", [1e-6, 1e6])
@pytest.mark.parametrize("effect", [1.0, 1.15, 1.6])
def test_units_change_no_verdict(unit: float, effect: float) -> None:
    rng = default_rng(41)
    levels, exposure = rng.lognormal(0, 0.1, (2, 90)), rng.uniform(50, 90, (2, 90))
    counted = rng.poisson(0.1 * effect * exposure[0]), rng.poisson(0.1 * exposure[1])
    metrics = [
        Metric("CPU", Kind.GAUGE),
        Metric("restarts", Kind.COUNT),
        Metric("balance", Kind.GAUGE, scale=Scale.DIFFERENCE, harm_of_interest=1e-9),
    ]

    def judged(scale: float) -> Verdict:
        harm = replace(metrics[2], harm_of_interest=0.1 * scale)
        state = advance(
            start([*metrics[:2], harm], planned_steps=90),
            {
                "CPU": GaugeSteps(range(90), scale * effect * levels[0], scale * levels[1]),
                "restarts": EventSteps(
                    range(90), counted[0], scale * exposure[0], counted[1], scale * exposure[1]
                ),
                "balance": GaugeSteps(
                    range(90), scale * (effect * levels[0] - 2), scale * (levels[1] - 2)
                ),
            },
        )
        return finish(state)

    plain, scaled = judged(1.0), judged(unit)
    assert scaled.answer is plain.answer
    for ours, theirs in zip(scaled.metrics, plain.metrics, strict=True):
        assert ours.finding is theirs.finding
        assert ours.e_value == pytest.approx(theirs.e_value)
        size = unit if ours.name == "balance" else 1.0
        assert (ours.low, ours.high) == pytest.approx((size * theirs.low, size * theirs.high))


def test_a_constant_gauge_in_other_units_is_still_the_same() -> None:
    metric = Metric("CPU", Kind.GAUGE)
    for unit in (1e-6, 1.0, 1e6):
        level = [unit * 0.3] * 40
        found = finish(one(metric, GaugeSteps(range(40), [unit * (0.1 + 0.2)] * 40, level)))
        assert found.answer is Answer.PASS


@pytest.mark.parametrize(
    ("direction", "canary", "baseline", "finding"),
    [
        (Direction.INCREASE, 9, 1, Finding.HARM),
        (Direction.INCREASE, 1, 9, Finding.SAFE),
        (Direction.DECREASE, 1, 9, Finding.HARM),
        (Direction.DECREASE, 9, 1, Finding.SAFE),
        (Direction.EITHER, 9, 1, Finding.HARM),
        (Direction.EITHER, 1, 9, Finding.HARM),
    ],
)
def test_the_direction_says_what_harm_is(
    direction: Direction, canary: float, baseline: float, finding: Finding
) -> None:
    counted = Metric("answers", Kind.PROPORTION, direction=direction)
    assert (
        verdict(one(counted, events([canary] * 40, [baseline] * 40))).metrics[0].finding is finding
    )
    level = Metric("hits", Kind.GAUGE, direction=direction)
    noise = default_rng(42).lognormal(0, 0.1, (2, 60))
    steps = GaugeSteps(range(60), canary * noise[0], baseline * noise[1])
    assert verdict(one(level, steps)).metrics[0].finding is finding


def test_harm_within_the_margin_is_fine() -> None:
    rng = default_rng(43)
    steps = events(rng.poisson(15, 80).tolist(), rng.poisson(10, 80).tolist())
    assert verdict(one(ERRORS, steps)).answer is Answer.FAIL
    lenient = replace(ERRORS, margin=1.0, harm_of_interest=2.0)
    assert verdict(one(lenient, steps)).answer is Answer.PASS


def test_bursts_are_no_harm_when_history_knows_them() -> None:
    burst = events([14, 0, 0, 0, 0], [0, 0, 0, 0, 0])
    assert verdict(one(ERRORS, burst)).answer is Answer.FAIL
    assert verdict(one(replace(ERRORS, dispersion=10), burst)).answer is Answer.RUNNING


def test_the_end_finds_what_looking_at_any_time_could_not() -> None:
    """9 of 10 events: 1 % by the exact test, half of alpha 0.04 being kept for it."""
    steps = events([9], [1])
    state = one(ERRORS, steps, alpha=0.04)
    assert verdict(state).answer is Answer.RUNNING
    found = finish(state)
    assert found.answer is Answer.FAIL
    assert found.metrics[0].end_p == pytest.approx(11 / 1024)
    assert finish(one(ERRORS, steps, alpha=0.02)).answer is Answer.PASS


def test_a_slow_tail_is_found_at_its_threshold() -> None:
    metric = Metric("latency", Kind.LATENCY, thresholds=(50, 250))
    steps = LatencySteps(range(30), [[50, 9]] * 30, [100] * 30, [[50, 1]] * 30, [100] * 30)
    found = verdict(one(metric, steps))
    assert found.answer is Answer.FAIL
    assert found.metrics[0].samples.threshold == 250


def test_a_higher_level_is_found_whatever_both_arms_do() -> None:
    rng = default_rng(44)
    shared = 50 * np.exp(np.cumsum(rng.normal(0, 0.2, 90)))
    canary, baseline = shared * rng.lognormal(0, 0.1, (2, 90))
    metric = Metric("CPU", Kind.GAUGE)
    alike = verdict(one(metric, GaugeSteps(range(90), canary, baseline)))
    assert alike.answer is not Answer.FAIL
    higher = verdict(one(metric, GaugeSteps(range(90), 1.3 * canary, baseline)))
    assert higher.answer is Answer.FAIL
    assert higher.metrics[0].low < 1.3 < higher.metrics[0].high


def test_the_history_is_thin_and_ends_with_the_run() -> None:
    metric = Metric("CPU", Kind.GAUGE, step=SECOND)
    ones = [1.0] * 1500
    points = history(one(metric, GaugeSteps(range(1500), ones, ones)))["CPU"]
    assert 300 <= len(points) <= 600
    seconds = np.array([point.seconds for point in points])
    assert seconds[0] == 1
    assert len(set(np.diff(seconds))) == 1
    assert seconds[-1] > 1490


@pytest.mark.parametrize(
    "wrong",
    [
        {"margin": -0.1},
        {"margin": 0.2, "harm_of_interest": 0.1},
        {"weight": 0},
        {"thresholds": (1.0,)},
        {"dispersion": 0.5},
        {"scale": Scale.DIFFERENCE},
    ],
)
def test_a_metric_that_cannot_be_judged_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="cannot be judged"):
        replace(ERRORS, **wrong)  # type: ignore[arg-type] # wrong on purpose


def test_figures_that_do_not_fit_are_refused() -> None:
    state = start([ERRORS], planned_steps=10)
    with pytest.raises(ValueError, match="No such metric: mistake"):
        advance(state, {"mistake": events([1], [1])})
    with pytest.raises(ValueError, match="errors is a proportion; got GaugeSteps"):
        advance(state, {"errors": GaugeSteps([0], [1], [1])})
    with pytest.raises(ValueError, match="columns of"):
        advance(state, {"errors": EventSteps([0, 1], [1], [9], [1], [9])})
    with pytest.raises(ValueError, match="different names"):
        start([ERRORS, ERRORS], planned_steps=10)
