"""What comes in goes out again, and mistakes in the shape are told with their place."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.document import Document, read_document, to_json_value, write_document
from turnout.model.canary.queries import PrometheusQuery, RouterQuery
from turnout.model.canary.request import AdHocRequest, ExecutionRequest, JudgeRequest
from turnout.model.canary.series import MetricSetPair
from turnout.model.errors import InvalidDocument

CONFIG: dict[str, Any] = {
    "id": "5ee8a4f2",
    "name": "shop,canary",
    "configVersion": "1.0",
    "applications": ["shop"],
    "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
    "metrics": [
        {
            "name": "errors",
            "query": {
                "type": "prometheus",
                "serviceType": "prometheus",
                "metricName": "http_errors",
                "labelBindings": ["job='shop'"],
                "somethingNew": {"deep": [1, None]},
            },
            "groups": ["http"],
            "analysisConfigurations": {
                "canary": {"direction": "increase", "critical": None, "effectSize": {"x": 1}}
            },
            "scopeName": "default",
        },
        {
            "name": "latency",
            "query": {"type": "router", "metricName": "latency_quantile", "quantile": 0.99},
            "exposureQuery": {"type": "router", "metricName": "requests"},
        },
    ],
    "templates": {"t": "avg(${scope})"},
    "classifier": {"groupWeights": {"http": 100}, "scoreThresholds": {"pass": 95, "marginal": 75}},
    "createdTimestamp": 1700000000000,
    "unknownToUs": {"kept": True},
}
SCOPE = {
    "scope": "shop-v001",
    "location": "eu",
    "start": "2026-03-01T12:00:00Z",
    "end": "2026-03-01T13:00:00Z",
    "step": 60,
    "extendedScopeParams": {"type": "cluster"},
}
REQUEST: dict[str, Any] = {
    "scopes": {"default": {"controlScope": SCOPE, "experimentScope": SCOPE}},
    "thresholds": {"pass": 95, "marginal": 75},
    "metadata": [{"name": "a", "value": "b", "hidden": False}],
    "siteLocal": {"x": 1},
}
PAIR: dict[str, Any] = {
    "name": "cpu",
    "id": "1",
    "tags": {"zone": "a"},
    "values": {"control": [1, "NaN", 3], "experiment": ["Infinity", "-Infinity", 4.5]},
    "scopes": {
        "control": {"startTimeIso": "2026-03-01T12:00:00Z", "startTimeMillis": 5, "stepMillis": 6},
        "experiment": {"startTimeMillis": 5, "stepMillis": 6},
    },
    "attributes": {"control": {"query": "q"}, "experiment": {}},
}


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (CanaryConfig, CONFIG),
        (ExecutionRequest, REQUEST),
        (AdHocRequest, {"canaryConfig": CONFIG, "executionRequest": REQUEST}),
        (MetricSetPair, PAIR),
        (
            JudgeRequest,
            {
                "canaryConfig": CONFIG,
                "scoreThresholds": {"pass": 95, "marginal": 75},
                "metricSetPairList": [PAIR],
            },
        ),
    ],
)
def test_a_document_goes_out_as_it_came_in(kind: type[Document], document: Any) -> None:
    assert to_json_value(read_document(kind, document)) == document
    text = json.dumps(document).encode()
    assert json.loads(write_document(read_document(kind, text))) == document


def test_null_properties_are_left_out_but_not_those_of_free_maps() -> None:
    config = read_document(CanaryConfig, {"name": "a", "judge": None, "strange": None, **CONFIG})
    assert "strange" not in json.loads(write_document(config))
    analysis = config.metrics[0].analysis_configurations
    assert analysis["canary"] == CONFIG["metrics"][0]["analysisConfigurations"]["canary"]


def test_a_bare_number_is_a_version() -> None:
    assert read_document(CanaryConfig, {"configVersion": 1.0}).config_version == "1.0"


def test_texts_in_samples_are_numbers() -> None:
    pair = read_document(MetricSetPair, PAIR)
    assert math.isnan(pair.values.control[1])
    assert pair.values.experiment[:2] == (math.inf, -math.inf)


def test_the_type_says_what_a_query_is() -> None:
    config = read_document(CanaryConfig, CONFIG)
    assert isinstance(config.metrics[0].query, PrometheusQuery)
    assert config.metrics[1].exposure_query == RouterQuery(type="router", metric_name="requests")


def test_mistakes_in_the_shape_are_told_with_their_place() -> None:
    metrics: list[Any] = [
        {"query": {"type": "promtheus"}},
        {"query": {"metricName": "a"}},
        {"query": {"type": "atlas", "q": ["list"]}},
    ]
    with pytest.raises(InvalidDocument, match="canary config: 3 problems") as refused:
        read_document(CanaryConfig, {"metrics": metrics})
    assert [(problem.path, problem.nearest) for problem in refused.value.problems] == [
        ("metrics[0].query.type", "prometheus"),
        ("metrics[1].query.type", ""),
        ("metrics[2].query.q", ""),
    ]


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidDocument):
        read_document(CanaryConfig, b"{")


@pytest.mark.parametrize("missing", ["scopes", "thresholds"])
def test_a_request_needs_scopes_and_thresholds(missing: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        read_document(ExecutionRequest, {k: v for k, v in REQUEST.items() if k != missing})
    assert [problem.path for problem in refused.value.problems] == [missing]
