"""Each rule of a configuration, by the one problem that it finds."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.document import read_document
from turnout.model.canary.validation import validate
from turnout.model.errors import Problem, Severity


def metric(name: str = "errors", **more: Any) -> dict[str, Any]:
    query = {"type": "router", "metricName": "errors"}
    return {"name": name, "scopeName": "default", "query": query, "groups": ["http"], **more}


def canary(**options: Any) -> list[dict[str, Any]]:
    return [metric(analysisConfigurations={"canary": options})]


def asking(**query: Any) -> list[dict[str, Any]]:
    return [metric(query=query)]


def problems(**changes: Any) -> list[Problem]:
    document = {"name": "shop", "applications": ["shop"], "metrics": [metric()], **changes}
    return validate(read_document(CanaryConfig, document))


def test_a_sound_configuration_has_no_problem() -> None:
    assert problems() == []
    weights = {"groupWeights": {"http": 100}}
    judge = {"name": "turnout-sequential", "judgeConfigurations": {"alpha": 0.02}}
    assert problems(classifier=weights, judge=judge) == []


IN_CANARY = "metrics[0].analysisConfigurations.canary"
IN_QUERY = "metrics[0].query"


@pytest.mark.parametrize(
    ("changes", "path", "near"),
    [
        ({"name": ""}, "name", ""),
        ({"name": None}, "name", ""),
        ({"name": "a b"}, "name", ""),
        ({"applications": []}, "applications", ""),
        ({"metrics": [metric("")]}, "metrics[0].name", ""),
        ({"metrics": [metric(), metric()]}, "metrics[1].name", ""),
        ({"judge": {"name": "turnout-sequencial"}}, "judge.name", "turnout-sequential"),
        (
            {"judge": {"name": "turnout-sequential", "judgeConfigurations": {"beta": 7}}},
            "judge.judgeConfigurations.beta",
            "",
        ),
        ({"metrics": canary(margin=-1)}, f"{IN_CANARY}.margin", ""),
        ({"metrics": canary(critical="yes")}, f"{IN_CANARY}.critical", ""),
        ({"metrics": canary(kind="counts")}, f"{IN_CANARY}.kind", "count"),
        (
            {"metrics": canary(outliers={"strategy": "remove", "outlierFactor": 0})},
            f"{IN_CANARY}.outliers.outlierFactor",
            "",
        ),
        (
            {"metrics": asking(type="router", metricName="client-errors")},
            f"{IN_QUERY}.metricName",
            "client_errors",
        ),
        (
            {"metrics": asking(type="process", metricName="memry")},
            f"{IN_QUERY}.metricName",
            "memory",
        ),
        (
            {"metrics": asking(type="router", metricName="latency_quantile")},
            f"{IN_QUERY}.quantile",
            "",
        ),
        (
            {"metrics": asking(type="router", metricName="latency_quantile", quantile=99)},
            f"{IN_QUERY}.quantile",
            "",
        ),
        ({"metrics": asking(type="prometheus")}, f"{IN_QUERY}.metricName", ""),
        (
            {"metrics": asking(type="prometheus", metricName="cpu", resourceType="gce_instanc")},
            f"{IN_QUERY}.resourceType",
            "gce_instance",
        ),
        (
            {
                "metrics": asking(type="datadog", customFilterTemplate="tmpl"),
                "templates": {"tpl": ""},
            },
            f"{IN_QUERY}.customFilterTemplate",
            "tpl",
        ),
        (
            {"metrics": asking(type="stackdriver", customFilter="x")},
            f"{IN_QUERY}.customFilter",
            "",
        ),
        (
            {"metrics": [metric(exposureQuery={"type": "router", "metricName": "request"})]},
            "metrics[0].exposureQuery.metricName",
            "requests",
        ),
    ],
)
def test_errors(changes: dict[str, Any], path: str, near: str) -> None:
    (problem,) = problems(**changes)
    assert (problem.path, problem.nearest, problem.severity) == (path, near, Severity.ERROR)


@pytest.mark.parametrize(
    ("changes", "path", "near"),
    [
        ({"metrics": []}, "metrics", ""),
        ({"metrics": [metric(scopeName=None)]}, "metrics[0].scopeName", ""),
        ({"metrics": [metric(query=None)]}, IN_QUERY, ""),
        ({"metrics": asking(type="prometheus", metricName="cpu")}, IN_QUERY, ""),
        ({"metrics": canary(direction="Increase")}, f"{IN_CANARY}.direction", "increase"),
        ({"metrics": canary(nanStrategy="removed")}, f"{IN_CANARY}.nanStrategy", "remove"),
        (
            {"metrics": canary(outliers={"strategy": "drop"})},
            f"{IN_CANARY}.outliers.strategy",
            "",
        ),
        (
            {"metrics": canary(effectSize={"measure": "CLES"})},
            f"{IN_CANARY}.effectSize.measure",
            "cles",
        ),
        ({"classifier": {"groupWeights": {"http": 90}}}, "classifier.groupWeights", ""),
        (
            {"classifier": {"groupWeights": {"htp": 50}}},
            "classifier.groupWeights.htp",
            "http",
        ),
        (
            {
                "metrics": [metric(), metric("b", groups=["other"])],
                "classifier": {"groupWeights": {"http": 100}},
            },
            "classifier.groupWeights",
            "",
        ),
        (
            {"metrics": asking(type="router", metricName="errors", quantile=0.5)},
            f"{IN_QUERY}.quantile",
            "",
        ),
    ],
)
def test_warnings(changes: dict[str, Any], path: str, near: str) -> None:
    (problem,) = problems(**changes)
    assert (problem.path, problem.nearest, problem.severity) == (path, near, Severity.WARNING)


def test_the_message_of_a_duplicate_is_that_of_the_reference() -> None:
    (problem,) = problems(metrics=[metric("it's"), metric("it's")])
    assert problem.message.endswith("'it's' is duplicated.")


def test_the_reference_judge_has_no_settings_that_could_be_wrong() -> None:
    judge = {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {"alpha": "any"}}
    assert problems(judge=judge) == []


def test_all_problems_are_found_at_once() -> None:
    found = problems(name="a b", applications=[], metrics=canary(margin=-1, direction="up"))
    assert [problem.path for problem in found] == [
        "name",
        "applications",
        f"{IN_CANARY}.margin",
        f"{IN_CANARY}.direction",
    ]
