from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.properties import worlds
from tests.unit.strategies.rendering import planned, state_of, text
from turnout.model.deployment import Request, Scale, StrategyName
from turnout.strategies import plan_deployment
from turnout.testing import World


def roll(**options: Any) -> Request:
    options.setdefault("ready_deadline", timedelta(minutes=10))
    return worlds.deploy(StrategyName.ROLLING_BLUE_GREEN, **options)


def four() -> World:
    """Version 2 serves with four instances."""
    return worlds.world(worlds.group("shop-v002", "2", 4, 1), shares={"shop-v002": 1000})


def test_a_rolling_deployment_grows_with_its_share() -> None:
    assert planned(roll(), four()) == text(
        """
        deploy shop 3 by rolling_blue_green
        pin-shop-v002     | pin shop-v002 to at least 4 instances                | v002 1000          | v002x4
        create            | create shop-v003 with 1 instance of version 3        | v002 1000          | v002x4, v003x1
        ready             | wait until 1 of 1 instance of shop-v003 is healthy   | v002 1000          | v002x4, v003x1
        shift-100         | shift traffic: shop-v002 90 %, shop-v003 10 %        | v002 900, v003 100 | v002x4, v003x1
        shift-250         | shift traffic: shop-v002 75 %, shop-v003 25 %        | v002 750, v003 250 | v002x4, v003x1
        grow-500          | resize shop-v003 from 1 to 2 instances               | v002 750, v003 250 | v002x4, v003x2
        ready-500         | wait until 2 of 2 instances of shop-v003 are healthy | v002 750, v003 250 | v002x4, v003x2
        shift-500         | shift traffic: shop-v002 50 %, shop-v003 50 %        | v002 500, v003 500 | v002x4, v003x2
        grow-1000         | resize shop-v003 from 2 to 4 instances               | v002 500, v003 500 | v002x4, v003x4
        ready-1000        | wait until 4 of 4 instances of shop-v003 are healthy | v002 500, v003 500 | v002x4, v003x4
        shift-1000        | shift traffic: shop-v003 100 %                       | v003 1000          | v002x4, v003x4
        drain-shop-v002   | let the requests on shop-v002 finish                 | v003 1000          | v002x4, v003x4
        -- from here on nothing is taken back --
        release-shop-v002 | release shop-v002                                    | v003 1000          | v002x4, v003x4
        peak 8; at most 30m30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_the_first_deployment_has_nothing_to_roll_over() -> None:
    assert planned(roll(), worlds.empty()) == text(
        """
        deploy shop 3 by rolling_blue_green
        note: first deployment of shop: nothing serves yet, so traffic goes to the new group in one step, and the way back leads to nothing being served
        listen     | listen on 127.0.0.1:8080                             | nothing   | nothing
        create     | create shop-v000 with 2 instances of version 3       | nothing   | v000x2
        ready      | wait until 2 of 2 instances of shop-v000 are healthy | nothing   | v000x2
        shift-1000 | shift traffic: shop-v000 100 %                       | v000 1000 | v000x2
        peak 2; at most 10m; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_at_full_scale_nothing_grows_on_the_way_and_every_step_is_held() -> None:
    assert planned(
        roll(
            scale=Scale.FULL,
            steps=(100, 1000),
            step_hold=timedelta(seconds=30),
            watch=timedelta(minutes=1),
        ),
        four(),
    ) == text(
        """
        deploy shop 3 by rolling_blue_green
        pin-shop-v002     | pin shop-v002 to at least 4 instances                | v002 1000          | v002x4
        create            | create shop-v003 with 4 instances of version 3       | v002 1000          | v002x4, v003x4
        ready             | wait until 4 of 4 instances of shop-v003 are healthy | v002 1000          | v002x4, v003x4
        shift-100         | shift traffic: shop-v002 90 %, shop-v003 10 %        | v002 900, v003 100 | v002x4, v003x4
        hold-100          | watch shop-v003 at 10 % for 30s                      | v002 900, v003 100 | v002x4, v003x4
        shift-1000        | shift traffic: shop-v003 100 %                       | v003 1000          | v002x4, v003x4
        hold-1000         | watch shop-v003 at 100 % for 30s                     | v003 1000          | v002x4, v003x4
        watch             | watch shop-v003 for 1m                               | v003 1000          | v002x4, v003x4
        drain-shop-v002   | let the requests on shop-v002 finish                 | v003 1000          | v002x4, v003x4
        -- from here on nothing is taken back --
        release-shop-v002 | release shop-v002                                    | v003 1000          | v002x4, v003x4
        peak 8; at most 12m30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_checks_without_a_hold_are_made_once_at_every_step() -> None:
    assert planned(
        roll(checks=(worlds.CHECK,), steps=(500, 1000), delay_before_switch=timedelta(minutes=1)),
        four(),
    ) == text(
        """
        deploy shop 3 by rolling_blue_green
        pin-shop-v002     | pin shop-v002 to at least 4 instances                | v002 1000          | v002x4
        create            | create shop-v003 with 2 instances of version 3       | v002 1000          | v002x4, v003x2
        ready             | wait until 2 of 2 instances of shop-v003 are healthy | v002 1000          | v002x4, v003x2
        delay             | wait 1m before the first step                        | v002 1000          | v002x4, v003x2
        shift-500         | shift traffic: shop-v002 50 %, shop-v003 50 %        | v002 500, v003 500 | v002x4, v003x2
        hold-500          | check shop-v003 at 50 %                              | v002 500, v003 500 | v002x4, v003x2
        grow-1000         | resize shop-v003 from 2 to 4 instances               | v002 500, v003 500 | v002x4, v003x4
        ready-1000        | wait until 4 of 4 instances of shop-v003 are healthy | v002 500, v003 500 | v002x4, v003x4
        shift-1000        | shift traffic: shop-v003 100 %                       | v003 1000          | v002x4, v003x4
        hold-1000         | check shop-v003 at 100 %                             | v003 1000          | v002x4, v003x4
        drain-shop-v002   | let the requests on shop-v002 finish                 | v003 1000          | v002x4, v003x4
        -- from here on nothing is taken back --
        release-shop-v002 | release shop-v002                                    | v003 1000          | v002x4, v003x4
        peak 8; at most 23m30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_the_source_shrinks_behind_the_shift() -> None:
    assert planned(roll(shrink_source=True), four()) == text(
        """
        deploy shop 3 by rolling_blue_green
        pin-shop-v002        | pin shop-v002 to at least 4 instances                | v002 1000          | v002x4
        create               | create shop-v003 with 1 instance of version 3        | v002 1000          | v002x4, v003x1
        ready                | wait until 1 of 1 instance of shop-v003 is healthy   | v002 1000          | v002x4, v003x1
        shift-100            | shift traffic: shop-v002 90 %, shop-v003 10 %        | v002 900, v003 100 | v002x4, v003x1
        shift-250            | shift traffic: shop-v002 75 %, shop-v003 25 %        | v002 750, v003 250 | v002x4, v003x1
        pin-shop-v002-250    | pin shop-v002 to at least 3 instances                | v002 750, v003 250 | v002x4, v003x1
        shrink-shop-v002-250 | resize shop-v002 from 4 to 3 instances               | v002 750, v003 250 | v002x3, v003x1
        grow-500             | resize shop-v003 from 1 to 2 instances               | v002 750, v003 250 | v002x3, v003x2
        ready-500            | wait until 2 of 2 instances of shop-v003 are healthy | v002 750, v003 250 | v002x3, v003x2
        shift-500            | shift traffic: shop-v002 50 %, shop-v003 50 %        | v002 500, v003 500 | v002x3, v003x2
        pin-shop-v002-500    | pin shop-v002 to at least 2 instances                | v002 500, v003 500 | v002x3, v003x2
        shrink-shop-v002-500 | resize shop-v002 from 3 to 2 instances               | v002 500, v003 500 | v002x2, v003x2
        grow-1000            | resize shop-v003 from 2 to 4 instances               | v002 500, v003 500 | v002x2, v003x4
        ready-1000           | wait until 4 of 4 instances of shop-v003 are healthy | v002 500, v003 500 | v002x2, v003x4
        shift-1000           | shift traffic: shop-v003 100 %                       | v003 1000          | v002x2, v003x4
        drain-shop-v002      | let the requests on shop-v002 finish                 | v003 1000          | v002x2, v003x4
        -- from here on nothing is taken back --
        release-shop-v002    | release shop-v002                                    | v003 1000          | v002x2, v003x4
        peak 6; at most 30m30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_several_sources_give_way_in_proportion() -> None:
    assert planned(roll(steps=(250, 1000), shrink_source=True), worlds.shared_out()) == text(
        """
        deploy shop 3 by rolling_blue_green
        pin-shop-v001        | pin shop-v001 to at least 4 instances                             | v001 700, v002 300           | v001x4, v002x3
        pin-shop-v002        | pin shop-v002 to at least 3 instances                             | v001 700, v002 300           | v001x4, v002x3
        create               | create shop-v003 with 1 instance of version 3                     | v001 700, v002 300           | v001x4, v002x3, v003x1
        ready                | wait until 1 of 1 instance of shop-v003 is healthy                | v001 700, v002 300           | v001x4, v002x3, v003x1
        shift-250            | shift traffic: shop-v001 52.5 %, shop-v002 22.5 %, shop-v003 25 % | v001 525, v002 225, v003 250 | v001x4, v002x3, v003x1
        pin-shop-v001-250    | pin shop-v001 to at least 3 instances                             | v001 525, v002 225, v003 250 | v001x4, v002x3, v003x1
        shrink-shop-v001-250 | resize shop-v001 from 4 to 3 instances                            | v001 525, v002 225, v003 250 | v001x3, v002x3, v003x1
        grow-1000            | resize shop-v003 from 1 to 4 instances                            | v001 525, v002 225, v003 250 | v001x3, v002x3, v003x4
        ready-1000           | wait until 4 of 4 instances of shop-v003 are healthy              | v001 525, v002 225, v003 250 | v001x3, v002x3, v003x4
        shift-1000           | shift traffic: shop-v003 100 %                                    | v003 1000                    | v001x3, v002x3, v003x4
        drain-shop-v001      | let the requests on shop-v001 finish                              | v003 1000                    | v001x3, v002x3, v003x4
        drain-shop-v002      | let the requests on shop-v002 finish                              | v003 1000                    | v001x3, v002x3, v003x4
        -- from here on nothing is taken back --
        release-shop-v001    | release shop-v001                                                 | v003 1000                    | v001x3, v002x3, v003x4
        release-shop-v002    | release shop-v002                                                 | v003 1000                    | v001x3, v002x3, v003x4
        destroy-shop-v002    | destroy shop-v002                                                 | v003 1000                    | v001x3, v003x4
        peak 10; at most 21m40s; destroys shop-v002
        """  # noqa: E501 - as it is printed
    )


def test_the_number_of_instances_can_be_named() -> None:
    assert planned(roll(instances=7, steps=(500, 1000)), four()) == text(
        """
        deploy shop 3 by rolling_blue_green
        pin-shop-v002     | pin shop-v002 to at least 4 instances                | v002 1000          | v002x4
        create            | create shop-v003 with 4 instances of version 3       | v002 1000          | v002x4, v003x4
        ready             | wait until 4 of 4 instances of shop-v003 are healthy | v002 1000          | v002x4, v003x4
        shift-500         | shift traffic: shop-v002 50 %, shop-v003 50 %        | v002 500, v003 500 | v002x4, v003x4
        grow-1000         | resize shop-v003 from 4 to 7 instances               | v002 500, v003 500 | v002x4, v003x7
        ready-1000        | wait until 7 of 7 instances of shop-v003 are healthy | v002 500, v003 500 | v002x4, v003x7
        shift-1000        | shift traffic: shop-v003 100 %                       | v003 1000          | v002x4, v003x7
        drain-shop-v002   | let the requests on shop-v002 finish                 | v003 1000          | v002x4, v003x7
        -- from here on nothing is taken back --
        release-shop-v002 | release shop-v002                                    | v003 1000          | v002x4, v003x7
        peak 11; at most 20m30s; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_a_shrinking_source_keeps_all_that_its_remaining_share_needs() -> None:
    """175 of 699 per mille are a hair more than a quarter: one of four instances is too few."""
    world = worlds.world(
        worlds.group("shop-v001", "1", 4, 2),
        worlds.group("shop-v002", "2", 2, 1),
        shares={"shop-v001": 699, "shop-v002": 301},
    )
    plan = plan_deployment(roll(steps=(750, 1000), shrink_source=True), state_of(world))
    shift, shrink = (
        next(s for s in plan.steps if s.id == step)
        for step in ("shift-750", "shrink-shop-v001-750")
    )
    assert shift.split_after.share("shop-v001") == 175
    assert shrink.sizes_after["shop-v001"] == 2


def test_a_share_of_a_group_that_was_lost_goes_to_those_that_exist() -> None:
    """A split may name a group whose disk is gone: it is not given traffic again."""
    world = worlds.world(
        worlds.group("shop-v002", "2", 2, 1), shares={"shop-v001": 400, "shop-v002": 600}
    )
    plan = plan_deployment(roll(steps=(500, 1000)), state_of(world))
    shift = next(s for s in plan.steps if s.id == "shift-500")
    assert shift.split_after.shares == {"shop-v002": 500, "shop-v003": 500}
