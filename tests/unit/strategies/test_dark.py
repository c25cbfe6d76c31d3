from __future__ import annotations

from datetime import timedelta

from tests.properties import worlds
from tests.unit.strategies.rendering import planned, text
from turnout.model.deployment import StrategyName

TEN_MINUTES = timedelta(minutes=10)


def test_a_dark_group_is_ready_and_checked_and_gets_no_traffic() -> None:
    assert planned(
        worlds.deploy(
            StrategyName.DARK, before_traffic=(worlds.CHECK,), ready_deadline=TEN_MINUTES
        ),
        worlds.running(),
    ) == text(
        """
        deploy shop 3 by dark
        note: shop-v003 gets no traffic; give it some with: turnout enable shop-v003 --share 10%
        pin-shop-v002     | pin shop-v002 to at least 2 instances                | v002 1000 | v000x2, v001x2, v002x2
        create            | create shop-v003 with 2 instances of version 3       | v002 1000 | v000x2, v001x2, v002x2, v003x2
        ready             | wait until 2 of 2 instances of shop-v003 are healthy | v002 1000 | v000x2, v001x2, v002x2, v003x2
        checks            | check shop-v003 before it gets traffic               | v002 1000 | v000x2, v001x2, v002x2, v003x2
        -- from here on nothing is taken back --
        release-shop-v002 | release shop-v002                                    | v002 1000 | v000x2, v001x2, v002x2, v003x2
        peak 8; at most 11m; destroys nothing
        """  # noqa: E501 - as it is printed
    )


def test_a_first_dark_deployment_leaves_nothing_served() -> None:
    assert planned(
        worlds.deploy(StrategyName.DARK, ready_deadline=TEN_MINUTES), worlds.empty()
    ) == text(
        """
        deploy shop 3 by dark
        note: shop-v000 gets no traffic; give it some with: turnout enable shop-v000
        listen | listen on 127.0.0.1:8080                             | nothing | nothing
        create | create shop-v000 with 2 instances of version 3       | nothing | v000x2
        ready  | wait until 2 of 2 instances of shop-v000 are healthy | nothing | v000x2
        peak 2; at most 10m; destroys nothing
        """
    )
