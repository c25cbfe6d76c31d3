"""Which steps a judgement looks at, and which it has to fetch."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.canary.evidence import Slice
from turnout.canary.interval_plans import IntervalWish, plan_record
from turnout.canary.intervals import (
    cut_evidence,
    intervals_of,
    new_steps,
    read_subjects,
    steps_of_window,
)
from turnout.model.analysis import AnalysisRecord, ComparedScope
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.document import read_document
from turnout.testing.world import START

CONFIG = read_document(
    CanaryConfig,
    {
        "judge": {"name": "NetflixACAJudge-v1.0"},
        "metrics": [{"name": "errors", "query": {"type": "router", "metricName": "errors"}}],
    },
)


def planned(*, lifetime: int, every: int, lookback: int, step: int) -> AnalysisRecord:
    """All in seconds."""
    wish = IntervalWish(
        id="r-1",
        config=CONFIG,
        config_name="mine",
        cluster="shop",
        scopes=(ComparedScope(experiment="shop-v002", control="shop-v001"),),
        start=START,
        lifetime=timedelta(seconds=lifetime),
        every=timedelta(seconds=every),
        lookback=timedelta(seconds=lookback),
        step=timedelta(seconds=step),
    )
    return plan_record(wish, START)


@settings(deadline=None)
@given(
    lifetime=st.integers(60, 4000),
    every=st.integers(30, 5000),
    lookback=st.just(0) | st.integers(10, 60),
    step=st.integers(1, 10),
)
def test_every_step_that_a_judgement_looks_at_is_fetched_once(
    lifetime: int, every: int, lookback: int, step: int
) -> None:
    record = planned(lifetime=lifetime, every=every, lookback=lookback, step=step)
    length, fetched = timedelta(seconds=step), list[int]()
    for window in intervals_of(record).windows:
        fetched += range(*new_steps(record, window, length))
        looked_at = set(range(*steps_of_window(record, window, length)))
        assert looked_at <= set(fetched)
        assert all(
            window.start <= record.began_at + n * length <= window.end - length for n in looked_at
        )
    assert len(fetched) == len(set(fetched))


def test_evidence_is_cut_to_the_window() -> None:
    record = planned(lifetime=120, every=30, lookback=20, step=10)
    _, subjects = read_subjects(record)
    values = tuple(float(n) for n in range(11))
    kept = Slice(metric="errors", first=0, canary=(values,), baseline=(values,))
    cut = [
        [(one.first, one.canary[0]) for one in cut_evidence(record, subjects, [kept], window)]
        for window in intervals_of(record).windows
    ]
    assert cut == [[(0, (0, 1))], [(3, (3, 4))], [(6, (6, 7))], [(9, (9, 10))]]
