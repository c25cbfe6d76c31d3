from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.properties import worlds
from tests.unit.strategies.rendering import planned, state_of, text
from turnout.model.deployment import Request, StrategyName
from turnout.model.plan import ScheduleCold
from turnout.model.servers import ServerGroup
from turnout.strategies import plan_deployment
from turnout.testing import World
from turnout.testing.world import START


def deploy(**options: Any) -> Request:
    options.setdefault("ready_deadline", timedelta(minutes=10))
    return worlds.deploy(StrategyName.BLUE_GREEN, **options)


def named(*groups: ServerGroup, serving: str) -> World:
    return worlds.world(*groups, shares={serving: 1000})


def test_a_first_deployment_takes_all_traffic_in_one_step() -> None:
    assert planned(deploy(), worlds.empty()) == text(
        """
        deploy shop 3 by blue_green
        note: first deployment of shop: nothing serves yet, so traffic goes to the new group in one step, and the way back leads to nothing being served
        listen | listen on 127.0.0.1:8080                             | nothing   | nothing
        create | create shop-v000 with 2 instances of version 3       | nothing   | v000x2
        ready  | wait until 2 of 2 instances of shop-v000 are healthy | nothing   | v000x2
        switch | shift traffic: shop-v000 100 %                       | v000 1000 | v000x2
        peak 2; at most 10m; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_blue_green_switches_at_once_and_keeps_the_group_that_it_replaces() -> None:
    assert planned(deploy(), worlds.running()) == text(
        """
        deploy shop 3 by blue_green
        pin-shop-v002     | pin shop-v002 to at least 2 instances                | v002 1000 | v000x2, v001x2, v002x2
        create            | create shop-v003 with 2 instances of version 3       | v002 1000 | v000x2, v001x2, v002x2, v003x2
        ready             | wait until 2 of 2 instances of shop-v003 are healthy | v002 1000 | v000x2, v001x2, v002x2, v003x2
        switch            | shift traffic: shop-v003 100 %                       | v003 1000 | v000x2, v001x2, v002x2, v003x2
        drain-shop-v002   | let the requests on shop-v002 finish                 | v003 1000 | v000x2, v001x2, v002x2, v003x2
        -- from here on nothing is taken back --
        release-shop-v002 | release shop-v002                                    | v003 1000 | v000x2, v001x2, v002x2, v003x2
        destroy-shop-v000 | destroy shop-v000                                    | v003 1000 | v001x2, v002x2, v003x2
        destroy-shop-v001 | destroy shop-v001                                    | v003 1000 | v002x2, v003x2
        peak 8; at most 11m50s; destroys shop-v000, shop-v001
        """  # noqa: E501 - as it is printed
    )


def test_blue_green_with_everything() -> None:
    assert planned(
        deploy(
            instances=5,
            before_traffic=(worlds.CHECK,),
            delay_before_switch=timedelta(minutes=5),
            watch=timedelta(minutes=2),
            keep=3,
            scale_down_after=timedelta(hours=1),
        ),
        worlds.running(),
    ) == text(
        """
        deploy shop 3 by blue_green
        pin-shop-v002     | pin shop-v002 to at least 2 instances                | v002 1000 | v000x2, v001x2, v002x2
        create            | create shop-v003 with 5 instances of version 3       | v002 1000 | v000x2, v001x2, v002x2, v003x5
        ready             | wait until 5 of 5 instances of shop-v003 are healthy | v002 1000 | v000x2, v001x2, v002x2, v003x5
        checks            | check shop-v003 before it gets traffic               | v002 1000 | v000x2, v001x2, v002x2, v003x5
        delay             | wait 5m before the switch                            | v002 1000 | v000x2, v001x2, v002x2, v003x5
        switch            | shift traffic: shop-v003 100 %                       | v003 1000 | v000x2, v001x2, v002x2, v003x5
        watch             | watch shop-v003 for 2m                               | v003 1000 | v000x2, v001x2, v002x2, v003x5
        drain-shop-v002   | let the requests on shop-v002 finish                 | v003 1000 | v000x2, v001x2, v002x2, v003x5
        -- from here on nothing is taken back --
        release-shop-v002 | release shop-v002                                    | v003 1000 | v000x2, v001x2, v002x2, v003x5
        destroy-shop-v000 | destroy shop-v000                                    | v003 1000 | v001x2, v002x2, v003x5
        cold-shop-v001    | scale shop-v001 to zero in 1h                        | v003 1000 | v001x2, v002x2, v003x5
        cold-shop-v002    | scale shop-v002 to zero in 1h                        | v003 1000 | v001x2, v002x2, v003x5
        peak 11; at most 19m10s; destroys shop-v000
        """  # noqa: E501 - as it is printed
    )


def test_keep_counts_the_new_group() -> None:
    assert planned(deploy(keep=1), worlds.running()) == text(
        """
        deploy shop 3 by blue_green
        pin-shop-v002     | pin shop-v002 to at least 2 instances                | v002 1000 | v000x2, v001x2, v002x2
        create            | create shop-v003 with 2 instances of version 3       | v002 1000 | v000x2, v001x2, v002x2, v003x2
        ready             | wait until 2 of 2 instances of shop-v003 are healthy | v002 1000 | v000x2, v001x2, v002x2, v003x2
        switch            | shift traffic: shop-v003 100 %                       | v003 1000 | v000x2, v001x2, v002x2, v003x2
        drain-shop-v002   | let the requests on shop-v002 finish                 | v003 1000 | v000x2, v001x2, v002x2, v003x2
        -- from here on nothing is taken back --
        release-shop-v002 | release shop-v002                                    | v003 1000 | v000x2, v001x2, v002x2, v003x2
        destroy-shop-v000 | destroy shop-v000                                    | v003 1000 | v001x2, v002x2, v003x2
        destroy-shop-v001 | destroy shop-v001                                    | v003 1000 | v002x2, v003x2
        destroy-shop-v002 | destroy shop-v002                                    | v003 1000 | v003x2
        peak 8; at most 12m30s; destroys shop-v000, shop-v001, shop-v002
        """  # noqa: E501 - as it is printed
    )


def test_several_enabled_groups_are_replaced_and_the_largest_is_kept() -> None:
    assert planned(deploy(), worlds.shared_out()) == text(
        """
        deploy shop 3 by blue_green
        pin-shop-v001     | pin shop-v001 to at least 4 instances                | v001 700, v002 300 | v001x4, v002x3
        pin-shop-v002     | pin shop-v002 to at least 3 instances                | v001 700, v002 300 | v001x4, v002x3
        create            | create shop-v003 with 4 instances of version 3       | v001 700, v002 300 | v001x4, v002x3, v003x4
        ready             | wait until 4 of 4 instances of shop-v003 are healthy | v001 700, v002 300 | v001x4, v002x3, v003x4
        switch            | shift traffic: shop-v003 100 %                       | v003 1000          | v001x4, v002x3, v003x4
        drain-shop-v001   | let the requests on shop-v001 finish                 | v003 1000          | v001x4, v002x3, v003x4
        drain-shop-v002   | let the requests on shop-v002 finish                 | v003 1000          | v001x4, v002x3, v003x4
        -- from here on nothing is taken back --
        release-shop-v001 | release shop-v001                                    | v003 1000          | v001x4, v002x3, v003x4
        release-shop-v002 | release shop-v002                                    | v003 1000          | v001x4, v002x3, v003x4
        destroy-shop-v002 | destroy shop-v002                                    | v003 1000          | v001x4, v003x4
        peak 11; at most 11m40s; destroys shop-v002
        """  # noqa: E501 - as it is printed
    )


def test_the_group_just_replaced_is_kept_before_newer_ones() -> None:
    assert planned(
        deploy(),
        named(
            worlds.group("shop-v001", "1", 2, 3),
            worlds.group("shop-v002", "2", 2, 2),
            worlds.group("shop-v003", "3-dark", 2, 1),
            serving="shop-v001",
        ),
    ) == text(
        """
        deploy shop 3 by blue_green
        pin-shop-v001     | pin shop-v001 to at least 2 instances                | v001 1000 | v001x2, v002x2, v003x2
        create            | create shop-v004 with 2 instances of version 3       | v001 1000 | v001x2, v002x2, v003x2, v004x2
        ready             | wait until 2 of 2 instances of shop-v004 are healthy | v001 1000 | v001x2, v002x2, v003x2, v004x2
        switch            | shift traffic: shop-v004 100 %                       | v004 1000 | v001x2, v002x2, v003x2, v004x2
        drain-shop-v001   | let the requests on shop-v001 finish                 | v004 1000 | v001x2, v002x2, v003x2, v004x2
        -- from here on nothing is taken back --
        release-shop-v001 | release shop-v001                                    | v004 1000 | v001x2, v002x2, v003x2, v004x2
        destroy-shop-v002 | destroy shop-v002                                    | v004 1000 | v001x2, v003x2, v004x2
        destroy-shop-v003 | destroy shop-v003                                    | v004 1000 | v001x2, v004x2
        peak 8; at most 11m50s; destroys shop-v002, shop-v003
        """  # noqa: E501 - as it is printed
    )


def cooling(*groups: str) -> World:
    """Version 2 serves; these groups have a time at which they go cold."""
    world = worlds.running()
    for name in groups:
        noted = world.groups[name].model_copy(update={"cold_at": START + timedelta(minutes=5)})
        world.groups[name] = noted
    return world


def cold_steps(world: World, **options: Any) -> list[str]:
    """What is planned about going cold, when all groups are kept."""
    plan = plan_deployment(deploy(keep=9, **options), state_of(world))
    return [s.title for s in plan.steps if isinstance(s.operation, ScheduleCold)]


def test_a_group_that_was_disabled_before_goes_cold_at_the_time_that_it_has() -> None:
    assert cold_steps(cooling("shop-v000"), scale_down_after=timedelta(hours=1)) == [
        "scale shop-v001 to zero in 1h",
        "scale shop-v002 to zero in 1h",
    ]


def test_the_group_just_replaced_goes_cold_from_now_on_whatever_was_noted() -> None:
    assert "scale shop-v002 to zero in 1h" in cold_steps(
        cooling("shop-v002"), scale_down_after=timedelta(hours=1)
    )


def test_never_means_never_for_groups_that_were_to_go_cold() -> None:
    assert cold_steps(cooling("shop-v000")) == ["keep shop-v000 warm"]


def test_a_cold_group_is_not_scaled_down_again() -> None:
    world = worlds.cold()
    assert cold_steps(world, scale_down_after=timedelta(hours=1)) == [
        "scale shop-v002 to zero in 1h"
    ]
