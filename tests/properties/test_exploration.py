"""Every sequence of outcomes, up to a bound, of every strategy and every single operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.properties import worlds
from tests.properties.explorer import Budget, Exploration, Explorer, stuck
from tests.properties.rules import RULES
from turnout.model.deployment import Kind, OnFailure, Request, Scale, Status, StrategyName
from turnout.testing import World

SHORT = timedelta(milliseconds=200)
ONE_OF_EACH = Budget(faults=1, deaths=1, cancels=1)
TWO_FAULTS = Budget(faults=2, deaths=0, cancels=1)

Start = Callable[[], World]

DEPLOYMENTS: list[tuple[str, Start, StrategyName, dict[str, Any]]] = [
    ("blue-green", worlds.running, StrategyName.BLUE_GREEN, {"watch": SHORT}),
    ("blue-green-first", worlds.empty, StrategyName.BLUE_GREEN, {"watch": SHORT}),
    ("blue-green-checked", worlds.running, StrategyName.BLUE_GREEN,
     {"before_traffic": (worlds.CHECK,), "delay_before_switch": SHORT, "keep_failed": True}),
    ("blue-green-pausing", worlds.running, StrategyName.BLUE_GREEN,
     {"watch": SHORT, "on_failure": OnFailure.PAUSE}),
    ("blue-green-stopping", worlds.running, StrategyName.BLUE_GREEN,
     {"watch": SHORT, "on_failure": OnFailure.STOP}),
    ("blue-green-cooling", worlds.running, StrategyName.BLUE_GREEN,
     {"scale_down_after": timedelta(hours=1)}),
    ("blue-green-from-two", worlds.shared_out, StrategyName.BLUE_GREEN, {"watch": SHORT}),
    ("rolling", worlds.running, StrategyName.ROLLING_BLUE_GREEN, {"steps": (500, 1000)}),
    ("rolling-held", worlds.running, StrategyName.ROLLING_BLUE_GREEN,
     {"steps": (100, 1000), "step_hold": SHORT, "scale": Scale.FULL}),
    ("rolling-shrinking", worlds.running, StrategyName.ROLLING_BLUE_GREEN,
     {"steps": (500, 1000), "shrink_source": True}),
    ("rolling-from-two", worlds.shared_out, StrategyName.ROLLING_BLUE_GREEN,
     {"steps": (250, 1000), "shrink_source": True}),
    ("rolling-first", worlds.empty, StrategyName.ROLLING_BLUE_GREEN, {"steps": (500, 1000)}),
    ("highlander", worlds.running, StrategyName.HIGHLANDER, {"watch": SHORT}),
    ("canary", worlds.running, StrategyName.CANARY, {}),
    ("canary-watched", worlds.running, StrategyName.CANARY,
     {"watch": SHORT, "before_traffic": (worlds.CHECK,)}),
    ("canary-in-steps", worlds.running, StrategyName.CANARY, {"canary_steps": (50, 200)}),
    ("canary-from-two", worlds.shared_out, StrategyName.CANARY, {}),
    ("canary-first", worlds.empty, StrategyName.CANARY, {}),
    ("canary-then-rolling", worlds.running, StrategyName.CANARY,
     {"promote_with": StrategyName.ROLLING_BLUE_GREEN, "steps": (500, 1000)}),
    ("canary-then-highlander", worlds.running, StrategyName.CANARY,
     {"promote_with": StrategyName.HIGHLANDER}),
    ("dark", worlds.running, StrategyName.DARK, {"before_traffic": (worlds.CHECK,)}),
    ("dark-first", worlds.empty, StrategyName.DARK, {}),
]  # fmt: skip

OPERATIONS: list[tuple[str, Start, Kind, dict[str, Any]]] = [
    ("rollback-warm", worlds.running, Kind.ROLLBACK, {}),
    ("rollback-cold", worlds.cold, Kind.ROLLBACK, {}),
    ("rollback-to-smaller", worlds.uneven, Kind.ROLLBACK, {}),
    ("rollback-of-a-share", worlds.shared_out, Kind.ROLLBACK, {}),
    ("rollback-from-dead", worlds.dead, Kind.ROLLBACK, {}),
    ("rollback-to-named", worlds.running, Kind.ROLLBACK, {"group": "shop-v000"}),
    ("resize-down", worlds.running, Kind.RESIZE, {"group": "shop-v002", "instances": 1}),
    ("resize-up", worlds.running, Kind.RESIZE, {"group": "shop-v002", "instances": 4}),
    ("enable-share", worlds.running, Kind.ENABLE, {"group": "shop-v001", "share": 300}),
    ("enable-all", worlds.cold, Kind.ENABLE, {"group": "shop-v001"}),
    ("enable-less", worlds.shared_out, Kind.ENABLE, {"group": "shop-v001", "share": 100}),
    ("disable", worlds.shared_out, Kind.DISABLE, {"group": "shop-v001"}),
    ("destroy-enabled", worlds.shared_out, Kind.DESTROY, {"group": "shop-v001"}),
    ("destroy-disabled", worlds.running, Kind.DESTROY, {"group": "shop-v000"}),
    ("shrink", worlds.running, Kind.SHRINK, {"keep": 1}),
]

CASES: list[tuple[str, Start, Request]] = [
    *((name, start, worlds.deploy(how, **options)) for name, start, how, options in DEPLOYMENTS),
    *((name, start, worlds.operation(kind, **wish)) for name, start, kind, wish in OPERATIONS),
]


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[dict[str, int]]:
    """Counts states, and prints how many there were in all."""
    counts: dict[str, int] = {}
    yield counts
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(  # noqa: T201 - the figure is asked for
            f"\nexplorer: {sum(counts.values())} states in {len(counts)} searches"
        )


def explore(start: World, request: Request, budget: Budget) -> Exploration:
    return Explorer(start, request, rules=RULES, budget=budget).run()


LARGE = {"canary-in-steps", "canary-from-two", "canary-then-rolling"}
"""Searched with one fault only: two take a minute each, and find nothing that the others miss."""

SEARCHES = [
    pytest.param(*case, budget, id=f"{case[0]}-{told}")
    for case in CASES
    for told, budget in (("one-of-each", ONE_OF_EACH), ("two-faults", TWO_FAULTS))
    if budget is ONE_OF_EACH or case[0] not in LARGE
]


@pytest.mark.timeout(900)  # it cannot hang, and a busy machine needs its time
@pytest.mark.parametrize(("name", "start", "request_", "budget"), SEARCHES)
def test_no_sequence_of_outcomes_breaks_a_safety_rule(
    name: str, start: Start, request_: Request, budget: Budget, tally: dict[str, int]
) -> None:
    found = explore(start(), request_, budget)
    tally[f"{name} {budget}"] = found.states
    assert found.states > 10
    assert stuck(found) == 0


@pytest.mark.parametrize(("name", "start", "request_"), CASES, ids=[case[0] for case in CASES])
def test_nothing_going_wrong_leads_to_success(name: str, start: Start, request_: Request) -> None:
    found = explore(start(), request_, Budget(faults=0, deaths=0, cancels=0))
    assert found.ends == {Status.SUCCEEDED: 1}


@pytest.mark.parametrize(("name", "start", "request_"), CASES, ids=[case[0] for case in CASES])
def test_a_cancel_at_any_step_is_carried_out_to_the_end(
    name: str, start: Start, request_: Request
) -> None:
    budget = Budget(faults=0, deaths=0, cancels=1)
    with Explorer(start(), request_, rules=RULES, budget=budget) as explorer:
        node = explorer.first()
        while not node.progress.status.is_end:
            for canceled in explorer.cancels(node):
                end = explorer.finish(explorer.step(node, canceled))
                assert end.progress.status is Status.ROLLED_BACK
            node = explorer.step(node, explorer.clean(node))


def test_a_search_reaches_every_way_to_end() -> None:
    request = worlds.deploy(StrategyName.BLUE_GREEN, watch=SHORT)
    found = explore(worlds.running(), request, ONE_OF_EACH)
    assert found.ends.keys() == {Status.SUCCEEDED, Status.ROLLED_BACK, Status.FAILED}
