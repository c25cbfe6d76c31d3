"""Server groups: created once, sized, pinned, guarded, destroyed only without traffic."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.properties import worlds
from tests.unit.operations.house import House
from turnout.engine.operations import endpoints_of
from turnout.model.deployment import Status, StrategyName
from turnout.model.journal import DeploymentRecord
from turnout.model.plan import (
    CreateGroup,
    Delay,
    DestroyGroup,
    GuardHealthy,
    PinGroup,
    ResizeGroup,
    ScheduleCold,
    SetHold,
)
from turnout.model.servers import Instance, InstanceState
from turnout.model.traffic import EndpointState

NEW = CreateGroup(group="shop-v003", settings=worlds.settings("3"), instances=2)


async def test_a_new_group_exists_and_the_router_knows_it() -> None:
    house = House(worlds.running())
    answer = await house.perform(NEW)
    assert (answer.ok, answer.sentence) == (True, "shop-v003 is created with 2")
    made = house.world.groups["shop-v003"]
    assert (made.desired, made.deployment, made.created_at) == (2, "d-1", house.world.now)
    assert len(house.world.endpoints["shop"]["shop-v003"]) == 2


async def test_creating_it_again_makes_no_second_one() -> None:
    house = House(worlds.running())
    await house.perform(NEW)
    await house.perform(ResizeGroup(group="shop-v003", instances=1), number=2)
    assert (await house.perform(NEW, number=3)).ok
    assert house.world.groups["shop-v003"].desired == 1


async def test_a_group_of_another_deployment_is_not_taken_over() -> None:
    answer = await House(worlds.running()).perform(NEW.model_copy(update={"group": "shop-v002"}))
    assert not answer.ok
    assert answer.sentence == "shop-v002 exists: deployment made-shop-v002 made it"


async def test_before_there_is_a_listener_the_router_is_told_nothing() -> None:
    house = House(worlds.empty())
    assert (await house.perform(NEW)).ok
    assert "shop" not in house.world.endpoints


async def test_a_group_is_resized() -> None:
    house = House(worlds.running())
    answer = await house.perform(ResizeGroup(group="shop-v001", instances=5))
    assert (answer.ok, answer.sentence) == (True, "shop-v001 is resized to 5")
    assert house.world.groups["shop-v001"].desired == 5


async def test_nobody_takes_a_group_below_its_pin() -> None:
    house = House(worlds.running())
    pinned = await house.perform(PinGroup(group="shop-v002", minimum=2))
    assert pinned.sentence == "shop-v002 is pinned to 2"
    answer = await house.perform(ResizeGroup(group="shop-v002", instances=1), number=2)
    assert (answer.ok, answer.refused) == (False, "pinned")
    assert "at least 2" in answer.sentence
    released = await house.perform(PinGroup(group="shop-v002", minimum=0), number=3)
    assert released.sentence == "shop-v002 is released"
    assert (await house.perform(ResizeGroup(group="shop-v002", instances=1), number=4)).ok


async def test_a_command_that_comes_late_is_not_obeyed() -> None:
    house = House(worlds.running())
    await house.perform(ResizeGroup(group="shop-v001", instances=5), number=4)
    await house.perform(ResizeGroup(group="shop-v001", instances=9), number=3)
    assert house.world.groups["shop-v001"].desired == 5


async def test_a_group_that_is_gone_needs_no_release() -> None:
    house = House(worlds.running())
    assert (await house.perform(PinGroup(group="shop-v009", minimum=0))).ok
    answer = await house.perform(PinGroup(group="shop-v009", minimum=1))
    assert (answer.ok, answer.sentence) == (False, "there is no server group shop-v009")


async def test_when_a_group_goes_cold_is_noted_with_it() -> None:
    house = House(worlds.running())
    cold = ScheduleCold(group="shop-v001", after=timedelta(hours=1))
    answer = await house.perform(cold)
    assert answer.sentence == "shop-v001 goes cold at 2026-01-01 01:00:00 UTC"
    assert house.world.groups["shop-v001"].cold_at == house.world.now + timedelta(hours=1)
    warm = await house.perform(ScheduleCold(group="shop-v001", after=None), number=2)
    assert warm.sentence == "shop-v001 stays warm"
    assert house.world.groups["shop-v001"].cold_at is None


async def test_a_group_without_traffic_is_destroyed_and_the_router_forgets_it() -> None:
    house = House(worlds.running())
    answer = await house.perform(DestroyGroup(group="shop-v000"))
    assert (answer.ok, answer.sentence) == (True, "shop-v000 is destroyed")
    assert "shop-v000" not in house.world.groups
    assert house.world.endpoints["shop"].keys() == {"shop-v001", "shop-v002"}
    assert (await house.perform(DestroyGroup(group="shop-v000"))).ok


async def test_a_group_with_traffic_is_not_destroyed() -> None:
    house = House(worlds.running())
    answer = await house.perform(DestroyGroup(group="shop-v002"))
    assert (answer.ok, answer.refused) == (False, "has_traffic")
    assert answer.sentence == "shop-v002 has traffic and is not destroyed"
    assert "shop-v002" in house.world.groups


def guard(group: str, remaining: int, floor: int = 0) -> GuardHealthy:
    return GuardHealthy(group=group, remaining=remaining, floor=floor)


@pytest.mark.parametrize(
    ("asked", "left", "floor"),
    [
        (guard("shop-v001", 0), 3, 1),
        (guard("shop-v002", 1), 5, 1),
        (guard("shop-v001", 0, floor=400), 3, 3),
        (guard("shop-v001", 0, floor=500), 3, 4),
        (guard("shop-v001", 3, floor=1000), 6, 7),
    ],
)
async def test_the_guard_counts_what_stays_healthy(
    asked: GuardHealthy, left: int, floor: int
) -> None:
    """Four and three instances serve; the floor is a share of these seven, rounded up."""
    answer = await House(worlds.shared_out()).perform(asked)
    assert answer.ok == (left >= floor)
    if answer.ok:
        assert answer.sentence == f"{left} healthy enabled instances stay"
    else:
        assert answer.refused == "last_healthy"
        assert answer.sentence == (
            f"shop would be left with {left} healthy enabled instances, "
            f"at least {floor} must stay (--force overrides)"
        )


async def test_the_last_healthy_instance_is_guarded_without_any_floor() -> None:
    house = House(worlds.shared_out())
    house.world.kill("shop-v002", comes_back=False)
    answer = await house.perform(guard("shop-v001", 0))
    assert (answer.ok, answer.refused) == (False, "last_healthy")


async def test_disabled_groups_do_not_count_however_healthy() -> None:
    answer = await House(worlds.running()).perform(guard("shop-v002", 0))
    assert (answer.ok, answer.refused) == (False, "last_healthy")


async def test_a_hold_is_set_and_released() -> None:
    house = House(worlds.running())
    assert (await house.perform(SetHold(reason="anna looks"))).sentence == "anna looks"
    assert (await house.operations.observe("shop")).held == "anna looks"
    assert (await house.perform(SetHold(reason=""))).sentence == "released"
    assert (await house.operations.observe("shop")).held == ""


async def test_a_delay_is_waited_by_whoever_runs_the_deployment() -> None:
    with pytest.raises(TypeError, match="the caller's to wait"):
        await House(worlds.running()).perform(
            Delay(duration=timedelta(seconds=1), reason="before the switch")
        )


async def test_a_cluster_is_observed_as_it_is() -> None:
    house = House(worlds.running())
    state = await house.operations.observe("shop")
    assert [g.name for g in state.groups] == ["shop-v000", "shop-v001", "shop-v002"]
    assert (state.newest, state.split.generation) == ("shop-v002", 7)
    assert state.previous == ("shop-v001", "shop-v000")
    assert (state.listener, state.frozen) == (worlds.listener(), "")
    assert (await house.operations.observe("cart")).frozen == "cart rests"
    nothing = await house.operations.observe("never")
    assert (nothing.groups, nothing.listener, nothing.split.shares) == ((), None, {})


async def test_a_plan_knows_the_options_that_the_service_was_deployed_with() -> None:
    house = House(worlds.running())
    assert (await house.operations.observe_to_plan("shop")).options is None
    made = worlds.deploy(StrategyName.BLUE_GREEN, min_healthy_share=500)
    deployed = made.model_copy(update={"id": "made-shop-v002"})
    await house.journal.record_deployment(
        DeploymentRecord(request=deployed, status=Status.SUCCEEDED, sentence="done")
    )
    options = (await house.operations.observe_to_plan("shop")).options
    assert options is not None
    assert options.min_healthy_share == 500
    assert (await house.operations.observe_to_plan("never")).options is None


def test_the_router_hears_of_every_instance_that_has_a_port_and_is_not_gone() -> None:
    states = list(InstanceState)
    instances = (
        *(Instance(id=f"i-{n}", state=s, port=20000 + n) for n, s in enumerate(states)),
        Instance(id="i-9", state=InstanceState.STARTING),
    )
    group = worlds.group("shop-v001", "1", 0, 1).model_copy(update={"instances": instances})
    (endpoints,) = endpoints_of([group]).values()
    assert {e.instance: e.state for e in endpoints} == {
        "i-0": EndpointState.UNHEALTHY,
        "i-1": EndpointState.HEALTHY,
        "i-2": EndpointState.UNHEALTHY,
        "i-3": EndpointState.DRAINING,
    }
