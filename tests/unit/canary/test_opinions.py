from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.canary.recorded import DURATION, TWO_METRICS, alike, errors, latency
from turnout.canary.evidence import Slice
from turnout.canary.opinions import SequentialJudge
from turnout.canary.subjects import subjects_of


def judge() -> SequentialJudge:
    subjects = subjects_of(TWO_METRICS, DURATION)
    return SequentialJudge(TWO_METRICS, subjects, duration=DURATION, expected_share=0.5)


def part(one: Slice, first: int, last: int) -> Slice:
    def cut(columns: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
        return tuple(column[first:last] for column in columns)

    return one.model_copy(
        update={"first": first, "canary": cut(one.canary), "baseline": cut(one.baseline)}
    )


def test_evidence_weighs_the_same_look_by_look_and_all_at_once() -> None:
    whole = (errors(0.035, 0.02), latency())
    at_once, in_looks = judge(), judge()
    at_once.take(whole)
    for first in range(0, 120, 8):
        in_looks.take([part(one, first, first + 8) for one in whole])
    one, other = at_once.verdict(is_end=False), in_looks.verdict(is_end=False)
    assert one.peak_e_value == pytest.approx(other.peak_e_value)
    assert [m.e_value for m in one.metrics] == pytest.approx([m.e_value for m in other.metrics])


def test_steps_after_a_gap_count() -> None:
    found = judge()
    found.take([part(errors(0.02, 0.02), 0, 10), part(errors(0.02, 0.02), 20, 30)])
    samples = found.verdict(is_end=False).metrics[0].samples
    assert (samples.steps, samples.unusable_steps) == (20, 10)


def test_a_threshold_of_a_latency_keeps_its_own_counts() -> None:
    found = judge()
    found.take(alike(30))
    samples = next(m for m in found.verdict(is_end=False).metrics if m.name == "latency").samples
    place = TWO_METRICS_THRESHOLDS.index(samples.threshold or 0)
    assert samples.unusable_steps == 0
    assert samples.events_canary == sum(latency(30).canary[place])
    assert samples.events_baseline == sum(latency(30).baseline[place])


TWO_METRICS_THRESHOLDS = subjects_of(TWO_METRICS, timedelta(minutes=2))[1].thresholds_ms
