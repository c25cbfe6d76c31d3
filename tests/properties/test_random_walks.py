"""Beyond the exhaustive bound: long walks with much going wrong, through generated worlds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.properties import worlds
from tests.properties.explorer import LONGEST, Budget, Explorer
from tests.properties.rules import RULES
from turnout.model.deployment import (
    PROMOTIONS,
    STRATEGY_OPTIONS,
    Kind,
    OnFailure,
    Request,
    Scale,
    StrategyName,
)
from turnout.model.traffic import WHOLE
from turnout.strategies import progress as machine
from turnout.testing import World

SHORT = timedelta(milliseconds=200)


@st.composite
def some_world(draw: st.DrawFn) -> World:
    """One to four groups of one to five instances; one or more of them share the traffic."""
    count = draw(st.integers(1, 4))
    groups = [
        worlds.group(f"shop-v{n:03d}", str(n), draw(st.integers(1, 5)), age=9 - n)
        for n in range(count)
    ]
    enabled = draw(st.lists(st.sampled_from(groups), min_size=1, unique_by=lambda g: g.name))
    few = len(enabled) - 1
    cuts = sorted(
        draw(st.lists(st.integers(1, WHOLE - 1), min_size=few, max_size=few, unique=True))
    )
    parts = [b - a for a, b in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
    shares = {g.name: part for g, part in zip(enabled, parts, strict=True)}
    return worlds.world(*groups, shares=shares)


@st.composite
def some_deployment(draw: st.DrawFn) -> Request:
    """Any strategy with any of the options that it takes."""
    steps = sorted({*draw(st.lists(st.integers(1, 999), max_size=3)), WHOLE})
    options: dict[str, Any] = {
        "on_failure": draw(st.sampled_from(OnFailure)),
        "keep_failed": draw(st.booleans()),
        "keep": draw(st.integers(1, 4)),
        "watch": draw(st.sampled_from([timedelta(0), SHORT])),
        "healthy_share": draw(st.sampled_from([1000, 500])),
        "before_traffic": draw(st.sampled_from([(), (worlds.CHECK,)])),
        "scale_down_after": draw(st.sampled_from([None, timedelta(hours=1)])),
        "steps": tuple(steps),
        "step_hold": draw(st.sampled_from([timedelta(0), SHORT])),
        "scale": draw(st.sampled_from(Scale)),
        "shrink_source": draw(st.booleans()),
        "instances": draw(st.one_of(st.just("source"), st.integers(1, 5))),
        "canary_instances": draw(st.integers(1, 3)),
        "canary_steps": tuple(sorted(draw(st.sets(st.integers(1, 450), max_size=2)))),
        "promote_with": draw(st.sampled_from(PROMOTIONS)),
    }
    strategy = draw(st.sampled_from(StrategyName))
    taken = {k: v for k, v in options.items() if k in STRATEGY_OPTIONS[strategy]}
    return worlds.deploy(strategy, **taken)


@st.composite
def some_operation(draw: st.DrawFn) -> Request:
    """Any single operation, sensible or not."""
    kind = draw(st.sampled_from([k for k in Kind if k is not Kind.DEPLOY]))
    return worlds.operation(
        kind,
        group=f"shop-v{draw(st.integers(0, 4)):03d}",
        instances=draw(st.integers(0, 6)),
        share=draw(st.integers(1, WHOLE)),
        keep=draw(st.integers(1, 4)),
    )


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(some_world(), st.one_of(some_deployment(), some_operation()), st.data())
def test_no_long_walk_breaks_a_safety_rule(
    start: World, request_: Request, data: st.DataObject
) -> None:
    explorer = Explorer(start, request_, rules=RULES, budget=Budget(faults=5, deaths=3, cancels=1))
    with explorer:
        node = explorer.first()
        assume(node.progress.plan.steps)
        for _ in range(LONGEST):
            followers = list(explorer.successors(node))
            if not followers:
                break
            chosen = data.draw(st.integers(0, len(followers) - 1), label="what happens")
            node = explorer.step(node, followers[chosen])
        explorer.finish(node)


def test_the_machine_is_never_asked_for_a_step_that_it_does_not_have() -> None:
    explorer = Explorer(
        worlds.running(),
        worlds.deploy(StrategyName.DARK),
        rules=RULES,
        budget=Budget(faults=0, deaths=0, cancels=0),
    )
    with explorer:
        node = explorer.first()
        while not node.progress.status.is_end:
            assert machine.due(node.progress).id
            node = explorer.step(node, explorer.clean(node))
