"""Waiting for instances: the sentences that a person reads meanwhile, and when it is given up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.properties import worlds
from tests.unit.operations.house import House, with_states
from turnout.engine.operations.servers import describe_readiness
from turnout.model.plan import AwaitReady
from turnout.model.servers import InstanceState, ServerGroup
from turnout.testing import World

HEALTHY, STARTING = InstanceState.HEALTHY, InstanceState.STARTING
UNHEALTHY, DRAINING = InstanceState.UNHEALTHY, InstanceState.DRAINING
TEN_MINUTES = timedelta(minutes=10)


def group(*states: InstanceState, said: str = "") -> ServerGroup:
    """`shop-v003` with instances in these states; those that are not well said something."""
    made = with_states(worlds.group("shop-v003", "3", len(states), 0), *states)
    instances = tuple(
        i if i.state is HEALTHY else i.model_copy(update={"probe_said": said})
        for i in made.instances
    )
    return made.model_copy(update={"instances": instances})


def world(*states: InstanceState, said: str = "") -> World:
    made = worlds.running()
    made.groups["shop-v003"] = group(*states, said=said)
    made.broken = frozenset({"shop-v003"})
    return made


def wait(ready: int = 3, deadline: timedelta = TEN_MINUTES, unless_dead: str = "") -> AwaitReady:
    return AwaitReady(group="shop-v003", ready=ready, deadline=deadline, unless_dead=unless_dead)


WARMING_UP = 'GET /healthz on 127.0.0.1:40113: 503 "warming up"'


def test_it_says_how_many_are_healthy_and_what_the_others_answered() -> None:
    waiting = group(HEALTHY, HEALTHY, UNHEALTHY, said=WARMING_UP)
    assert describe_readiness(waiting, timedelta(seconds=12.345)) == (
        '2 of 3 healthy; i-2 GET /healthz on 127.0.0.1:40113: 503 "warming up" (12s)'
    )


def test_an_instance_that_was_never_asked_is_told_by_its_state() -> None:
    waited = timedelta(milliseconds=250)
    assert describe_readiness(group(STARTING), waited) == "0 of 1 healthy; i-0 starting (250ms)"


def test_no_more_than_three_instances_are_told() -> None:
    waiting = group(*[STARTING] * 5, said="refused")
    assert describe_readiness(waiting, timedelta(0)) == (
        "0 of 5 healthy; i-0 refused; i-1 refused; i-2 refused; and 2 more (0s)"
    )


def test_instances_on_their_way_out_are_not_waited_for() -> None:
    shrunk = group(HEALTHY, DRAINING).model_copy(update={"desired": 1})
    assert describe_readiness(shrunk, timedelta(minutes=1, seconds=5)) == "1 of 1 healthy (1m5s)"


def test_instances_that_do_not_exist_yet_are_missed_in_numbers() -> None:
    unborn = group().model_copy(update={"desired": 2})
    assert describe_readiness(unborn, timedelta(seconds=3)) == "0 of 2 healthy (3s)"


async def test_enough_healthy_instances_end_the_wait() -> None:
    house = House(world(HEALTHY, HEALTHY, UNHEALTHY))
    answer = await house.perform(wait(ready=2))
    assert (answer.ok, answer.sentence) == (True, "2 of 3 healthy after 0s")
    assert house.said == []


async def test_while_it_waits_it_says_why() -> None:
    made = world(STARTING, STARTING)
    made.broken = frozenset()
    house = House(made)
    answer = await house.perform(wait(ready=2))
    assert answer.sentence == "2 of 2 healthy after 100ms"
    assert house.said == ["0 of 2 healthy; i-0 starting; i-1 starting (0s)"]


async def test_at_the_deadline_it_says_what_was_missing_and_what_to_do() -> None:
    house = House(world(HEALTHY, HEALTHY, UNHEALTHY, said=WARMING_UP))
    answer = await house.perform(wait())
    assert not answer.ok
    assert answer.sentence == (
        f"shop-v003 is not ready after 10m: 2 of 3 healthy; i-2 {WARMING_UP}. "
        "Raise ready_deadline or see its log"
    )
    assert house.world.elapsed == TEN_MINUTES


async def test_a_group_that_cannot_get_ready_any_more_is_given_up_at_once() -> None:
    made = worlds.running()
    made.groups["shop-v003"] = group(STARTING, STARTING)
    made.hopeless = frozenset({"shop-v003"})
    house = House(made)
    answer = await house.perform(wait(ready=2))
    assert not answer.ok
    assert answer.sentence == (
        "shop-v003 does not get ready: 0 of 2 healthy; "
        "i-0 exited with code 3 after 0.2 s, 4 times; "
        "i-1 exited with code 3 after 0.2 s, 4 times (100ms)"
    )
    assert house.world.elapsed < timedelta(seconds=1)


async def test_one_lost_instance_is_no_reason_to_give_up_when_enough_are_left() -> None:
    made = world(STARTING, STARTING, STARTING)
    lost, *rest = made.groups["shop-v003"].instances
    hopeless = lost.model_copy(update={"state": InstanceState.GONE, "hopeless": "exited"})
    made.groups["shop-v003"] = made.groups["shop-v003"].model_copy(
        update={"instances": (hopeless, *rest)}
    )
    made.broken = frozenset()
    answer = await House(made).perform(wait(ready=2))
    assert answer.ok


@pytest.mark.parametrize("gone", [False, True])
async def test_it_does_not_wait_once_what_serves_is_dead(gone: bool) -> None:
    made = world(STARTING)
    made.kill("shop-v002", comes_back=False)
    if gone:
        del made.groups["shop-v002"]
    answer = await House(made).perform(wait(ready=1, unless_dead="shop-v002"))
    assert answer.ok
    assert answer.sentence == "not waited for: shop-v002 has no healthy instance"


async def test_it_waits_while_what_serves_is_alive() -> None:
    short = timedelta(seconds=5)
    waiting = wait(ready=1, deadline=short, unless_dead="shop-v002")
    answer = await House(world(STARTING)).perform(waiting)
    assert not answer.ok


async def test_a_group_that_is_gone_is_not_waited_for() -> None:
    answer = await House(worlds.running()).perform(wait())
    assert (answer.ok, answer.sentence) == (False, "shop-v003 does not exist any more")
