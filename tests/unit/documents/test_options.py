from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.documents.files import SMALLEST, only, problems, read, with_line
from turnout.documents.options_shape import options_record
from turnout.model.deployment import STRATEGY_OPTIONS, Options, StrategyName

EVERY_OPTION = {
    "instances": "3",
    "on_failure": "stop",
    "keep_failed": "true",
    "ready_deadline": "1m",
    "healthy_share": "90%",
    "min_healthy_share": "10%",
    "drain_timeout": "1s",
    "watch": "2s",
    "watch_checks": "[trip_wires: {}]",
    "keep": "1",
    "scale_down_after": "1h",
    "before_traffic": "[http: /]",
    "delay_before_switch": "3s",
    "steps": "[50%, 100%]",
    "scale": "full",
    "step_hold": "4s",
    "checks": "[http: /]",
    "shrink_source": "true",
    "canary_instances": "2",
    "traffic": "10%",
    "canary_steps": "[1%, 20%]",
    "warmup": "5s",
    "duration": "6m",
    "interval": "7s",
    "analysis": "manual",
    "judgment_deadline": "8m",
    "judges": "[oncall]",
    "on_inconclusive": "ask",
    "early_pass": "true",
    "config": "checkout",
    "promote_with": "highlander",
}
TAKEN = [(strategy, option) for strategy in StrategyName for option in EVERY_OPTION]


def test_the_options_of_the_file_are_those_of_the_model() -> None:
    assert set(EVERY_OPTION) == set(options_record(None).keys)
    assert set(EVERY_OPTION) == set(Options.model_fields) | {"drain_timeout"}
    assert set(EVERY_OPTION) == set().union(*STRATEGY_OPTIONS.values())
    assert set(STRATEGY_OPTIONS) == set(StrategyName)


@pytest.mark.parametrize(("strategy", "option"), TAKEN)
def test_a_strategy_takes_its_options_and_no_others_in_both_places(
    strategy: StrategyName, option: str
) -> None:
    value = EVERY_OPTION[option]
    below = with_line(f"strategy: {{{strategy}: {{{option}: {value}}}}}")
    beside = with_line(f"strategy: {strategy}\noptions: {{{option}: {value}}}")
    if option in STRATEGY_OPTIONS[strategy]:
        service = read(below)
        assert service == read(beside)
        assert service != read(with_line(f"strategy: {strategy}"))
        return
    for text, path in ((below, f"strategy.{strategy}.{option}"), (beside, f"options.{option}")):
        problem = only(text)
        assert problem.path == path
        assert problem.message.startswith(f"{strategy} does not take this option; ")


def test_who_takes_the_option_is_told() -> None:
    assert only(with_line("options: {steps: [100%]}")).message == (
        "blue_green does not take this option; rolling_blue_green and canary do"
    )


def test_an_option_in_both_places_is_refused() -> None:
    problem = only(with_line("strategy: {blue_green: {keep: 2}}\noptions: {watch: 1s, keep: 2}"))
    assert (problem.path, problem.line, problem.column) == ("options.keep", 7, 22)
    assert problem.message == "is given under strategy, too: give it once"


def test_options_in_both_places_add_up() -> None:
    options = read(with_line("strategy: {blue_green: {keep: 4}}\noptions: {watch: 1s}")).options
    assert (options.keep, options.watch) == (4, timedelta(seconds=1))


@pytest.mark.parametrize("strategy", ["dark", "{dark: }", "{dark: {}}"])
def test_a_strategy_may_stand_alone(strategy: str) -> None:
    assert read(with_line(f"strategy: {strategy}")).strategy is StrategyName.DARK


@pytest.mark.parametrize(
    ("strategy", "path", "nearest"),
    [
        ("recreate", "strategy", ""),
        ("bluegreen", "strategy", "blue_green"),
        ("Rolling-Blue-Green", "strategy", "rolling_blue_green"),
        ("{highlandr: {}}", "strategy.highlandr", "highlander"),
        ("{blue_green: {kep: 2}}", "strategy.blue_green.kep", "keep"),
        ("[blue_green]", "strategy", ""),
        ("{}", "strategy", ""),
        ("{dark: {}, highlander: {}}", "strategy", ""),
        ("{dark: 3}", "strategy.dark", ""),
    ],
)
def test_an_unknown_strategy_is_refused_with_the_nearest(
    strategy: str, path: str, nearest: str
) -> None:
    problem = only(with_line(f"strategy: {strategy}"))
    assert (problem.path, problem.nearest) == (path, nearest)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("instances: 0", "0 is out of range: 1 to 1000"),
        ("instances: sauce", "a whole number is expected, not the text 'sauce'"),
        ("on_failure: retry", "the text 'retry' is not one of rollback, pause, stop"),
        ("keep_failed: yes", "true or false is expected, not the text 'yes'"),
        ("keep_failed: 1", "true or false is expected, not 1"),
        ("healthy_share: 0%", "this must be more than 0"),
        ("healthy_share: 0.75", "'0.75' is unclear: write 0.75% or 75.00%"),
        ("healthy_share: 101%", "'101%' is more than the whole"),
        ("watch: -1s", "is not a duration"),
        ("watch: 10", "is not a duration"),
        ("keep: 0", "0 is out of range: 1 to 999"),
        ("scale_down_after: always", "is not a duration"),
        ("scale_down_after: 0", "this must be longer than 0"),
        ("scale_down_after: ", "a single value is expected, not nothing"),
    ],
)
def test_an_option_is_checked(option: str, says: str) -> None:
    problem = only(with_line(f"options: {{{option}}}"))
    assert problem.path == f"options.{option.partition(':')[0]}"
    assert says in problem.message


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ("[]", "the list is empty"),
        ("[10%, 50%]", "steps must grow, and the last one must be 100%"),
        ("[50%, 10%, 100%]", "steps must grow"),
        ("[50%, 50%, 100%]", "steps must grow"),
        ("[0%, 100%]", "this must be more than 0"),
        ("[10.05%, 100%]", "'10.05%' is finer than a per mille"),
        ("100%", "a list is expected, not the text '100%'"),
        ("[10%, [], 100%]", "a single value is expected, not a list"),
    ],
)
def test_steps_are_checked(steps: str, says: str) -> None:
    text = with_line(f"strategy: {{rolling_blue_green: {{steps: {steps}}}}}")
    assert says in only(text).message


def test_never_scaling_down_is_the_default() -> None:
    assert read(with_line("options: {scale_down_after: never}")) == read(SMALLEST)


def test_a_file_that_names_its_instances_gets_them() -> None:
    service = read(with_line("instances: 3"))
    assert (service.instances, service.options.instances) == (3, 3)


def test_a_file_that_names_no_instances_keeps_what_runs() -> None:
    service = read(SMALLEST)
    assert (service.instances, service.options.instances) == (1, "source")


def test_the_instances_of_a_deployment_may_differ() -> None:
    service = read(with_line("instances: 3\noptions: {instances: source}"))
    assert (service.instances, service.options.instances) == (3, "source")


def test_mistakes_in_options_are_found_beside_other_mistakes() -> None:
    found = problems("port: x\noptions: {steps: [100%], watch: 1}")
    assert {problem.path for problem in found} >= {"port", "options.steps", "options.watch"}
