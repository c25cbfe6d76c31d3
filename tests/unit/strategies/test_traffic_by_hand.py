from __future__ import annotations

from typing import Any

from tests.properties import worlds
from tests.unit.strategies.rendering import planned, state_of, text
from turnout.model.deployment import Kind, Options, Request
from turnout.model.traffic import TrafficSplit
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


def test_a_group_gets_a_share_and_the_others_keep_the_rest() -> None:
    assert planned(ask(Kind.ENABLE, "shop-v001", share=300), worlds.running()) == text(
        """
        enable shop-v001 at 30 %
        pin-shop-v001     | pin shop-v001 to at least 2 instances                | v002 1000          | v000x2, v001x2, v002x2
        ready             | wait until 2 of 2 instances of shop-v001 are healthy | v002 1000          | v000x2, v001x2, v002x2
        shift             | shift traffic: shop-v001 30 %, shop-v002 70 %        | v001 300, v002 700 | v000x2, v001x2, v002x2
        -- from here on nothing is taken back --
        release-shop-v001 | release shop-v001                                    | v001 300, v002 700 | v000x2, v001x2, v002x2
        peak 6; at most 10m; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_enabling_everything_drains_what_served() -> None:
    assert planned(ask(Kind.ENABLE, "shop-v001"), worlds.running()) == text(
        """
        enable shop-v001 at 100 %
        pin-shop-v001     | pin shop-v001 to at least 2 instances                | v002 1000 | v000x2, v001x2, v002x2
        ready             | wait until 2 of 2 instances of shop-v001 are healthy | v002 1000 | v000x2, v001x2, v002x2
        switch            | shift traffic: shop-v001 100 %                       | v001 1000 | v000x2, v001x2, v002x2
        -- from here on nothing is taken back --
        drain-shop-v002   | let the requests on shop-v002 finish                 | v001 1000 | v000x2, v001x2, v002x2
        release-shop-v001 | release shop-v001                                    | v001 1000 | v000x2, v001x2, v002x2
        peak 6; at most 10m30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_a_cold_group_gets_room_for_its_share_first() -> None:
    assert planned(ask(Kind.ENABLE, "shop-v001"), worlds.cold()) == text(
        """
        enable shop-v001 at 100 %
        note: shop-v001 is cold: it has to start first, so this takes longer
        resize-shop-v001  | resize shop-v001 from 0 to 2 instances               | v002 1000 | v001x2, v002x2
        pin-shop-v001     | pin shop-v001 to at least 2 instances                | v002 1000 | v001x2, v002x2
        ready             | wait until 2 of 2 instances of shop-v001 are healthy | v002 1000 | v001x2, v002x2
        switch            | shift traffic: shop-v001 100 %                       | v001 1000 | v001x2, v002x2
        -- from here on nothing is taken back --
        drain-shop-v002   | let the requests on shop-v002 finish                 | v001 1000 | v001x2, v002x2
        release-shop-v001 | release shop-v001                                    | v001 1000 | v001x2, v002x2
        peak 4; at most 10m30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_when_a_share_falls_the_others_get_room_for_theirs() -> None:
    assert planned(ask(Kind.ENABLE, "shop-v001", share=100), worlds.shared_out()) == text(
        """
        enable shop-v001 at 10 %
        note: shop-v002 has 3 and needs 4 instances: the new ones have to start first, so this takes longer
        resize-shop-v002  | resize shop-v002 from 3 to 4 instances               | v001 700, v002 300 | v001x4, v002x4
        pin-shop-v002     | pin shop-v002 to at least 4 instances                | v001 700, v002 300 | v001x4, v002x4
        ready-shop-v002   | wait until 4 of 4 instances of shop-v002 are healthy | v001 700, v002 300 | v001x4, v002x4
        shift             | shift traffic: shop-v001 10 %, shop-v002 90 %        | v001 100, v002 900 | v001x4, v002x4
        -- from here on nothing is taken back --
        release-shop-v002 | release shop-v002                                    | v001 100, v002 900 | v001x4, v002x4
        peak 8; at most 10m; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_where_nothing_serves_a_share_is_everything() -> None:
    assert planned(
        ask(Kind.ENABLE, "shop-v000", share=100),
        worlds.world(worlds.group("shop-v000", "0", 2, 3), shares={}),
    ) == text(
        """
        enable shop-v000 at 100 %
        note: nothing else serves, so shop-v000 gets everything
        pin-shop-v000     | pin shop-v000 to at least 2 instances                | nothing   | v000x2
        ready             | wait until 2 of 2 instances of shop-v000 are healthy | nothing   | v000x2
        switch            | shift traffic: shop-v000 100 %                       | v000 1000 | v000x2
        -- from here on nothing is taken back --
        release-shop-v000 | release shop-v000                                    | v000 1000 | v000x2
        peak 2; at most 10m; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_a_share_that_is_there_already_is_nothing_to_do() -> None:
    assert planned(ask(Kind.ENABLE, "shop-v001", share=700), worlds.shared_out()) == text(
        """
        enable shop-v001
        note: shop-v001 already has this share: nothing to do
        """
    )


def test_enabling_an_unknown_group_names_those_that_exist() -> None:
    assert planned(ask(Kind.ENABLE, "shop-v009"), worlds.running()) == text(
        """
        enable shop-v009
        refused (unknown_group): shop has no server group shop-v009; it has: shop-v002, shop-v001, shop-v000
        """  # noqa: E501 - as it is printed
    )


def test_without_a_listener_nothing_can_be_enabled() -> None:
    assert planned(
        ask(Kind.ENABLE, "shop-v001"), worlds.running(), listener=None, split=TrafficSplit()
    ) == text(
        """
        enable shop-v001
        refused (no_listener): shop has no listener, so nothing can be served. Deploy it first
        """
    )


def test_disabling_gives_the_share_to_the_others() -> None:
    assert planned(ask(Kind.DISABLE, "shop-v002"), worlds.shared_out()) == text(
        """
        disable shop-v002
        guard           | make sure that shop stays healthy when shop-v002 goes from 3 to 0 | v001 700, v002 300 | v001x4, v002x3
        shift           | shift traffic: shop-v001 100 %                                    | v001 1000          | v001x4, v002x3
        -- from here on nothing is taken back --
        drain-shop-v002 | let the requests on shop-v002 finish                              | v001 1000          | v001x4, v002x3
        peak 7; at most 30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_disabling_the_larger_one_makes_room_first() -> None:
    assert planned(ask(Kind.DISABLE, "shop-v001"), worlds.shared_out()) == text(
        """
        disable shop-v001
        note: shop-v002 has 3 and needs 4 instances: the new ones have to start first, so this takes longer
        guard             | make sure that shop stays healthy when shop-v001 goes from 4 to 0 | v001 700, v002 300 | v001x4, v002x3
        resize-shop-v002  | resize shop-v002 from 3 to 4 instances                            | v001 700, v002 300 | v001x4, v002x4
        pin-shop-v002     | pin shop-v002 to at least 4 instances                             | v001 700, v002 300 | v001x4, v002x4
        ready-shop-v002   | wait until 4 of 4 instances of shop-v002 are healthy              | v001 700, v002 300 | v001x4, v002x4
        shift             | shift traffic: shop-v002 100 %                                    | v002 1000          | v001x4, v002x4
        -- from here on nothing is taken back --
        drain-shop-v001   | let the requests on shop-v001 finish                              | v002 1000          | v001x4, v002x4
        release-shop-v002 | release shop-v002                                                 | v002 1000          | v001x4, v002x4
        peak 8; at most 10m30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_disabling_what_has_no_traffic_is_nothing_to_do() -> None:
    assert planned(ask(Kind.DISABLE, "shop-v001"), worlds.running()) == text(
        """
        disable shop-v001
        note: shop-v001 has no traffic: nothing to do
        """
    )


def test_the_only_enabled_group_is_not_disabled() -> None:
    assert planned(ask(Kind.DISABLE, "shop-v002"), worlds.running()) == text(
        """
        disable shop-v002
        refused (last_healthy): no other enabled server group of shop is healthy: without shop-v002 nothing would be served. Enable another one first (--force overrides)
        """  # noqa: E501 - as it is printed
    )


def test_a_group_is_not_disabled_when_the_other_one_is_dead() -> None:
    assert planned(
        ask(Kind.DISABLE, "shop-v002"), dead_beside(worlds.shared_out(), "shop-v001")
    ) == text(
        """
        disable shop-v002
        refused (last_healthy): no other enabled server group of shop is healthy: without shop-v002 nothing would be served. Enable another one first (--force overrides)
        """  # noqa: E501 - as it is printed
    )


def test_force_disables_the_only_one_without_asking_anybody() -> None:
    assert planned(ask(Kind.DISABLE, "shop-v002", force="it leaks"), worlds.running()) == text(
        """
        disable shop-v002
        shift           | shift traffic: nothing is served     | nothing | v000x2, v001x2, v002x2
        -- from here on nothing is taken back --
        drain-shop-v002 | let the requests on shop-v002 finish | nothing | v000x2, v001x2, v002x2
        peak 6; at most 30s; destroys nothing
        """
    )


def test_a_version_that_never_served_is_not_enabled_during_a_freeze() -> None:
    assert planned(
        ask(Kind.ENABLE, "shop-v001", share=100),
        worlds.running(),
        previous=(),
        frozen="the sale, until Monday",
    ) == text(
        """
        enable shop-v001 at 10 %
        refused (frozen): shop is frozen: the sale, until Monday. Wait until that is over (--force overrides; a rollback is never frozen)
        """  # noqa: E501 - as it is printed
    )


def test_a_version_that_served_before_may_serve_again_during_a_freeze() -> None:
    state = state_of(worlds.running(), frozen="the sale, until Monday")
    assert not plan_deployment(ask(Kind.ENABLE, "shop-v001"), state).refused


def test_force_enables_a_new_version_during_a_freeze() -> None:
    state = state_of(worlds.running(), previous=(), frozen="the sale, until Monday")
    assert not plan_deployment(ask(Kind.ENABLE, "shop-v001", force="told to"), state).refused


def test_nothing_waits_for_others_when_the_group_to_disable_is_dead() -> None:
    state = state_of(dead_beside(worlds.shared_out(), "shop-v001"))
    steps = {
        s.id: s.operation for s in plan_deployment(ask(Kind.DISABLE, "shop-v001"), state).steps
    }
    assert steps["ready-shop-v002"].model_dump()["unless_dead"] == "shop-v001"
    assert steps["shift"].model_dump()["unless_dead"] == "shop-v001"


def test_a_dark_group_that_was_deployed_smaller_is_enlarged_for_all_traffic() -> None:
    world = worlds.world(
        worlds.group("shop-v002", "2", 4, 2),
        worlds.group("shop-v003", "3", 1, 1),
        shares={"shop-v002": 1000},
    )
    state = state_of(world)
    tenth = plan_deployment(ask(Kind.ENABLE, "shop-v003", share=100), state)
    whole = plan_deployment(ask(Kind.ENABLE, "shop-v003"), state)
    assert [p.steps[-1].sizes_after["shop-v003"] for p in (tenth, whole)] == [1, 4]
