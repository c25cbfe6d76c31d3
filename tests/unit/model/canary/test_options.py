"""How the free part of a metric is read."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.model.canary.configuration import CanaryConfig, MetricConfig
from turnout.model.canary.document import read_document
from turnout.model.canary.lookup import ABSENT, look_up
from turnout.model.canary.options import (
    Direction,
    EffectSize,
    EvidenceOptions,
    JudgeOptions,
    Kind,
    Measure,
    MetricOptions,
    NanStrategy,
    OutlierStrategy,
    read_evidence_options,
    read_judge_options,
    read_options,
)
from turnout.model.errors import InvalidDocument

DEFAULTS = MetricOptions(
    direction=Direction.EITHER,
    nan_strategy=NanStrategy.REMOVE,
    critical=False,
    must_have_data=False,
    muted=False,
    outlier_strategy=OutlierStrategy.KEEP,
    outlier_factor=3.0,
    effect_size=EffectSize(Measure.MEAN_RATIO, 1.0, 1.0, 1.0, 1.0),
)


def metric(canary: Any) -> MetricConfig:
    return read_document(MetricConfig, {"name": "m", "analysisConfigurations": {"canary": canary}})


@pytest.mark.parametrize("canary", [{}, None, 5, [], {"outliers": None, "effectSize": None}])
def test_nothing_said_means_the_defaults(canary: Any) -> None:
    assert read_options(metric(canary)) == DEFAULTS


def test_everything_said_is_read() -> None:
    canary = {
        "direction": "decrease",
        "nanStrategy": "replace",
        "critical": True,
        "mustHaveData": True,
        "muted": True,
        "outliers": {"strategy": "remove", "outlierFactor": 2},
        "effectSize": {
            "measure": "cles",
            "allowedIncrease": 0.6,
            "allowedDecrease": 0.4,
            "criticalIncrease": 0.8,
            "criticalDecrease": 0.2,
        },
    }
    assert read_options(metric(canary)) == MetricOptions(
        direction=Direction.DECREASE,
        nan_strategy=NanStrategy.REPLACE,
        critical=True,
        must_have_data=True,
        muted=True,
        outlier_strategy=OutlierStrategy.REMOVE,
        outlier_factor=2.0,
        effect_size=EffectSize(Measure.CLES, 0.6, 0.4, 0.8, 0.2),
    )


def test_the_neutral_share_of_pairs_is_a_half() -> None:
    found = read_options(metric({"effectSize": {"measure": "cles"}})).effect_size
    assert found == EffectSize(Measure.CLES, 0.5, 0.5, 0.5, 0.5)


def test_a_null_number_is_0() -> None:
    found = read_options(metric({"effectSize": {"allowedDecrease": None}})).effect_size
    assert found.allowed_decrease == 0.0


@pytest.mark.parametrize(
    ("value", "keys", "expected"),
    [
        ({"a": {"b": 1}}, ("a", "b"), 1),
        ({"a": {"b": None}}, ("a", "b"), None),
        ({"a": 1}, ("a", "b"), ABSENT),
        ({"a": None}, ("a", "b"), ABSENT),
        ({"a": [{"b": 1}, {"c": 2}, {"b": None}]}, ("a", "b"), [1, None]),
        ({"a": [{"c": 2}, 3]}, ("a", "b"), ABSENT),
    ],
)
def test_values_are_looked_up_by_path(value: Any, keys: tuple[str, ...], expected: Any) -> None:
    assert look_up(value, *keys) == expected


def test_our_own_fields_have_defaults_and_null_is_absent() -> None:
    expected = EvidenceOptions(None, 0.0, 0.10, (), None, None)
    assert read_evidence_options(metric({})) == expected
    nulls = dict.fromkeys(("kind", "margin", "harmOfInterest", "thresholdsMs", "dispersion"))
    assert read_evidence_options(metric(nulls)) == expected


def test_our_own_fields_are_read() -> None:
    canary = {
        "kind": "latency",
        "margin": 0.02,
        "harmOfInterest": 0.3,
        "thresholdsMs": [100, 250.5],
        "dispersion": 1.5,
        "step": 5,
    }
    expected = EvidenceOptions(Kind.LATENCY, 0.02, 0.3, (100.0, 250.5), 1.5, 5.0)
    assert read_evidence_options(metric(canary)) == expected


@pytest.mark.parametrize(
    ("canary", "path", "nearest"),
    [
        ({"kind": "gauges"}, "kind", "gauge"),
        ({"kind": 5}, "kind", ""),
        ({"margin": -0.1}, "margin", ""),
        ({"margin": "0.1"}, "margin", ""),
        ({"harmOfInterest": 0}, "harmOfInterest", ""),
        ({"dispersion": 0.9}, "dispersion", ""),
        ({"dispersion": "auto"}, "dispersion", ""),
        ({"step": 0}, "step", ""),
        ({"kind": "latency", "thresholdsMs": 100}, "thresholdsMs", ""),
        ({"kind": "latency", "thresholdsMs": [100, True]}, "thresholdsMs", ""),
        ({"kind": "latency", "thresholdsMs": [0]}, "thresholdsMs", ""),
        ({"kind": "gauge", "thresholdsMs": [100]}, "thresholdsMs", ""),
    ],
)
def test_our_own_fields_are_checked(canary: dict[str, Any], path: str, nearest: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        read_evidence_options(metric(canary))
    (problem,) = refused.value.problems
    assert problem.path == f"analysisConfigurations.canary.{path}"
    assert problem.nearest == nearest


def test_all_mistakes_of_a_metric_are_told_at_once() -> None:
    with pytest.raises(InvalidDocument) as refused:
        read_options(metric({"critical": 1, "direction": None, "outliers": {"outlierFactor": "3"}}))
    assert len(refused.value.problems) == 3


def judge_options(**settings: Any) -> JudgeOptions:
    judge: dict[str, Any] = {"name": "turnout-sequential", "judgeConfigurations": settings}
    return read_judge_options(read_document(CanaryConfig, {"judge": judge}))


def test_risks_of_the_judge() -> None:
    assert read_judge_options(CanaryConfig()) == JudgeOptions(alpha=0.01, beta=0.05)
    assert judge_options(alpha=0.001, beta=0.2) == JudgeOptions(alpha=0.001, beta=0.2)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, "0.01", True])
def test_a_risk_lies_between_0_and_1(alpha: Any) -> None:
    with pytest.raises(InvalidDocument, match=r"judge\.judgeConfigurations\.alpha"):
        judge_options(alpha=alpha)
