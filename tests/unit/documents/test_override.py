from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.documents.files import SMALLEST, WHOLE, read, with_line
from turnout.documents import override
from turnout.model.deployment import Options, StrategyName
from turnout.model.errors import InvalidDocument, Problem


def refused(**change: Any) -> list[Problem]:
    with pytest.raises(InvalidDocument) as caught:
        override(read(SMALLEST), **change)
    return list(caught.value.problems)


def test_nothing_given_changes_nothing() -> None:
    assert override(read(WHOLE)) == read(WHOLE)
    assert override(read(WHOLE), strategy="rolling_blue_green", version="1.10") == read(WHOLE)


def test_a_version_is_the_only_thing_that_changes() -> None:
    assert override(read(SMALLEST), version="2") == read(SMALLEST.replace('"1"', '"2"'))


def test_another_strategy_drops_only_what_it_does_not_take() -> None:
    before = read(WHOLE).options
    after = override(read(WHOLE), strategy="dark")
    defaults = Options()
    assert after.strategy is StrategyName.DARK
    assert after.options == before.model_copy(
        update={
            name: getattr(defaults, name)
            for name in (
                "watch",
                "watch_checks",
                "delay_before_switch",
                "steps",
                "scale",
                "step_hold",
                "checks",
                "shrink_source",
            )
        }
    )
    assert after.options != before
    assert after.settings.drain_timeout == timedelta(seconds=5)


def test_highlander_does_not_keep_what_the_file_keeps() -> None:
    service = override(read(with_line("options: {keep: 5, watch: 3s}")), strategy="highlander")
    assert service.options == Options(watch=timedelta(seconds=3))


def test_options_are_written_as_in_the_file() -> None:
    service = override(
        read(SMALLEST),
        strategy="rolling_blue_green",
        options={"steps": "[10%, 100%]", "watch": "30s", "drain_timeout": "1s", "keep": "3"},
    )
    below = "{steps: [10%, 100%], watch: 30s, drain_timeout: 1s, keep: 3}"
    assert service == read(with_line(f"strategy: {{rolling_blue_green: {below}}}"))


def test_instances_are_an_option() -> None:
    assert override(read(SMALLEST), instances=7).options.instances == 7
    assert override(read(with_line("instances: 3")), instances=7).instances == 3


@pytest.mark.parametrize(
    ("change", "path", "says", "nearest"),
    [
        ({"strategy": "recreate"}, "strategy", "there is no strategy 'recreate'; there are b", ""),
        ({"strategy": "Highlander"}, "strategy", "there is no strategy", "highlander"),
        ({"version": ""}, "version", "'' is no version", ""),
        ({"instances": 0}, "options.instances", "0 is out of range", ""),
        ({"options": {"kep": "1"}}, "options.kep", "there is no such key", "keep"),
        ({"options": {"keep": "x"}}, "options.keep", "a whole number is expected", ""),
        ({"options": {"keep": "["}}, "options.keep", "this is not YAML", ""),
        ({"options": {"keep": ""}}, "options.keep", "is empty", ""),
        ({"options": {"steps": "[100%]"}}, "options.steps", "blue_green does not take", ""),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    change: dict[str, Any], path: str, says: str, nearest: str
) -> None:
    (problem,) = refused(**change)
    assert (problem.path, problem.nearest, problem.line) == (path, nearest, 0)
    assert says in problem.message


def test_all_mistakes_in_options_are_told_at_once() -> None:
    found = refused(options={"keep": "0", "watch": "1"})
    assert [problem.path for problem in found] == ["options.keep", "options.watch"]
