"""docs/canary-configuration.md says all that may stand in one, and its examples are right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from turnout.documents.canary import read_canary_config
from turnout.documents.canary.default import DEFAULT_TEXT
from turnout.documents.canary.properties import ANALYSIS, JUDGE_SETTINGS, field_names
from turnout.model.canary.configuration import (
    COMPATIBLE_JUDGE,
    JUDGES,
    CanaryConfig,
    Classifier,
    JudgeChoice,
    MetricConfig,
    ScoreThresholds,
)
from turnout.model.canary.options import Direction, Kind, read_evidence_options, read_options
from turnout.model.canary.queries import PROCESS_FIGURES, ROUTER_FIGURES, Query

PAGE = (Path(__file__).parents[2] / "docs" / "canary-configuration.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```(?:yaml|json)\n(.*?)^```$", PAGE, re.M | re.S)
KINDS: Any = get_args(get_args(Query)[0])
QUERIES = {get_args(kind.model_fields["type"].annotation)[0]: kind for kind in KINDS}


def section(title: str) -> str:
    found = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert found, f"there is no section {title}"
    return found[1]


def rows(text: str) -> dict[str, str]:
    """What is said about each key; keys that share a row have the same."""
    found = re.findall(r"^\| (`[^|]+) \| (.*) \|$", text, re.M)
    return {key: said for keys, said in found for key in re.findall(r"`([^`]+)`", keys)}


def test_every_key_of_the_whole_is_documented_and_no_other() -> None:
    assert set(rows(section("The whole"))) == set(field_names(CanaryConfig))


def test_every_key_of_the_judge_is_documented_and_no_other() -> None:
    expected = {f"judge.{name}" for name in field_names(JudgeChoice)}
    expected |= {f"judge.judgeConfigurations.{name}" for name in JUDGE_SETTINGS}
    assert set(rows(section("The judge"))) == expected
    assert all(f"`{judge}`" in section("The judge") for judge in JUDGES)


def test_every_key_of_a_metric_is_documented_and_no_other() -> None:
    options = {
        ".".join(filter(None, (name, part)))
        for name, parts in ANALYSIS["canary"].items()
        for part in parts or [""]
    }
    fields = {f"metrics[].{name}" for name in field_names(MetricConfig)}
    assert set(rows(section("Metrics"))) == fields | options


def test_every_key_of_the_weights_is_documented_and_no_other() -> None:
    expected = {f"classifier.{name}" for name in field_names(Classifier)}
    said = rows(section("Weights"))
    assert set(said) == expected
    for name in field_names(ScoreThresholds):
        assert f"`{name}`" in said["classifier.scoreThresholds"]


@pytest.mark.parametrize("kind", sorted(QUERIES))
def test_every_query_is_documented_with_its_keys(kind: str) -> None:
    said = rows(section("Queries"))[kind]
    for name in set(field_names(QUERIES[kind])) - {"type", "customFilter"}:
        assert f"`{name}`" in said, f"{name} of {kind}"


def test_no_query_is_documented_that_does_not_exist() -> None:
    assert set(rows(section("Queries"))) == set(QUERIES)


def test_every_figure_of_our_own_is_documented() -> None:
    said = rows(section("Queries"))
    assert all(f"`{figure}`" in said["router"] for figure in ROUTER_FIGURES)
    assert all(f"`{figure}`" in said["process"] for figure in PROCESS_FIGURES)


def test_every_kind_and_every_direction_is_documented() -> None:
    said = rows(section("Metrics"))
    assert all(f"`{kind}`" in said["kind"] for kind in Kind)
    assert all(f"`{direction}`" in said["direction"] for direction in Direction)


def test_defaults_are_those_of_the_code() -> None:
    said = rows(section("Metrics"))
    options, ours = read_options(MetricConfig()), read_evidence_options(MetricConfig())
    assert f"Default {ours.margin:g}" in said["margin"]
    assert f"Default {ours.harm_of_interest:.2f}" in said["harmOfInterest"]
    assert f"Default {options.outlier_factor}" in said["outliers.outlierFactor"]
    assert f"`{options.direction}` (default)" in said["direction"]
    assert f"`{options.nan_strategy}`, default" in said["nanStrategy"]
    assert f"`{options.effect_size.measure}` (default)" in said["effectSize.measure"]
    for bound in ("allowedIncrease", "allowedDecrease", "criticalIncrease", "criticalDecrease"):
        assert "Default 1.0, for `cles` 0.5" in said[f"effectSize.{bound}"]


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_is_read_without_a_warning(number: int) -> None:
    assert read_canary_config(EXAMPLES[number], name=f"example {number + 1}").warnings == ()


def test_every_key_has_an_example() -> None:
    written = "\n".join(EXAMPLES)
    for parts in (ANALYSIS["canary"], *ANALYSIS["canary"].values()):
        for name in parts:
            assert re.search(rf"\b{name}\b", written), f"no example has {name}"
    assert COMPATIBLE_JUDGE in written


def test_what_is_built_in_is_shown_as_it_is() -> None:
    assert EXAMPLES[-1] == DEFAULT_TEXT
