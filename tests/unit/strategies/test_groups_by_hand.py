from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.properties import worlds
from tests.unit.strategies.rendering import planned, state_of, text
from turnout.model.deployment import Kind, Options, Request
from turnout.strategies import plan_deployment
from turnout.testing import World
from turnout.testing.world import START


def ask(kind: Kind, group: str = "", **wishes: Any) -> Request:
    """With the deadline of everyday use."""
    wishes.setdefault("options", Options())
    return Request(id="d-1", kind=kind, cluster="shop", requested_at=START, group=group, **wishes)


def alone() -> World:
    return worlds.world(worlds.group("shop-v000", "0", 2, 3), shares={"shop-v000": 1000})


def dead_beside(world: World, group: str) -> World:
    """A world in which the instances of a group have died."""
    world.kill(group, comes_back=False)
    return world


def test_a_group_grows_and_is_waited_for() -> None:
    assert planned(ask(Kind.RESIZE, "shop-v002", instances=4), worlds.running()) == text(
        """
        resize shop-v002 from 2 to 4
        resize-shop-v002 | resize shop-v002 from 2 to 4 instances               | v002 1000 | v000x2, v001x2, v002x4
        ready            | wait until 4 of 4 instances of shop-v002 are healthy | v002 1000 | v000x2, v001x2, v002x4
        peak 8; at most 10m; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_an_enabled_group_shrinks_behind_the_guard() -> None:
    assert planned(ask(Kind.RESIZE, "shop-v002", instances=1), worlds.running()) == text(
        """
        resize shop-v002 from 2 to 1
        guard            | make sure that shop stays healthy when shop-v002 goes from 2 to 1 | v002 1000 | v000x2, v001x2, v002x2
        resize-shop-v002 | resize shop-v002 from 2 to 1 instance                             | v002 1000 | v000x2, v001x2, v002x1
        ready            | wait until 1 of 1 instance of shop-v002 is healthy                | v002 1000 | v000x2, v001x2, v002x1
        peak 6; at most 10m; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_the_only_one_that_serves_is_not_scaled_to_zero() -> None:
    assert planned(ask(Kind.RESIZE, "shop-v002", instances=0), worlds.running()) == text(
        """
        resize shop-v002 from 2 to 0
        refused (last_healthy): shop-v002 has 100 % of the traffic, and without instances its requests would fail. Nothing else serves: enable another one first (--force overrides)
        """  # noqa: E501 - as it is printed
    )


def test_one_of_several_is_disabled_before_it_is_scaled_to_zero() -> None:
    assert planned(ask(Kind.RESIZE, "shop-v002", instances=0), worlds.shared_out()) == text(
        """
        resize shop-v002 from 3 to 0
        refused (last_healthy): shop-v002 has 30 % of the traffic, and without instances its requests would fail. Disable it first (--force overrides)
        """  # noqa: E501 - as it is printed
    )


def test_a_disabled_group_goes_cold_without_a_guard() -> None:
    assert planned(ask(Kind.RESIZE, "shop-v001", instances=0), worlds.running()) == text(
        """
        resize shop-v001 from 2 to 0
        resize-shop-v001 | resize shop-v001 from 2 to 0 instances | v002 1000 | v000x2, v001x0, v002x2
        peak 6; at most 0s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_the_size_that_it_has_is_nothing_to_do() -> None:
    assert planned(ask(Kind.RESIZE, "shop-v001", instances=2), worlds.running()) == text(
        """
        resize shop-v001 from 2 to 2
        note: shop-v001 already has 2 instances: nothing to do
        """
    )


def test_a_resize_without_a_size_is_refused() -> None:
    assert planned(ask(Kind.RESIZE, "shop-v001"), worlds.running()) == text(
        """
        resize shop-v001
        refused (no_size): shop-v001 is to be resized, but not to how many
        """
    )


def test_force_shrinks_without_the_guard() -> None:
    assert planned(
        ask(Kind.RESIZE, "shop-v002", instances=0, force="to save money"), worlds.running()
    ) == text(
        """
        resize shop-v002 from 2 to 0
        resize-shop-v002 | resize shop-v002 from 2 to 0 instances | v002 1000 | v000x2, v001x2, v002x0
        peak 6; at most 0s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_a_disabled_group_is_destroyed_at_once() -> None:
    assert planned(ask(Kind.DESTROY, "shop-v000"), worlds.running()) == text(
        """
        destroy shop-v000
        -- from here on nothing is taken back --
        destroy-shop-v000 | destroy shop-v000 | v002 1000 | v001x2, v002x2
        peak 6; at most 40s; destroys shop-v000
        """
    )


def test_an_enabled_group_gives_its_traffic_away_before_it_is_destroyed() -> None:
    assert planned(ask(Kind.DESTROY, "shop-v001"), worlds.shared_out()) == text(
        """
        destroy shop-v001
        note: shop-v002 has 3 and needs 4 instances: the new ones have to start first, so this takes longer
        guard             | make sure that shop stays healthy when shop-v001 goes from 4 to 0 | v001 700, v002 300 | v001x4, v002x3
        resize-shop-v002  | resize shop-v002 from 3 to 4 instances                            | v001 700, v002 300 | v001x4, v002x4
        pin-shop-v002     | pin shop-v002 to at least 4 instances                             | v001 700, v002 300 | v001x4, v002x4
        ready-shop-v002   | wait until 4 of 4 instances of shop-v002 are healthy              | v001 700, v002 300 | v001x4, v002x4
        shift             | shift traffic: shop-v002 100 %                                    | v002 1000          | v001x4, v002x4
        -- from here on nothing is taken back --
        release-shop-v002 | release shop-v002                                                 | v002 1000          | v001x4, v002x4
        destroy-shop-v001 | destroy shop-v001                                                 | v002 1000          | v002x4
        peak 8; at most 10m40s; destroys shop-v001
        """  # noqa: E501 - as it is printed
    )


def test_the_only_healthy_group_is_not_destroyed() -> None:
    assert planned(ask(Kind.DESTROY, "shop-v002"), worlds.running()) == text(
        """
        destroy shop-v002
        refused (last_healthy): no other enabled server group of shop is healthy: without shop-v002 nothing would be served. Enable another one first (--force overrides)
        """  # noqa: E501 - as it is printed
    )


def test_with_the_last_group_the_listener_closes() -> None:
    assert planned(ask(Kind.DESTROY, "shop-v000", force="the end"), alone()) == text(
        """
        destroy shop-v000
        shift             | shift traffic: nothing is served | nothing | v000x2
        -- from here on nothing is taken back --
        destroy-shop-v000 | destroy shop-v000                | nothing | nothing
        close             | stop listening                   | nothing | nothing
        peak 2; at most 40s; destroys shop-v000
        """
    )


def test_a_last_group_without_traffic_goes_without_force() -> None:
    assert planned(
        ask(Kind.DESTROY, "shop-v000"),
        worlds.world(worlds.group("shop-v000", "0", 2, 3), shares={}),
    ) == text(
        """
        destroy shop-v000
        -- from here on nothing is taken back --
        destroy-shop-v000 | destroy shop-v000 | nothing | nothing
        close             | stop listening    | nothing | nothing
        peak 2; at most 40s; destroys shop-v000
        """
    )


def test_destroying_an_unknown_group_names_those_that_exist() -> None:
    assert planned(ask(Kind.DESTROY, "shop-v009"), worlds.running()) == text(
        """
        destroy shop-v009
        refused (unknown_group): shop has no server group shop-v009; it has: shop-v002, shop-v001, shop-v000
        """  # noqa: E501 - as it is printed
    )


def test_shrinking_destroys_the_oldest_first() -> None:
    assert planned(ask(Kind.SHRINK, keep=1), worlds.running()) == text(
        """
        shrink shop to 1 server group
        -- from here on nothing is taken back --
        destroy-shop-v000 | destroy shop-v000 | v002 1000 | v001x2, v002x2
        destroy-shop-v001 | destroy shop-v001 | v002 1000 | v002x2
        peak 6; at most 1m20s; destroys shop-v000, shop-v001
        """
    )


def test_shrinking_keeps_what_a_rollback_would_return_to() -> None:
    assert planned(
        ask(Kind.SHRINK, keep=2), worlds.running(), previous=("shop-v000", "shop-v001")
    ) == text(
        """
        shrink shop to 2 server groups
        -- from here on nothing is taken back --
        destroy-shop-v001 | destroy shop-v001 | v002 1000 | v000x2, v002x2
        peak 6; at most 40s; destroys shop-v001
        """
    )


def test_shrinking_never_touches_what_serves() -> None:
    assert planned(ask(Kind.SHRINK, keep=1), worlds.shared_out()) == text(
        """
        shrink shop to 1 server group
        note: shop has no disabled group beyond 1: nothing to do
        """
    )


def test_nothing_to_shrink_is_nothing_to_do() -> None:
    assert planned(ask(Kind.SHRINK, keep=3), worlds.running()) == text(
        """
        shrink shop to 3 server groups
        note: shop has no disabled group beyond 3: nothing to do
        """
    )


def test_a_cold_group_that_is_warmed_up_does_not_go_cold_again_at_once() -> None:
    world = worlds.cold()
    world.groups["shop-v001"] = world.groups["shop-v001"].model_copy(update={"cold_at": START})
    plan = plan_deployment(ask(Kind.RESIZE, "shop-v001", instances=2), state_of(world))
    assert plan.steps[-1].title == "keep shop-v001 warm"


def test_the_floor_of_healthy_instances_goes_with_the_guard() -> None:
    request = ask(Kind.RESIZE, "shop-v002", instances=1, options=Options(min_healthy_share=500))
    guard = plan_deployment(request, state_of(worlds.running())).steps[0]
    assert guard.operation.model_dump() == {
        "op": "guard_healthy",
        "group": "shop-v002",
        "remaining": 1,
        "floor": 500,
    }


def test_deadlines_and_floors_are_those_that_the_service_was_deployed_with() -> None:
    service = Options(
        min_healthy_share=400, healthy_share=500, ready_deadline=timedelta(minutes=30), keep=1
    )
    state = state_of(worlds.running(), options=service)
    shrunk = plan_deployment(ask(Kind.RESIZE, "shop-v002", instances=1), state)
    grown = plan_deployment(ask(Kind.RESIZE, "shop-v002", instances=4), state)
    fewer = plan_deployment(ask(Kind.SHRINK), state)
    assert shrunk.steps[0].operation.model_dump()["floor"] == 400
    assert grown.steps[1].title == "wait until 2 of 4 instances of shop-v002 are healthy"
    assert grown.steps[1].longest == timedelta(minutes=30)
    assert fewer.destroys == ("shop-v000", "shop-v001")
