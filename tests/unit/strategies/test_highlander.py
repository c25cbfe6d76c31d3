from __future__ import annotations

from datetime import timedelta

from tests.properties import worlds
from tests.unit.strategies.rendering import planned, text
from turnout.model.deployment import StrategyName

TEN_MINUTES = timedelta(minutes=10)


def test_there_can_be_only_one() -> None:
    assert planned(
        worlds.deploy(
            StrategyName.HIGHLANDER, watch=timedelta(minutes=1), ready_deadline=TEN_MINUTES
        ),
        worlds.running(),
    ) == text(
        """
        deploy shop 3 by highlander
        pin-shop-v002     | pin shop-v002 to at least 2 instances                | v002 1000 | v000x2, v001x2, v002x2
        create            | create shop-v003 with 2 instances of version 3       | v002 1000 | v000x2, v001x2, v002x2, v003x2
        ready             | wait until 2 of 2 instances of shop-v003 are healthy | v002 1000 | v000x2, v001x2, v002x2, v003x2
        switch            | shift traffic: shop-v003 100 %                       | v003 1000 | v000x2, v001x2, v002x2, v003x2
        watch             | watch shop-v003 for 1m                               | v003 1000 | v000x2, v001x2, v002x2, v003x2
        drain-shop-v002   | let the requests on shop-v002 finish                 | v003 1000 | v000x2, v001x2, v002x2, v003x2
        -- from here on nothing is taken back --
        release-shop-v002 | release shop-v002                                    | v003 1000 | v000x2, v001x2, v002x2, v003x2
        destroy-shop-v000 | destroy shop-v000                                    | v003 1000 | v001x2, v002x2, v003x2
        destroy-shop-v001 | destroy shop-v001                                    | v003 1000 | v002x2, v003x2
        destroy-shop-v002 | destroy shop-v002                                    | v003 1000 | v003x2
        peak 8; at most 13m30s; destroys shop-v000, shop-v001, shop-v002
        """  # noqa: E501 - as it is printed
    )


def test_all_of_several_enabled_groups_are_drained_and_destroyed() -> None:
    assert planned(
        worlds.deploy(StrategyName.HIGHLANDER, ready_deadline=TEN_MINUTES), worlds.shared_out()
    ) == text(
        """
        deploy shop 3 by highlander
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
        destroy-shop-v001 | destroy shop-v001                                    | v003 1000          | v003x4
        peak 11; at most 12m20s; destroys shop-v002, shop-v001
        """  # noqa: E501 - as it is printed
    )


def test_a_highlander_never_scales_down_what_it_destroys() -> None:
    assert planned(
        worlds.deploy(
            StrategyName.HIGHLANDER,
            ready_deadline=TEN_MINUTES,
            keep=5,
            scale_down_after=timedelta(hours=1),
        ),
        worlds.shared_out(),
    ) == text(
        """
        deploy shop 3 by highlander
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
        destroy-shop-v001 | destroy shop-v001                                    | v003 1000          | v003x4
        peak 11; at most 12m20s; destroys shop-v002, shop-v001
        """  # noqa: E501 - as it is printed
    )
