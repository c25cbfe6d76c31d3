from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.properties import worlds
from tests.unit.strategies.rendering import planned, state_of, text
from turnout.model.deployment import ClusterState, Kind, Options, Request
from turnout.model.plan import Plan
from turnout.model.traffic import TrafficSplit
from turnout.ports import SWITCH_BACK as SWITCH_BACK_OF_PORTS
from turnout.ports import WAY_BACK
from turnout.strategies import plan_deployment
from turnout.strategies.manual import SWITCH_BACK
from turnout.testing import World
from turnout.testing.world import START


def roll_back(**wishes: Any) -> Request:
    """With the deadline of everyday use."""
    wishes.setdefault("options", Options())
    return Request(id="d-1", kind=Kind.ROLLBACK, cluster="shop", requested_at=START, **wishes)


def one_of_four() -> World:
    """Version 2 serves with four instances; of version 1 a single one was left."""
    return worlds.world(
        worlds.group("shop-v001", "1", 1, 2),
        worlds.group("shop-v002", "2", 4, 1),
        shares={"shop-v002": 1000},
    )


def alone() -> World:
    return worlds.world(worlds.group("shop-v002", "2", 2, 1), shares={"shop-v002": 1000})


def split(world: World, shares: dict[str, int], changed_by: str) -> World:
    """The world after a change of traffic."""
    state = world.listeners["shop"]
    generation = state.split.generation + 1
    made = TrafficSplit(shares=shares, generation=generation, changed_by=changed_by)
    world.listeners["shop"] = state.with_split(made)
    return world


def test_a_warm_rollback_is_one_change() -> None:
    assert planned(roll_back(), worlds.running()) == text(
        """
        roll back shop to shop-v001 (version 1)
        switch-back     | shift traffic: shop-v001 100 %                   | v001 1000 | v000x2, v001x2, v002x2
        -- from here on nothing is taken back --
        hold            | hold deployments of shop until they are released | v001 1000 | v000x2, v001x2, v002x2
        drain-shop-v002 | let the requests on shop-v002 finish             | v001 1000 | v000x2, v001x2, v002x2
        peak 6; at most 30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_half_of_the_old_group_is_enough_and_the_change_makes_sure_of_it() -> None:
    world = worlds.running()
    old = world.groups["shop-v001"]
    world.groups["shop-v001"] = old.model_copy(update={"instances": old.instances[:1]})
    switch = plan_of(world).steps[0]
    assert switch.id == SWITCH_BACK
    assert switch.operation.model_dump()["ready"] == {"shop-v001": 1}


def test_a_warm_group_that_is_not_ready_is_waited_for() -> None:
    world = worlds.running()
    world.groups["shop-v001"] = world.groups["shop-v001"].model_copy(update={"instances": ()})
    assert planned(roll_back(), world) == text(
        """
        roll back shop to shop-v001 (version 1)
        pin-shop-v001     | pin shop-v001 to at least 2 instances               | v002 1000 | v000x2, v001x2, v002x2
        ready             | wait until 1 of 2 instances of shop-v001 is healthy | v002 1000 | v000x2, v001x2, v002x2
        switch-back       | shift traffic: shop-v001 100 %                      | v001 1000 | v000x2, v001x2, v002x2
        -- from here on nothing is taken back --
        hold              | hold deployments of shop until they are released    | v001 1000 | v000x2, v001x2, v002x2
        drain-shop-v002   | let the requests on shop-v002 finish                | v001 1000 | v000x2, v001x2, v002x2
        release-shop-v001 | release shop-v001                                   | v001 1000 | v000x2, v001x2, v002x2
        peak 6; at most 10m30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_a_cold_group_starts_first_and_the_plan_says_so() -> None:
    assert planned(roll_back(), worlds.cold()) == text(
        """
        roll back shop to shop-v001 (version 1)
        note: shop-v001 is cold: it has to start first, so this takes longer
        resize-shop-v001  | resize shop-v001 from 0 to 2 instances               | v002 1000 | v001x2, v002x2
        pin-shop-v001     | pin shop-v001 to at least 2 instances                | v002 1000 | v001x2, v002x2
        ready             | wait until 2 of 2 instances of shop-v001 are healthy | v002 1000 | v001x2, v002x2
        switch-back       | shift traffic: shop-v001 100 %                       | v001 1000 | v001x2, v002x2
        -- from here on nothing is taken back --
        hold              | hold deployments of shop until they are released     | v001 1000 | v001x2, v002x2
        drain-shop-v002   | let the requests on shop-v002 finish                 | v001 1000 | v001x2, v002x2
        release-shop-v001 | release shop-v001                                    | v001 1000 | v001x2, v002x2
        peak 4; at most 10m30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_a_group_that_was_shrunk_grows_first() -> None:
    assert planned(roll_back(), one_of_four()) == text(
        """
        roll back shop to shop-v001 (version 1)
        note: shop-v001 has 1 and needs 4 instances: the new ones have to start first, so this takes longer
        resize-shop-v001  | resize shop-v001 from 1 to 4 instances               | v002 1000 | v001x4, v002x4
        pin-shop-v001     | pin shop-v001 to at least 4 instances                | v002 1000 | v001x4, v002x4
        ready             | wait until 4 of 4 instances of shop-v001 are healthy | v002 1000 | v001x4, v002x4
        switch-back       | shift traffic: shop-v001 100 %                       | v001 1000 | v001x4, v002x4
        -- from here on nothing is taken back --
        hold              | hold deployments of shop until they are released     | v001 1000 | v001x4, v002x4
        drain-shop-v002   | let the requests on shop-v002 finish                 | v001 1000 | v001x4, v002x4
        release-shop-v001 | release shop-v001                                    | v001 1000 | v001x4, v002x4
        peak 8; at most 10m30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_a_named_group_may_lie_further_back() -> None:
    assert planned(roll_back(group="shop-v000"), worlds.running()) == text(
        """
        roll back shop to shop-v000 (version 0)
        switch-back     | shift traffic: shop-v000 100 %                   | v000 1000 | v000x2, v001x2, v002x2
        -- from here on nothing is taken back --
        hold            | hold deployments of shop until they are released | v000 1000 | v000x2, v001x2, v002x2
        drain-shop-v002 | let the requests on shop-v002 finish             | v000 1000 | v000x2, v001x2, v002x2
        peak 6; at most 30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_of_two_that_serve_the_older_one_is_gone_back_to() -> None:
    assert planned(roll_back(), worlds.shared_out()) == text(
        """
        roll back shop to shop-v001 (version 1)
        switch-back     | shift traffic: shop-v001 100 %                   | v001 1000 | v001x4, v002x3
        -- from here on nothing is taken back --
        hold            | hold deployments of shop until they are released | v001 1000 | v001x4, v002x3
        drain-shop-v002 | let the requests on shop-v002 finish             | v001 1000 | v001x4, v002x3
        peak 7; at most 30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_a_group_that_does_not_exist_is_refused_with_those_that_do() -> None:
    assert planned(roll_back(group="shop-v009"), worlds.running()) == text(
        """
        roll back shop
        refused (unknown_group): shop has no server group shop-v009; it has: shop-v002, shop-v001, shop-v000
        """  # noqa: E501 - as it is printed
    )


def test_a_group_that_serves_everything_is_nothing_to_go_back_to() -> None:
    assert planned(roll_back(group="shop-v002"), worlds.running()) == text(
        """
        roll back shop to shop-v002 (version 2)
        refused (nothing_to_roll_back_to): shop-v002 already serves everything
        """
    )


def test_a_first_group_has_nothing_to_go_back_to() -> None:
    assert planned(roll_back(), alone()) == text(
        """
        roll back shop
        refused (nothing_to_roll_back_to): shop has no earlier server group that had traffic, nor any other one
        """  # noqa: E501 - as it is printed
    )


def test_groups_that_never_had_traffic_must_be_named() -> None:
    assert planned(roll_back(), worlds.running(), previous=()) == text(
        """
        roll back shop
        refused (nothing_to_roll_back_to): shop has no earlier server group that had traffic. To go to another one, name it with --to: shop-v001, shop-v000
        """  # noqa: E501 - as it is printed
    )


def test_a_rollback_asked_for_twice_is_one_rollback() -> None:
    assert planned(
        roll_back(), split(worlds.running(), {"shop-v001": 1000}, f"d-9:{SWITCH_BACK}")
    ) == text(
        """
        roll back shop
        refused (nothing_to_roll_back_to): shop was rolled back to shop-v001 already. To go further back: turnout rollback shop --to shop-v000
        """  # noqa: E501 - as it is printed
    )


def test_behind_what_came_to_nothing_it_only_holds() -> None:
    assert planned(roll_back(outlived="d-1"), worlds.running()) == text(
        """
        hold shop at shop-v002 (version 2)
        note: d-1 left nothing to roll back: shop-v002 serves as before. To go further back: turnout rollback shop --to GROUP
        hold | hold deployments of shop until they are released | v002 1000 | v000x2, v001x2, v002x2
        peak 6; at most 0s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_a_named_group_is_gone_back_to_whatever_came_to_nothing() -> None:
    plan = plan_of(worlds.running(), group="shop-v000", outlived="d-1")
    assert "switch-back" in {step.id for step in plan.steps}


def test_a_cluster_without_a_listener_cannot_be_rolled_back() -> None:
    assert planned(
        roll_back(group="shop-v001"), worlds.running(), listener=None, split=TrafficSplit()
    ) == text(
        """
        roll back shop to shop-v001 (version 1)
        refused (no_listener): shop has no listener, so nothing can be served. Deploy it first
        """
    )


def plan_of(world: World, **wishes: Any) -> Plan:
    return plan_deployment(roll_back(**wishes), state_of(world))


def test_the_words_are_those_of_the_ports() -> None:
    assert SWITCH_BACK == SWITCH_BACK_OF_PORTS
    assert SWITCH_BACK in {step.id for step in plan_of(worlds.running()).steps}
    assert WAY_BACK != SWITCH_BACK


def test_a_rollback_leads_past_groups_that_are_gone() -> None:
    world = worlds.running()
    del world.groups["shop-v001"]
    assert plan_of(world).new_group == "shop-v000"


def test_a_rollback_that_was_taken_back_can_be_tried_again() -> None:
    world = split(worlds.running(), {"shop-v001": 1000}, f"d-8:{SWITCH_BACK}")
    world = split(world, {"shop-v002": 1000}, f"d-8:{WAY_BACK}")
    assert plan_of(world).new_group == "shop-v001"


def test_what_was_rolled_back_is_not_gone_back_to_from_its_successor() -> None:
    world = split(worlds.running(), {"shop-v001": 1000}, f"d-8:{SWITCH_BACK}")
    world = split(world, {"shop-v003": 1000}, "d-9:switch")
    world.groups["shop-v003"] = worlds.group("shop-v003", "3", 2, 0)
    assert plan_of(world).new_group == "shop-v001"


def test_who_is_enabled_again_by_hand_can_be_left_again() -> None:
    world = split(worlds.running(), {"shop-v001": 1000}, f"d-8:{SWITCH_BACK}")
    world = split(world, {"shop-v002": 1000}, "d-9:switch")
    assert plan_of(world).new_group == "shop-v001"


def test_an_older_group_enabled_by_hand_leads_back_to_the_newer_one() -> None:
    world = split(worlds.running(), {"shop-v001": 1000}, "d-9:switch")
    assert plan_of(world).new_group == "shop-v002"


def test_what_is_taken_back_is_the_newest_group_that_serves() -> None:
    plan = plan_of(worlds.shared_out())
    assert (plan.source, plan.new_group) == ("shop-v002", "shop-v001")


@pytest.mark.parametrize("state", ["held", "frozen"])
def test_neither_a_hold_nor_a_freeze_stands_in_the_way_of_a_rollback(state: str) -> None:
    changes: dict[str, object] = {state: "because"}
    observed: ClusterState = state_of(worlds.running(), **changes)
    assert not plan_deployment(roll_back(), observed).refused


def test_the_hold_says_who_rolled_back_and_where_to() -> None:
    (hold,) = (s for s in plan_of(worlds.running(), by="anna").steps if s.id == "hold")
    assert hold.operation.model_dump() == {
        "op": "set_hold",
        "reason": "rolled back to shop-v001 by anna",
    }
    (hold,) = (s for s in plan_of(worlds.running(), reason="it burns").steps if s.id == "hold")
    assert hold.operation.model_dump()["reason"] == "it burns"


def test_a_group_that_serves_again_does_not_go_cold_at_the_time_from_before() -> None:
    world = worlds.running()
    late = START + timedelta(hours=1)
    world.groups["shop-v001"] = world.groups["shop-v001"].model_copy(update={"cold_at": late})
    assert plan_of(world).steps[-1].title == "keep shop-v001 warm"
