from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.unit.documents.files import SMALLEST, WHOLE, read, with_line
from turnout.documents import service_schema
from turnout.documents.report import Report
from turnout.documents.scalars import build_plain
from turnout.documents.tree import compose
from turnout.model.errors import InvalidDocument

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("**/service*.yaml"))

GOOD = [
    SMALLEST,
    WHOLE,
    with_line("health: /healthz"),
    with_line("health: {tcp: , interval: 0.5s}"),
    with_line("health: {command: [check, 1]}"),
    with_line("strategy: {dark: }"),
    with_line("strategy: canary"),
    with_line(
        "strategy: {canary: {traffic: 10%, canary_steps: [1%, 10%], analysis: manual, config: c,"
        " on_inconclusive: ask, promote_with: highlander, judges: [oncall], warmup: 0}}"
    ),
    with_line("options: {watch_checks: [canary: , canary: checkout, canary: {warmup: 1s}]}"),
    with_line("strategy: highlander\noptions: {watch: 0, scale_down_after: never}"),
    with_line(
        "options: {before_traffic: [http: /a, trip_wires: , command: x, http: {status: 204}]}"
    ),
    with_line("options: {instances: 7, healthy_share: 75, min_healthy_share: 0}"),
    SMALLEST.replace('version: "1"\n', ""),
]
BAD = [
    "[]",
    with_line("keep: 2"),
    with_line("strategy: recreate"),
    with_line("strategy: {canary: {on_failure: stop}}"),
    with_line("strategy: {canary: {promote_with: dark}}"),
    with_line("strategy: {blue_green: {}, dark: {}}"),
    with_line("strategy: {blue_green: {steps: [100%]}}"),
    with_line("options: {steps: [100%]}"),
    with_line("strategy: highlander\noptions: {keep: 2}"),
    with_line("strategy: {dark: {}}\noptions: {watch: 1s}"),
    with_line("options: {watch: 10}"),
    with_line("options: {watch: 10 seconds}"),
    with_line("options: {watch: ''}"),
    with_line("options: {healthy_share: 75 percent}"),
    with_line("options: {on_failure: retry}"),
    with_line("options: {before_traffic: [htp: /]}"),
    with_line("options: {before_traffic: [http: {pth: /}]}"),
    with_line("options: {before_traffic: [{http: /, command: x}]}"),
    with_line("listener: {port: 1}"),
    with_line("instances: 0"),
    with_line("instances: 1001"),
    with_line('instances: "2"'),
    with_line("health: healthz"),
    with_line("health: {http: {status: 2xx}}"),
    with_line("stop: {signal: TERM}"),
    with_line("run2: {}"),
    SMALLEST.replace("8080", "0"),
    SMALLEST.replace("port: 8080", ""),
    SMALLEST.replace("run:\n", "run:\n  environment: {A-B: x}\n"),
    SMALLEST.replace("run:\n", "run:\n  environment: {A: }\n"),
    SMALLEST.replace("  command: python3 app.py --port $PORT", "  command: []"),
    SMALLEST.replace('"1"', '"a b"'),
    SMALLEST.replace("application: shop", "application: {a: b}"),
]


def plain(text: str) -> Any:
    return build_plain(compose(text, Report()))


def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(service_schema())


def test_the_schema_is_a_json_schema_and_bearable() -> None:
    jsonschema.Draft202012Validator.check_schema(service_schema())
    assert service_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert len(json.dumps(service_schema())) < 48_000


@pytest.mark.parametrize("text", GOOD)
def test_what_can_be_read_fits_the_schema(text: str) -> None:
    read(text, version="1")
    validator().validate(plain(text))


@pytest.mark.parametrize("text", BAD)
def test_what_does_not_fit_the_schema_cannot_be_read(text: str) -> None:
    assert not validator().is_valid(plain(text))
    with pytest.raises(InvalidDocument):
        read(text, version="1")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_fits_the_schema_and_can_be_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    read(text)
    validator().validate(plain(text))


def described(schema: Any, path: str = "") -> list[str]:
    """Every key that the schema does not describe."""
    missing = []
    if isinstance(schema, dict):
        for key, part in schema.get("properties", {}).items():
            if "if" not in path and not part.get("description"):
                missing.append(f"{path}/{key}")
        for key, part in schema.items():
            missing += described(part, f"{path}/{key}")
    if isinstance(schema, list):
        for number, part in enumerate(schema):
            missing += described(part, f"{path}/{number}")
    return missing


def test_an_editor_can_explain_every_key() -> None:
    schema = service_schema()
    schema.pop("allOf")
    assert described(schema) == []
