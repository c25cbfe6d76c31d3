"""The configuration that is built in works with nothing but Turnout itself."""

from __future__ import annotations

from turnout.documents.canary import DEFAULT_NAME, default_config, read_canary_config
from turnout.documents.canary.default import DEFAULT_TEXT
from turnout.model.canary.configuration import SEQUENTIAL_JUDGE
from turnout.model.canary.options import (
    Direction,
    Kind,
    read_evidence_options,
    read_judge_options,
    read_options,
)
from turnout.model.canary.queries import ProcessQuery, RouterQuery


def test_it_is_right_without_a_warning() -> None:
    assert read_canary_config(DEFAULT_TEXT, name="default").warnings == ()
    assert default_config().name == DEFAULT_NAME


def test_it_asks_the_router_and_the_processes_only() -> None:
    for metric in default_config().metrics:
        assert isinstance(metric.query, RouterQuery | ProcessQuery)


def test_it_judges_as_its_documentation_says() -> None:
    found = {}
    for metric in default_config().metrics:
        options, evidence = read_options(metric), read_evidence_options(metric)
        assert options.direction is Direction.INCREASE
        kept = (evidence.kind, options.critical, evidence.margin, metric.groups)
        found[metric.name] = kept
    assert found == {
        "errors": (Kind.PROPORTION, True, 0.0, ("errors",)),
        "latency": (Kind.LATENCY, True, 0.1, ("latency",)),
        "client errors": (Kind.PROPORTION, False, 0.2, ("client errors",)),
        "cpu": (Kind.GAUGE, False, 0.25, ("resources",)),
        "memory": (Kind.GAUGE, False, 0.25, ("resources",)),
    }


def test_what_counts_has_the_requests_beside_it() -> None:
    for metric in default_config().metrics:
        kind = read_evidence_options(metric).kind
        assert (metric.exposure_query is not None) == (kind in (Kind.PROPORTION, Kind.LATENCY))


def test_its_judge_and_its_weights() -> None:
    config = default_config()
    assert config.judge is not None
    assert config.judge.name == SEQUENTIAL_JUDGE
    risks = read_judge_options(config)
    assert (risks.alpha, risks.beta) == (0.01, 0.05)
    assert config.classifier is not None
    assert config.classifier.group_weights == {
        "errors": 60,
        "latency": 25,
        "client errors": 5,
        "resources": 10,
    }
