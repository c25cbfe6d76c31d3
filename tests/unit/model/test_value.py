from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from turnout.model.checks import CheckAnswer, MetricCheck, Verdict
from turnout.model.traffic import TrafficSplit


def test_a_value_cannot_be_changed() -> None:
    split = TrafficSplit()
    with pytest.raises(ValidationError, match="frozen"):
        split.generation = 1  # type: ignore[misc] # that is the point


def test_an_unknown_field_is_refused_unless_the_reader_is_lenient() -> None:
    body = '{"generation": 1, "later": {"a": 1}}'
    with pytest.raises(ValidationError, match="later"):
        TrafficSplit.model_validate_json(body)
    assert TrafficSplit.model_validate_json(body, extra="ignore") == TrafficSplit(generation=1)


def test_figures_that_are_no_numbers_survive_json() -> None:
    figures = {"share": math.nan, "most": math.inf, "least": -math.inf, "ms": 1.5}
    answer = CheckAnswer(check="x", verdict=Verdict.PASS, sentence="", figures=figures)
    read = CheckAnswer.model_validate_json(answer.model_dump_json())
    assert math.isnan(read.figures["share"])
    assert {k: v for k, v in read.figures.items() if k != "share"} == {
        "most": math.inf,
        "least": -math.inf,
        "ms": 1.5,
    }
    check = MetricCheck(figure="requests", max=math.inf)
    assert MetricCheck.model_validate_json(check.model_dump_json()) == check
