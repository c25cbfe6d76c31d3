"""Splits with proof, listeners, and the end of requests."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.properties import worlds
from tests.unit.operations.house import House, SlowDrainer
from turnout.model.errors import Temporary
from turnout.model.plan import CloseListener, DrainGroup, OpenListener, ReplaceSplit
from turnout.model.traffic import Confirmation, DrainReport, EndpointState, Listener
from turnout.testing import MemoryRouter

SECONDS = timedelta(seconds=1)


def switch(**changes: object) -> ReplaceSplit:
    """From version 2 to version 1, in the world as it is at first."""
    made = ReplaceSplit(shares={"shop-v001": 1000}, ready={"shop-v001": 2}, replaces=7)
    return made.model_copy(update=changes)


async def test_a_split_is_in_force_confirmed_and_written_down() -> None:
    house = House(worlds.running(), step="switch")
    answer = await house.perform(switch())
    assert answer.ok
    assert answer.sentence == "generation 8 confirmed in 0.0 ms"
    assert answer.figures == {"confirmed_ms": 0.0, "generation": 8}
    assert answer.split is not None
    assert answer.split.changed_by == "d-1:switch"
    assert answer.at == house.world.now
    assert house.shares == {"shop-v001": 1000}
    ((record,),) = (await house.journal.read_steps("d-1"))[1:2]
    assert (record.generation, record.shares) == (8, {"shop-v001": 1000})


async def test_the_router_knows_all_instances_before_it_sends_anybody_there() -> None:
    house = House(worlds.running())
    await house.perform(switch())
    endpoints = house.world.endpoints["shop"]
    assert [e.state for e in endpoints["shop-v001"]] == [EndpointState.HEALTHY] * 2
    assert endpoints.keys() == {"shop-v000", "shop-v001", "shop-v002"}


async def test_a_group_with_too_few_healthy_instances_gets_no_traffic() -> None:
    made = worlds.running()
    made.kill("shop-v001")
    house = House(made)
    answer = await house.perform(switch())
    assert not answer.ok
    assert answer.sentence == (
        "traffic was not shifted: shop-v001 has 0 healthy instances and needs 2"
    )
    assert house.shares == {"shop-v002": 1000}


async def test_a_group_that_does_not_exist_gets_no_traffic() -> None:
    answer = await House(worlds.running()).perform(
        switch(shares={"shop-v009": 1000}, ready={"shop-v009": 1})
    )
    assert not answer.ok
    assert "shop-v009 has 0 healthy instances and needs 1" in answer.sentence


async def test_a_dead_group_is_left_however_few_there_are() -> None:
    made = worlds.running()
    made.kill("shop-v001")
    made.kill("shop-v002", comes_back=False)
    house = House(made)
    assert (await house.perform(switch(unless_dead="shop-v002"))).ok
    assert house.shares == {"shop-v001": 1000}


async def test_a_living_group_is_not_left_for_too_few() -> None:
    made = worlds.running()
    made.kill("shop-v001")
    house = House(made)
    assert not (await house.perform(switch(unless_dead="shop-v002"))).ok
    assert house.shares == {"shop-v002": 1000}


async def test_a_stale_split_is_refused() -> None:
    house = House(worlds.running())
    answer = await house.perform(switch(replaces=6))
    assert not answer.ok
    assert answer.sentence == "the split of shop has generation 7, not 6"
    assert house.shares == {"shop-v002": 1000}


async def test_the_way_back_replaces_whatever_is_in_force() -> None:
    house = House(worlds.running())
    assert (await house.perform(switch(replaces=None))).ok


async def test_a_repeated_change_recognises_its_own_work_although_its_group_fares_badly() -> None:
    house = House(worlds.running(), step="switch")
    first = await house.perform(switch())
    house.world.kill("shop-v001", comes_back=False)
    again = await house.perform(switch())
    assert again.ok
    assert again.split == first.split


async def test_another_step_of_the_same_deployment_is_another_change() -> None:
    house = House(worlds.running())
    await house.perform(switch(), step="shift-500")
    answer = await house.perform(switch(), step="shift-1000")
    assert not answer.ok
    assert answer.sentence == "the split of shop has generation 8, not 7"


async def test_a_split_without_proof_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(worlds.running(), step="switch")
    honest = MemoryRouter.confirm_split

    async def silent(self: MemoryRouter, cluster: str, generation: int) -> Confirmation:
        raise Temporary("the router does not answer")

    monkeypatch.setattr(MemoryRouter, "confirm_split", silent)
    with pytest.raises(Temporary):
        await house.perform(switch())
    monkeypatch.setattr(MemoryRouter, "confirm_split", honest)
    answer = await house.perform(switch())
    assert answer.ok
    assert answer.figures["generation"] == 8


async def test_without_a_listener_nothing_served_is_as_wished() -> None:
    answer = await House(worlds.empty()).perform(ReplaceSplit(shares={}))
    assert (answer.ok, answer.sentence) == (
        True,
        "nothing is listened to, so nothing is served",
    )


async def test_without_a_listener_no_traffic_can_be_shifted() -> None:
    made = worlds.running()
    del made.listeners["shop"]
    answer = await House(made).perform(switch())
    assert (answer.ok, answer.sentence) == (False, "shop has no listener")


async def test_a_listener_opens_with_all_endpoints_and_the_split_that_it_has() -> None:
    house = House(worlds.running())
    moved = Listener(cluster="shop", port=8081)
    answer = await house.perform(OpenListener(listener=moved))
    assert (answer.ok, answer.sentence) == (True, "listening on 127.0.0.1:8081")
    assert house.world.listeners["shop"].listener == moved
    assert house.shares == {"shop-v002": 1000}
    assert "shop-v002" in house.world.endpoints["shop"]


async def test_a_port_that_is_taken_is_an_answer() -> None:
    house = House(worlds.running())
    answer = await house.perform(OpenListener(listener=Listener(cluster="shop", port=9090)))
    assert (answer.ok, answer.sentence) == (False, "port 9090 is taken by cart")


async def test_a_closed_listener_is_gone() -> None:
    house = House(worlds.running())
    assert (await house.perform(CloseListener())).ok
    assert "shop" not in house.world.listeners
    assert (await house.perform(CloseListener())).ok


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        (DrainReport(), "all requests are done"),
        (DrainReport(requests_left=1), "1 request still running"),
        (
            DrainReport(requests_left=4, connections_closed=2),
            "4 requests still running, 2 long-lived connections closed",
        ),
        (
            DrainReport(connections_closed=1),
            "all requests are done, 1 long-lived connection closed",
        ),
    ],
)
async def test_what_draining_left_is_told_with_its_figures(
    left: DrainReport, sentence: str
) -> None:
    drainer = SlowDrainer(left)
    house = House(worlds.running(), drainer=drainer)
    answer = await house.perform(DrainGroup(group="shop-v001", timeout=30 * SECONDS))
    assert (answer.ok, answer.sentence) == (True, sentence)
    assert answer.figures == left.model_dump()
    assert drainer.asked == [("shop", "shop-v001", 30 * SECONDS)]
    assert house.said == ["requests in flight on shop-v001"]


async def test_a_group_with_traffic_is_not_drained() -> None:
    drainer = SlowDrainer(DrainReport(requests_left=9))
    house = House(worlds.running(), drainer=drainer)
    answer = await house.perform(DrainGroup(group="shop-v002", timeout=SECONDS))
    assert (answer.ok, answer.sentence) == (True, "shop-v002 has traffic: nothing to drain")
    assert drainer.asked == []
