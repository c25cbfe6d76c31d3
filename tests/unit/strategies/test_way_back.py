"""The way back, as it is read: first the traffic, then everything else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.properties import worlds
from tests.unit.strategies.rendering import render_steps, state_of, text
from turnout.model.deployment import Kind, Request, StrategyName
from turnout.model.plan import AwaitReady, DestroyGroup, Plan, ReplaceSplit
from turnout.model.traffic import Listener
from turnout.ports import WAY_BACK
from turnout.strategies import plan_deployment
from turnout.strategies.rollback import WayBack, plan_way_back
from turnout.testing import World

MINUTE = timedelta(minutes=1)


def plan_for(request: Request, world: World) -> Plan:
    return plan_deployment(request, state_of(world))


def deployed(strategy: StrategyName = StrategyName.BLUE_GREEN, **options: Any) -> Plan:
    return plan_for(worlds.deploy(strategy, **options), worlds.running())


def back(plan: Plan, until: str, *, keep_failed: bool = False) -> WayBack:
    """After everything up to and including this step was attempted."""
    ids = [step.id for step in plan.steps]
    attempted = ids[: ids.index(until) + 1]
    return plan_way_back(plan, attempted, keep_failed=keep_failed, deadline=MINUTE, drain=MINUTE)


def render(way: WayBack) -> str:
    return "\n".join([*render_steps(way.returning), "--", *render_steps(way.cleaning)])


def test_before_anything_was_attempted_nothing_is_undone() -> None:
    way = plan_way_back(deployed(), [], keep_failed=False, deadline=MINUTE, drain=MINUTE)
    assert way == WayBack((), ())


def test_before_traffic_has_moved_only_the_new_group_goes() -> None:
    assert render(back(deployed(), "ready")) == text(
        """
        --
        back-destroy-shop-v003 | destroy shop-v003
        back-release-shop-v002 | release shop-v002
        """
    )


def test_after_the_switch_traffic_comes_first_and_in_one_change() -> None:
    assert render(back(deployed(), "switch")) == text(
        """
        back-ready-shop-v002 | make sure that 1 of 2 instances of shop-v002 is healthy
        back-split | return traffic: shop-v002 100 %
        --
        back-drain-shop-v003 | let the requests on shop-v003 finish
        back-destroy-shop-v003 | destroy shop-v003
        back-release-shop-v002 | release shop-v002
        """
    )


def test_the_old_group_can_be_gone_back_to_while_it_still_drains() -> None:
    plan = deployed()
    assert [step.id for step in plan.steps][: plan.commit][-1] == "drain-shop-v002"
    assert render(back(plan, "drain-shop-v002")) == render(back(plan, "switch"))


def test_both_arms_of_a_canary_give_their_traffic_back_in_one_change() -> None:
    assert render(back(deployed(StrategyName.CANARY), "analyse-50")) == text(
        """
        back-ready-shop-v002 | make sure that 1 of 2 instances of shop-v002 is healthy
        back-split | return traffic: shop-v002 100 %
        --
        back-drain-shop-v003 | let the requests on shop-v003 finish
        back-destroy-shop-v003 | destroy shop-v003
        back-drain-shop-v004 | let the requests on shop-v004 finish
        back-destroy-shop-v004 | destroy shop-v004
        back-release-shop-v002 | release shop-v002
        """
    )


def test_a_promotion_that_fails_takes_the_arms_with_it() -> None:
    way = back(deployed(StrategyName.CANARY), "switch")
    gone = [o.group for s in way.cleaning if isinstance(o := s.operation, DestroyGroup)]
    assert gone == ["shop-v003", "shop-v004", "shop-v005"]


@pytest.mark.parametrize(
    ("until", "worse"),
    [("canary-50", "shop-v004"), ("end-canary", "shop-v004"), ("create", "shop-v005")],
)
def test_returning_is_waited_for_unless_the_new_version_that_has_traffic_is_dead(
    until: str, worse: str
) -> None:
    way = back(deployed(StrategyName.CANARY), until)
    waits = [s.operation for s in way.returning]
    assert {o.unless_dead for o in waits if isinstance(o, AwaitReady | ReplaceSplit)} == {worse}


def test_a_failed_group_that_is_to_be_kept_is_only_drained() -> None:
    assert render(back(deployed(), "switch", keep_failed=True)) == text(
        """
        back-ready-shop-v002 | make sure that 1 of 2 instances of shop-v002 is healthy
        back-split | return traffic: shop-v002 100 %
        --
        back-drain-shop-v003 | let the requests on shop-v003 finish
        back-release-shop-v002 | release shop-v002
        """
    )


def test_the_way_back_of_a_first_deployment_leads_to_nothing() -> None:
    plan = plan_for(worlds.deploy(StrategyName.BLUE_GREEN), worlds.empty())
    assert render(back(plan, "switch")) == text(
        """
        back-split | return traffic: nothing is served
        --
        back-drain-shop-v000 | let the requests on shop-v000 finish
        back-destroy-shop-v000 | destroy shop-v000
        back-close | stop listening
        """
    )


def test_a_shrunken_source_is_at_full_size_before_it_gets_its_traffic_back() -> None:
    plan = deployed(StrategyName.ROLLING_BLUE_GREEN, steps=(500, 1000), shrink_source=True)
    assert render(back(plan, "shift-1000")) == text(
        """
        back-resize-shop-v002 | resize shop-v002 back to 2
        back-ready-shop-v002 | make sure that 2 of 2 instances of shop-v002 are healthy
        back-split | return traffic: shop-v002 100 %
        --
        back-drain-shop-v003 | let the requests on shop-v003 finish
        back-destroy-shop-v003 | destroy shop-v003
        back-release-shop-v002 | release shop-v002
        """
    )


def test_several_sources_get_back_exactly_what_they_had() -> None:
    plan = plan_for(worlds.deploy(StrategyName.BLUE_GREEN), worlds.shared_out())
    assert render(back(plan, "switch")) == text(
        """
        back-ready-shop-v001 | make sure that 2 of 4 instances of shop-v001 are healthy
        back-ready-shop-v002 | make sure that 1 of 3 instances of shop-v002 is healthy
        back-split | return traffic: shop-v001 70 %, shop-v002 30 %
        --
        back-drain-shop-v003 | let the requests on shop-v003 finish
        back-destroy-shop-v003 | destroy shop-v003
        back-release-shop-v001 | release shop-v001
        back-release-shop-v002 | release shop-v002
        """
    )


def test_a_cold_group_that_was_started_goes_cold_again() -> None:
    plan = plan_for(worlds.operation(Kind.ROLLBACK), worlds.cold())
    assert render(back(plan, "ready")) == text(
        """
        --
        back-release-first-shop-v001 | release shop-v001
        back-resize-shop-v001 | resize shop-v001 back to 0
        back-release-shop-v001 | release shop-v001
        """
    )


def test_a_group_that_was_enlarged_is_released_before_it_shrinks_again() -> None:
    """Its pin would refuse the smaller size for ever."""
    world = worlds.world(
        worlds.group("shop-v001", "1", 1, 2),
        worlds.group("shop-v002", "2", 4, 1),
        shares={"shop-v002": 1000},
    )
    plan = plan_for(worlds.operation(Kind.ROLLBACK), world)
    assert render(back(plan, "ready")) == text(
        """
        --
        back-release-first-shop-v001 | release shop-v001
        back-resize-shop-v001 | resize shop-v001 back to 1
        back-release-shop-v001 | release shop-v001
        """
    )


def test_a_group_that_was_enlarged_for_more_traffic_shrinks_only_after_that_is_gone() -> None:
    plan = plan_for(worlds.operation(Kind.DISABLE, group="shop-v001"), worlds.shared_out())
    assert render(back(plan, "shift")) == text(
        """
        back-ready-shop-v001 | make sure that 2 of 4 instances of shop-v001 are healthy
        back-ready-shop-v002 | make sure that 1 of 3 instances of shop-v002 is healthy
        back-split | return traffic: shop-v001 70 %, shop-v002 30 %
        --
        back-release-first-shop-v002 | release shop-v002
        back-resize-shop-v002 | resize shop-v002 back to 3
        back-release-shop-v002 | release shop-v002
        """
    )


def test_a_moved_listener_moves_back() -> None:
    request = worlds.deploy(StrategyName.BLUE_GREEN)
    assert request.service is not None
    elsewhere = request.service.model_copy(update={"listener": Listener(cluster="shop", port=9000)})
    moving = request.model_copy(update={"service": elsewhere, "force": "we told them"})
    way = back(plan_for(moving, worlds.running()), "listen")
    assert render(way) == "--\nback-listen | listen on 127.0.0.1:8080 again"


def test_nobody_is_waited_for_once_the_new_group_is_dead() -> None:
    way = back(deployed(), "switch")
    waits = [s.operation for s in way.returning if isinstance(s.operation, AwaitReady)]
    splits = [s.operation for s in way.returning if isinstance(s.operation, ReplaceSplit)]
    assert [wait.unless_dead for wait in waits] == ["shop-v003"]
    assert [split.unless_dead for split in splits] == ["shop-v003"]


def test_traffic_is_taken_back_whatever_split_is_in_force() -> None:
    (split,) = (s for s in back(deployed(), "switch").returning if s.id == WAY_BACK)
    assert isinstance(split.operation, ReplaceSplit)
    assert split.operation.replaces is None


def test_a_group_that_the_split_names_and_nobody_has_is_no_reason_to_stop() -> None:
    """Its disk was lost: there is nothing to wait for but its instances."""
    world = worlds.world(
        worlds.group("shop-v002", "2", 2, 1), shares={"shop-v001": 400, "shop-v002": 600}
    )
    plan = plan_for(worlds.deploy(StrategyName.BLUE_GREEN), world)
    assert [s.id for s in back(plan, "switch").returning] == [
        "back-ready-shop-v001",
        "back-ready-shop-v002",
        "back-split",
    ]
