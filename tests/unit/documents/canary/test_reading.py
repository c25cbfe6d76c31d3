"""A canary configuration is read as it was written, or every mistake in it is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from turnout.documents.canary import read_canary_config
from turnout.documents.canary.properties import ANALYSIS
from turnout.model.canary.configuration import CanaryConfig, MetricConfig
from turnout.model.canary.document import to_json_value
from turnout.model.canary.options import read_evidence_options, read_options
from turnout.model.errors import InvalidDocument

FILE = """\
name: shop
applications: [shop]
judge:
  name: turnout-sequential
  judgeConfigurations: {alpha: 0.02}
metrics:
  - name: errors
    query:
      type: router
      metricName: errors
    exposureQuery: {type: router, metricName: requests}
    groups: [errors]
    scopeName: default
    analysisConfigurations:
      canary:
        kind: proportion
        critical: true
  - name: queue
    query:
      type: prometheus
      customInlineTemplate: "PromQL:avg(queue{group=\\"${scope}\\"})"
    groups: [queues]
    scopeName: default
classifier:
  groupWeights: {errors: 70, queues: 30}
"""

KAYENTA = {
    "id": "0d4f1a7e-6a4b-4a7c-9d4e-3f1b2a5c6d7e",
    "name": "MySampleStackdriverCanaryConfig",
    "description": "Example \U0001f426",
    "configVersion": "1.0",
    "applications": ["myapp"],
    "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
    "metrics": [
        {
            "name": "CPU",
            "query": {
                "type": "stackdriver",
                "serviceType": "stackdriver",
                "metricType": "compute.googleapis.com/instance/cpu/utilization",
                "groupByFields": [],
            },
            "groups": ["System"],
            "analysisConfigurations": {
                "canary": {"direction": "increase", "critical": None, "nanStrategy": "replace"}
            },
            "scopeName": "default",
        }
    ],
    "templates": {"my": "resource.type = $\\{resourceType}"},
    "classifier": {
        "groupWeights": {"System": 100.0},
        "scoreThresholds": {"pass": 95.0, "marginal": 75.0},
    },
    "createdTimestamp": 1531767132132,
    "somethingNewer": {"deep": [1, None]},
}


def read(text: str, stored_as: str = "") -> CanaryConfig:
    return read_canary_config(text, name="canary.yaml", stored_as=stored_as).config


def warned(text: str) -> list[str]:
    return [str(problem) for problem in read_canary_config(text, name="canary.yaml").warnings]


def refused(text: str, stored_as: str = "") -> list[str]:
    with pytest.raises(InvalidDocument) as raised:
        read(text, stored_as)
    return [
        ("" if problem.severity == "error" else "warning: ") + str(problem)
        for problem in raised.value.problems
    ]


def changed(before: str, after: str) -> str:
    assert before in FILE
    return FILE.replace(before, after)


def test_a_file_is_read_without_a_warning() -> None:
    config = read(FILE)
    assert warned(FILE) == []
    assert [metric.name for metric in config.metrics] == ["errors", "queue"]
    assert to_json_value(config.metrics[0]) == {
        "name": "errors",
        "query": {"type": "router", "metricName": "errors"},
        "exposureQuery": {"type": "router", "metricName": "requests"},
        "groups": ["errors"],
        "analysisConfigurations": {"canary": {"kind": "proportion", "critical": True}},
        "scopeName": "default",
    }


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_of_kayenta_is_read_as_it_is_and_loses_nothing(indent: Any) -> None:
    config = read_canary_config(json.dumps(KAYENTA, indent=indent), name="canary.json")
    assert to_json_value(config.config) == KAYENTA
    assert config.warnings == ()


def test_json_with_numbers_of_many_digits_keeps_them() -> None:
    numbers = [0.00012345678901234567, 1e-300, 123456789012345678]
    document = KAYENTA | {"numbers": numbers}
    assert to_json_value(read(json.dumps(document))) == document


def test_mistakes_in_json_have_places_too() -> None:
    text = json.dumps(KAYENTA | {"judge": {"name": "NetflixACAJudge"}}, indent=2)
    (said,) = refused(text)
    place = "line 10, column 5: judge.name: 'NetflixACAJudge' is no judge"
    assert said.startswith(place)
    assert said.endswith("Did you mean 'NetflixACAJudge-v1.0'?")


def test_the_name_under_which_it_is_stored_takes_the_place_of_its_own() -> None:
    assert read(FILE, stored_as="cart").name == "cart"
    assert read(changed("name: shop\n", ""), stored_as="cart").name == "cart"


def test_a_file_without_a_name_can_be_read() -> None:
    assert read(changed("name: shop\n", "")).name is None


def test_a_name_that_cannot_be_stored_is_refused_in_its_line() -> None:
    assert refused(changed("name: shop\n", "name: my shop\n")) == [
        "line 1, column 1: name: may hold letters, digits, comma, underscore and hyphen"
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "exposureQuery",
            "exposureQery",
            "line 11, column 5: metrics[0].exposureQery: is not known here; it is kept, and means "
            "nothing Did you mean 'exposureQuery'?",
        ),
        (
            "critical: true",
            "citical: true",
            "line 17, column 9: metrics[0].analysisConfigurations.canary.citical: is not known "
            "here; it is kept, and means nothing Did you mean 'critical'?",
        ),
        (
            "      canary:\n",
            "      cannary:\n",
            "line 15, column 7: metrics[0].analysisConfigurations.cannary: is not known here; it "
            "is kept, and means nothing Did you mean 'canary'?",
        ),
        (
            "{alpha: 0.02}",
            "{alphaa: 0.02}",
            "line 5, column 25: judge.judgeConfigurations.alphaa: is not known here; it is kept, "
            "and means nothing Did you mean 'alpha'?",
        ),
        (
            "{errors: 70, queues: 30}",
            "{errors: 70, queues: 20}",
            "line 25, column 3: classifier.groupWeights: total 90, not 100",
        ),
        (
            "name: shop\n",
            "name: shop\nowner: ann\n",
            "line 2, column 1: owner: is not known here; it is kept, and means nothing",
        ),
    ],
)
def test_what_was_probably_not_meant_is_told_with_its_place(
    before: str, after: str, said: str
) -> None:
    assert said in warned(changed(before, after))


def test_a_property_that_is_not_known_is_kept() -> None:
    document = to_json_value(read(changed("name: shop\n", "name: shop\nowner: {a: [1, x]}\n")))
    assert isinstance(document, dict)
    assert document["owner"] == {"a": [1, "x"]}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "metricName: errors\n",
            "metricName: errorss\n",
            "line 10, column 7: metrics[0].query.metricName: 'errorss' is not one of requests, "
            "errors, client_errors, timeouts, resets, latency, latency_quantile "
            "Did you mean 'errors'?",
        ),
        (
            "type: prometheus",
            "type: promteheus",
            "line 20, column 7: metrics[1].query.type: 'promteheus' is not one of prometheus, "
            "stackdriver, datadog, newrelic, signalfx, influxdb, graphite, cloudwatch, wavefront, "
            "atlas, router, process Did you mean 'prometheus'?",
        ),
        (
            "groups: [errors]",
            "groups: errors",
            "line 12, column 5: metrics[0].groups: must be a list",
        ),
        (
            "critical: true",
            "critical: 'true'",
            "line 17, column 9: metrics[0].analysisConfigurations.canary.critical: 'true' is not "
            "true or false",
        ),
        (
            "{errors: 70, queues: 30}",
            "{errors: most}",
            "line 25, column 18: classifier.groupWeights.errors: must be a number",
        ),
        ("[shop]", "[]", "line 2, column 1: applications: must name at least one application"),
        (
            "name: queue",
            "name: errors",
            "line 18, column 5: metrics[1].name: Metric name 'errors' is duplicated.",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(before: str, after: str, said: str) -> None:
    assert said in refused(changed(before, after))


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file_with_the_warnings() -> None:
    text = changed("alpha: 0.02", "alpha: 2").replace("critical", "citical").replace("30}", "20}")
    told = refused(text)
    assert [said.split(": ")[0].removeprefix("warning: ") for said in told] == [
        "line 5, column 25",
        "warning",
        "warning",
    ]
    assert "must lie between 0 and 1" in told[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, column 1: is empty"),
        ("[1]", "line 1, column 1: must be a mapping"),
        ("shop", "line 1, column 1: must be a mapping"),
        ("name: a\nname: b", "line 2, column 1: the key 'name' is there already, in line 1"),
        ('{"name": "a",', "this is not YAML"),
        ("name: a\n---\nname: b", "line 2, column 1: a second document begins here"),
    ],
)
def test_what_is_no_mapping_is_refused(text: str, said: str) -> None:
    (told,) = refused(text)
    assert said in told


@pytest.mark.parametrize(
    "value", ["1e999", "-1e999", "NaN", "9" * 30, '"\\ud800"', "[" * 200 + "]" * 200]
)
def test_json_that_would_be_trouble_later_is_no_json(value: str) -> None:
    """Then it is YAML: a text, or too deep."""
    text = json.dumps({"name": "shop", "applications": ["shop"], "x": 0}).replace("0", value)
    try:
        document = to_json_value(read(text))
    except InvalidDocument:
        return
    assert isinstance(document, dict)
    assert isinstance(document["x"], str)
    document["x"].encode()


def test_more_mistakes_than_a_person_reads_are_not_told() -> None:
    metrics = [{"name": f"m-{n}", "query": {"type": "router"}} for n in range(200)]
    document = {"applications": ["a"], "name": "a", "metrics": metrics}
    assert len(refused(json.dumps(document))) == 50


def test_every_option_of_a_metric_is_known() -> None:
    """As far as what reads them looks for them."""
    looked_for: set[str] = set()

    class Spy(dict[str, Any]):
        def __init__(self, path: tuple[str, ...]) -> None:
            super().__init__()
            self._path = path

        def get(self, key: str, default: Any = None) -> Any:
            looked_for.add(".".join((*self._path, key)))
            return Spy((*self._path, key)) if key in ("outliers", "effectSize") else default

    metric = MetricConfig.model_construct(name="a", analysis_configurations={"canary": Spy(())})
    read_options(metric)
    read_evidence_options(metric)
    known = {
        ".".join(filter(None, (name, part)))
        for name, parts in ANALYSIS["canary"].items()
        for part in parts or [""]
    }
    assert looked_for - {"outliers", "effectSize"} == known
