from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.properties import worlds
from tests.unit.strategies.rendering import planned, state_of, text
from turnout.model.analysis import AnalysisMode, OnInconclusive
from turnout.model.deployment import OnFailure, Options, Request, StrategyName
from turnout.model.plan import Analyse, CreateGroup
from turnout.model.servers import Role
from turnout.strategies import plan_deployment

TEN_MINUTES = timedelta(minutes=10)


def request(**options: Any) -> Request:
    options.setdefault("warmup", timedelta(seconds=30))
    return worlds.deploy(StrategyName.CANARY, ready_deadline=TEN_MINUTES, **options)


def test_production_baseline_and_canary_side_by_side_then_blue_green() -> None:
    assert planned(request(), worlds.running()) == text(
        """
        deploy shop 3 by canary
        note: one instance of each arm: a difference between the two may be the instance's own. Two or more (canary_instances: 2) tell a bad version from a bad instance
        note: baseline and canary (1 instance each) are drained and destroyed whatever comes out
        pin-shop-v002     | pin shop-v002 to at least 2 instances                         | v002 1000                  | v000x2, v001x2, v002x2
        create-baseline   | create shop-v003 as the baseline with 1 instance of version 2 | v002 1000                  | v000x2, v001x2, v002x2, v003x1
        create-canary     | create shop-v004 as the canary with 1 instance of version 3   | v002 1000                  | v000x2, v001x2, v002x2, v003x1, v004x1
        ready-baseline    | wait until 1 of 1 instance of shop-v003 is healthy            | v002 1000                  | v000x2, v001x2, v002x2, v003x1, v004x1
        ready-canary      | wait until 1 of 1 instance of shop-v004 is healthy            | v002 1000                  | v000x2, v001x2, v002x2, v003x1, v004x1
        canary-50         | shift traffic: shop-v002 90 %, shop-v003 5 %, shop-v004 5 %   | v002 900, v003 50, v004 50 | v000x2, v001x2, v002x2, v003x1, v004x1
        warmup-50         | watch shop-v004 as it warms up for 30s                        | v002 900, v003 50, v004 50 | v000x2, v001x2, v002x2, v003x1, v004x1
        analyse-50        | compare shop-v004 with shop-v003 for 15m                      | v002 900, v003 50, v004 50 | v000x2, v001x2, v002x2, v003x1, v004x1
        end-canary        | shift traffic: shop-v002 100 %                                | v002 1000                  | v000x2, v001x2, v002x2, v003x1, v004x1
        create            | create shop-v005 with 2 instances of version 3                | v002 1000                  | v000x2, v001x2, v002x2, v003x1, v004x1, v005x2
        ready             | wait until 2 of 2 instances of shop-v005 are healthy          | v002 1000                  | v000x2, v001x2, v002x2, v003x1, v004x1, v005x2
        switch            | shift traffic: shop-v005 100 %                                | v005 1000                  | v000x2, v001x2, v002x2, v003x1, v004x1, v005x2
        drain-shop-v002   | let the requests on shop-v002 finish                          | v005 1000                  | v000x2, v001x2, v002x2, v003x1, v004x1, v005x2
        drain-shop-v003   | let the requests on shop-v003 finish                          | v005 1000                  | v000x2, v001x2, v002x2, v003x1, v004x1, v005x2
        drain-shop-v004   | let the requests on shop-v004 finish                          | v005 1000                  | v000x2, v001x2, v002x2, v003x1, v004x1, v005x2
        -- from here on nothing is taken back --
        destroy-shop-v003 | destroy shop-v003                                             | v005 1000                  | v000x2, v001x2, v002x2, v004x1, v005x2
        destroy-shop-v004 | destroy shop-v004                                             | v005 1000                  | v000x2, v001x2, v002x2, v005x2
        release-shop-v002 | release shop-v002                                             | v005 1000                  | v000x2, v001x2, v002x2, v005x2
        destroy-shop-v000 | destroy shop-v000                                             | v005 1000                  | v001x2, v002x2, v005x2
        destroy-shop-v001 | destroy shop-v001                                             | v005 1000                  | v002x2, v005x2
        peak 10; at most 5h4m; destroys shop-v003, shop-v004, shop-v000, shop-v001
        """  # noqa: E501 - as it is printed
    )


def test_steps_are_each_compared_and_every_group_that_serves_gives_alike() -> None:
    plan = plan_deployment(
        request(canary_steps=(50, 200), warmup=timedelta(0)), state_of(worlds.shared_out())
    )
    shares = {s.id: s.split_after.shares for s in plan.steps}
    ids = [s.id for s in plan.steps if s.id.startswith(("canary-", "analyse-", "end-"))]
    assert ids == ["canary-50", "analyse-50", "canary-200", "analyse-200", "end-canary"]
    assert shares["canary-200"] == {
        "shop-v001": 420,
        "shop-v002": 180,
        "shop-v003": 200,
        "shop-v004": 200,
    }
    assert shares["end-canary"] == {"shop-v001": 700, "shop-v002": 300}


def test_the_baseline_is_a_fresh_copy_of_what_serves_most() -> None:
    plan = plan_deployment(request(canary_instances=3), state_of(worlds.shared_out()))
    made = {o.role: o for s in plan.steps if isinstance(o := s.operation, CreateGroup)}
    assert {role: o.settings.version for role, o in made.items()} == {
        Role.BASELINE: "1",
        Role.CANARY: "3",
        Role.PRODUCTION: "3",
    }
    assert {role: o.instances for role, o in made.items()} == {
        Role.BASELINE: 3,
        Role.CANARY: 3,
        Role.PRODUCTION: 4,
    }
    assert (plan.canary, plan.new_group) == ("shop-v004", "shop-v005")


def test_the_first_deployment_has_nothing_to_be_compared_with() -> None:
    assert planned(request(), worlds.empty()) == planned(
        worlds.deploy(StrategyName.BLUE_GREEN, ready_deadline=TEN_MINUTES), worlds.empty()
    ).replace("by blue_green", "by canary")


@pytest.mark.parametrize(
    ("how", "steps"),
    [
        (StrategyName.BLUE_GREEN, ["switch"]),
        (StrategyName.HIGHLANDER, ["switch"]),
        (StrategyName.ROLLING_BLUE_GREEN, ["shift-500", "grow-1000", "ready-1000", "shift-1000"]),
    ],
)
def test_what_is_fine_is_promoted_as_wished(how: StrategyName, steps: list[str]) -> None:
    plan = plan_deployment(request(promote_with=how, steps=(500, 1000)), state_of(worlds.running()))
    ids = [s.id for s in plan.steps]
    after = ids[ids.index("ready") + 1 : ids.index("drain-shop-v002")]
    assert after == steps
    assert {"shop-v003", "shop-v004"} <= set(plan.destroys)
    assert ("shop-v002" in plan.destroys) == (how is StrategyName.HIGHLANDER)


def test_settings_that_differ_beside_the_version_are_told() -> None:
    wish = request()
    assert wish.service is not None
    settings = wish.service.settings
    changed = settings.model_copy(
        update={
            "restart_budget": 9,
            "run": settings.run.model_copy(update={"environment": {"THREADS": "8"}}),
        }
    )
    service = wish.service.model_copy(update={"settings": changed})
    plan = plan_deployment(wish.model_copy(update={"service": service}), state_of(worlds.running()))
    told = [note for note in plan.notes if "other settings" in note]
    assert len(told) == 1
    assert "(restart_budget, env)" in told[0]


def test_two_instances_of_each_need_no_warning() -> None:
    plan = plan_deployment(request(canary_instances=2), state_of(worlds.running()))
    assert not [note for note in plan.notes if "one instance" in note]


def test_how_long_it_may_take_counts_an_extension_and_a_person() -> None:
    def longest(**options: Any) -> timedelta:
        plan = plan_deployment(request(**options), state_of(worlds.running()))
        return next(s.longest for s in plan.steps if isinstance(s.operation, Analyse))

    hour, day = timedelta(hours=1), timedelta(days=1)
    one = {"duration": hour, "judgment_deadline": day}
    assert longest(**one, on_inconclusive=OnInconclusive.EXTEND) == 2 * hour + day
    assert longest(**one, on_inconclusive=OnInconclusive.ASK) == hour + day
    assert longest(**one, on_inconclusive=OnInconclusive.FAIL) == hour
    assert longest(**one, analysis=AnalysisMode.MANUAL) == day


@pytest.mark.parametrize(
    "wrong",
    [
        {"traffic": 451},
        {"canary_steps": (200, 100)},
        {"canary_steps": (100, 500)},
        {"promote_with": StrategyName.DARK},
        {"promote_with": StrategyName.CANARY},
        {"canary_instances": 0},
    ],
)
def test_options_that_make_no_canary_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options(**wrong)


@pytest.mark.parametrize("option", [{"keep_failed": True}, {"on_failure": OnFailure.PAUSE}])
def test_a_canary_that_fails_cannot_be_told_to_stay(option: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="a canary that fails is taken back"):
        request(**option)
