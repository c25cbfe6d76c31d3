"""docs/service-file.md says all that may stand in a service file, and its examples are right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from turnout.documents import read_service, service_schema
from turnout.model.deployment import STRATEGY_OPTIONS, StrategyName

PAGE = (Path(__file__).parents[2] / "docs" / "service-file.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)
CHECKS = "/checks/"
"""Stands for the path of a check, wherever it is."""


def keys_of(schema: Any, path: str = "") -> Iterator[str]:
    """The dotted path of every key of a schema; names that the author chooses are not keys."""
    for name, below in schema.get("properties", {}).items():
        inner = f"{path}.{name}" if path else name
        yield inner
        yield from keys_of(below, inner)
    for form in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from keys_of(form, path)
    if isinstance(schema.get("items"), dict):
        yield from keys_of(schema["items"], path)


SCHEMA = service_schema()
KEYS = sorted(set(keys_of(SCHEMA)))
CHECK_KEYS = sorted(set(keys_of(SCHEMA["$defs"]["checks"])))


def rows_of(section: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.M))


def section(title: str) -> str:
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,3}} |\Z)", PAGE, re.M | re.S)
    assert found, f"there is no section {title}"
    return found[2]


def test_the_schema_has_keys_to_be_documented() -> None:
    assert {"application", "run.command", "options.steps", "health.http.path"} <= set(KEYS)
    assert {"http.path", "metric.figure", "trip_wires.window"} <= set(CHECK_KEYS)


@pytest.mark.parametrize("key", [k for k in KEYS if k.split(".")[0] not in ("options", "strategy")])
def test_every_key_of_the_file_is_documented_with_its_path(key: str) -> None:
    assert key in rows_of(PAGE)


@pytest.mark.parametrize(
    "option", sorted({o for taken in STRATEGY_OPTIONS.values() for o in taken})
)
def test_every_option_is_documented_with_the_strategies_that_take_it(option: str) -> None:
    takers = {s for s, taken in STRATEGY_OPTIONS.items() if option in taken}
    everywhere = section("Options of every strategy")
    if takers == set(StrategyName):
        assert option in rows_of(everywhere)
    elif takers == {StrategyName.ROLLING_BLUE_GREEN, StrategyName.CANARY}:
        assert option in rows_of(section("Options of `rolling_blue_green`"))
    elif takers == {StrategyName.CANARY}:
        assert option in rows_of(section("Options of `canary`"))
    elif takers == set(StrategyName) - {StrategyName.DARK}:
        assert option in rows_of(section("Options of all but `dark`"))
    else:
        assert option in rows_of(everywhere)
        for strategy in set(StrategyName) - takers:
            assert re.search(rf"^\| `{option}` \|.*`{strategy}`", everywhere, re.M)


@pytest.mark.parametrize("key", [k for k in CHECK_KEYS if "." in k])
def test_every_key_of_a_check_is_documented(key: str) -> None:
    kind, name = key.split(".", 1)
    common = rows_of(section("Keys of every check"))
    assert name in common | rows_of(section(f"`{kind}`"))


@pytest.mark.parametrize("kind", [k for k in CHECK_KEYS if "." not in k])
def test_every_kind_of_check_has_a_section(kind: str) -> None:
    assert section(f"`{kind}`")


@pytest.mark.parametrize("strategy", list(StrategyName))
def test_every_strategy_is_named(strategy: StrategyName) -> None:
    assert f"`{strategy}`" in section("How a new version replaces the old one")


def test_no_key_is_documented_that_does_not_exist() -> None:
    names = {key.rsplit(".", 1)[-1] for key in (*KEYS, *CHECK_KEYS)}
    assert {row.rsplit(".", 1)[-1] for row in rows_of(PAGE)} - names == set()


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_is_read_without_a_mistake(number: int) -> None:
    text = EXAMPLES[number]
    read_service(text, folder=PurePosixPath("/srv/shop"), name=f"example {number + 1}")


def test_there_are_examples_of_every_part() -> None:
    written = "\n".join(EXAMPLES)
    assert len(EXAMPLES) > 5
    for key in (*KEYS, *CHECK_KEYS):
        if not key.startswith("strategy"):
            assert re.search(rf"\b{key.rsplit('.', 1)[-1]}\b", written), f"no example has {key}"


def test_both_ways_to_write_options_mean_the_same() -> None:
    one, other = (e for e in EXAMPLES if "steps: [5%, 50%, 100%]" in e)
    folder = PurePosixPath("/srv/shop")
    assert read_service(one, folder=folder, name="one") == read_service(
        other, folder=folder, name="other"
    )


def texts_of(schema: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """What the schema says about every key."""
    for name, below in schema.get("properties", {}).items():
        inner = f"{path}.{name}" if path else name
        yield inner, below.get("description", "")
        yield from texts_of(below, inner)
    for form in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from texts_of(form, path)
    if isinstance(schema.get("items"), dict):
        yield from texts_of(schema["items"], path)


DEFAULTS = sorted(
    {
        (key.rsplit(".", 1)[-1], found[1])
        for key, text in (*texts_of(SCHEMA), *texts_of(SCHEMA["$defs"]["checks"]))
        if (found := re.search(r"\bDefault (\S+?)[.,]?(?= |$)", text))
    }
)


def test_the_schema_tells_defaults() -> None:
    assert {("interval", "1s"), ("ready_deadline", "10m"), ("min_failed", "3")} <= set(DEFAULTS)


@pytest.mark.parametrize(("key", "default"), DEFAULTS)
def test_the_page_tells_the_same_default_as_the_schema(key: str, default: str) -> None:
    rows = re.findall(rf"^\| `(?:[a-z_.]+\.)?{key}` \| (.*) \|$", PAGE, re.M)
    value = re.escape(default)
    told = rf"Default[^|]*?{value}|`{value}` \(default\)"
    assert any(re.search(told, row) for row in rows), rows
