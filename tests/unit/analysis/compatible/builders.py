"""Configurations, pairs and results for tests of the judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from turnout.analysis.compatible.samples import Side, side_of
from turnout.model.canary.configuration import CanaryConfig, MetricConfig, ScoreThresholds
from turnout.model.canary.document import read_document
from turnout.model.canary.options import MetricOptions, read_options
from turnout.model.canary.result import MetricResult
from turnout.model.canary.series import MetricSetPair

THRESHOLDS = ScoreThresholds(pass_=95.0, marginal=75.0)


def side(*values: float) -> Side:
    with np.errstate(invalid="ignore"):
        return side_of(np.array(values, dtype=float))


def metric(name: str = "cpu", groups: Sequence[str] = ("system",), **canary: Any) -> dict[str, Any]:
    analysis: dict[str, Any] = {"canary": canary}
    return {"name": name, "groups": list(groups), "analysisConfigurations": analysis}


def options(**canary: Any) -> MetricOptions:
    return read_options(read_document(MetricConfig, metric(**canary)))


def config(*metrics: dict[str, Any], weights: Mapping[str, float] | None = None) -> CanaryConfig:
    document: dict[str, Any] = {"name": "shop", "metrics": list(metrics)}
    if weights is not None:
        document["classifier"] = {"groupWeights": dict(weights)}
    return read_document(CanaryConfig, document)


def pair(
    control: Sequence[Any], experiment: Sequence[Any], name: str = "cpu", **more: Any
) -> MetricSetPair:
    values: dict[str, Any] = {"control": list(control), "experiment": list(experiment)}
    return read_document(MetricSetPair, {"name": name, "id": "p-1", "values": values, **more})


def result(
    classification: str, *groups: str, critical: bool = False, muted: bool = False, reason: str = ""
) -> MetricResult:
    document: dict[str, Any] = {
        "name": "m",
        "id": "1",
        "tags": {},
        "classification": classification,
        "groups": list(groups),
        "experimentMetadata": {},
        "controlMetadata": {},
        "critical": critical,
        "muted": muted,
    }
    if reason:
        document["classificationReason"] = reason
    return read_document(MetricResult, document)
