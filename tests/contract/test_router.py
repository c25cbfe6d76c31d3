"""What every `Router` keeps."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.contract.routers import other_port, port, router
from turnout.model.errors import Conflict, NotFound, Permanent
from turnout.model.traffic import Endpoint, EndpointState, Listener, Sticky, TrafficSplit
from turnout.ports import SWITCH_BACK, WAY_BACK, Router

__all__ = ["other_port", "port", "router"]

OLD, NEW = "shop-v001", "shop-v002"


def endpoints(*groups: str) -> dict[str, tuple[Endpoint, ...]]:
    return {
        group: (
            Endpoint(
                instance=f"{group}-i",
                host="127.0.0.1",
                port=9000 + number,
                state=EndpointState.HEALTHY,
            ),
        )
        for number, group in enumerate(groups)
    }


async def prepare(router: Router, port: int, *groups: str) -> None:
    await router.apply_listener("shop", Listener(cluster="shop", port=port))
    await router.apply_endpoints("shop", endpoints(*groups))


async def split_of(router: Router) -> TrafficSplit:
    state = await router.observe_listener("shop")
    assert state is not None
    return state.split


async def test_unknown_cluster_has_no_listener_and_no_figures(router: Router) -> None:
    assert await router.observe_listener("shop") is None
    assert await router.observe_traffic("shop") == {}


async def test_listener_can_be_read_back_and_begins_with_an_empty_split(
    router: Router, port: int
) -> None:
    listener = Listener(
        cluster="shop",
        port=port,
        sticky=Sticky(by="cookie", name="side"),
        preview_header="x-preview",
    )
    await router.apply_listener("shop", listener)
    state = await router.observe_listener("shop")
    assert state is not None
    assert (state.listener, state.split, state.previous) == (listener, TrafficSplit(), ())


async def test_listener_can_be_applied_and_closed_twice(router: Router, port: int) -> None:
    listener = Listener(cluster="shop", port=port)
    await router.apply_listener("shop", listener)
    await router.apply_listener("shop", listener)
    await router.apply_listener("shop", None)
    await router.apply_listener("shop", None)
    assert await router.observe_listener("shop") is None


async def test_changed_listener_keeps_its_split(router: Router, port: int, other_port: int) -> None:
    await prepare(router, port, OLD)
    split = await router.apply_split("shop", {OLD: 1000}, 0, "d:1")
    moved = Listener(cluster="shop", port=other_port, preview_header="x-preview")
    await router.apply_listener("shop", moved)
    state = await router.observe_listener("shop")
    assert state is not None
    assert (state.listener, state.split) == (moved, split)


async def test_port_of_another_cluster_is_refused_and_nothing_changes(
    router: Router, port: int
) -> None:
    await prepare(router, port, OLD)
    with pytest.raises(Permanent, match=rf"port {port} is taken"):
        await router.apply_listener("web", Listener(cluster="web", port=port))
    assert await router.observe_listener("web") is None
    assert await router.observe_listener("shop") is not None


async def test_port_is_free_for_another_cluster_once_it_is_closed(
    router: Router, port: int
) -> None:
    await router.apply_listener("shop", Listener(cluster="shop", port=port))
    await router.apply_listener("shop", None)
    await router.apply_listener("web", Listener(cluster="web", port=port))
    assert await router.observe_listener("web") is not None


async def test_split_needs_a_listener(router: Router) -> None:
    await router.apply_endpoints("shop", endpoints(OLD))
    with pytest.raises(NotFound):
        await router.apply_split("shop", {OLD: 1000}, 0, "d:1")


async def test_accepted_split_can_be_read_back_and_confirmed(router: Router, port: int) -> None:
    await prepare(router, port, OLD, NEW)
    split = await router.apply_split("shop", {OLD: 900, NEW: 100}, 0, "d:1")
    assert split == TrafficSplit(shares={OLD: 900, NEW: 100}, generation=1, changed_by="d:1")
    assert await split_of(router) == split
    confirmation = await router.confirm_split("shop", 1)
    assert confirmation.generation == 1
    assert confirmation.requested_at.utcoffset() == timedelta(0)
    assert confirmation.requested_at <= confirmation.confirmed_at


async def test_confirming_twice_gives_the_same_answer(router: Router, port: int) -> None:
    await prepare(router, port, OLD)
    await router.apply_split("shop", {OLD: 1000}, 0, "d:1")
    assert await router.confirm_split("shop", 1) == await router.confirm_split("shop", 1)


async def test_split_may_become_empty(router: Router, port: int) -> None:
    await prepare(router, port, OLD)
    await router.apply_split("shop", {OLD: 1000}, 0, "d:1")
    split = await router.apply_split("shop", {OLD: 0}, 1, "d:2")
    assert (split.shares, split.generation) == ({}, 2)
    await router.confirm_split("shop", 2)


async def test_stale_generation_is_refused_and_nothing_changes(router: Router, port: int) -> None:
    await prepare(router, port, OLD, NEW)
    split = await router.apply_split("shop", {OLD: 1000}, 0, "d:1")
    for stale in (0, 2):
        with pytest.raises(Conflict):
            await router.apply_split("shop", {NEW: 1000}, stale, "d:2")
    assert await split_of(router) == split


async def test_change_without_generation_replaces_any_split(router: Router, port: int) -> None:
    await prepare(router, port, OLD, NEW)
    await router.apply_split("shop", {OLD: 1000}, 0, "d:1")
    split = await router.apply_split("shop", {NEW: 1000}, None, "d:2")
    assert split.generation == 2


async def test_repeated_change_returns_the_split_that_it_made(router: Router, port: int) -> None:
    await prepare(router, port, OLD, NEW)
    split = await router.apply_split("shop", {OLD: 1000}, 0, "d:1")
    assert await router.apply_split("shop", {OLD: 1000}, 0, "d:1") == split
    assert await router.apply_split("shop", {OLD: 1000}, None, "d:1") == split
    assert (await split_of(router)).generation == 1


async def test_of_two_changes_at_once_one_wins(router: Router, port: int) -> None:
    await prepare(router, port, OLD, NEW)
    answers = await asyncio.gather(
        *(
            router.apply_split("shop", {group: 1000}, 0, f"d:{number}")
            for number, group in enumerate((OLD, NEW, OLD, NEW))
        ),
        return_exceptions=True,
    )
    made = [answer for answer in answers if isinstance(answer, TrafficSplit)]
    assert len(made) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 3
    assert await split_of(router) == made[0]


async def test_unknown_group_gets_no_share_and_nothing_changes(router: Router, port: int) -> None:
    await prepare(router, port, OLD)
    with pytest.raises(Permanent, match=NEW):
        await router.apply_split("shop", {OLD: 900, NEW: 100}, 0, "d:1")
    assert await split_of(router) == TrafficSplit()


async def test_shares_that_do_not_add_up_are_refused(router: Router, port: int) -> None:
    await prepare(router, port, OLD, NEW)
    with pytest.raises(ValueError, match="900"):
        await router.apply_split("shop", {OLD: 800, NEW: 100}, 0, "d:1")
    assert await split_of(router) == TrafficSplit()


async def test_only_the_last_generation_can_be_confirmed(router: Router, port: int) -> None:
    await prepare(router, port, OLD, NEW)
    await router.apply_split("shop", {OLD: 1000}, 0, "d:1")
    await router.apply_split("shop", {NEW: 1000}, 1, "d:2")
    for generation in (1, 3):
        with pytest.raises(Conflict):
            await router.confirm_split("shop", generation)


async def test_groups_that_had_traffic_are_remembered_most_recent_first(
    router: Router, port: int
) -> None:
    await prepare(router, port, "shop-v001", "shop-v002", "shop-v003")
    for generation, group in enumerate(("shop-v001", "shop-v002", "shop-v003")):
        await router.apply_split("shop", {group: 1000}, generation, f"d:{group}")
    state = await router.observe_listener("shop")
    assert state is not None
    assert state.previous == ("shop-v002", "shop-v001")


async def test_what_was_taken_back_is_nothing_to_go_back_to(router: Router, port: int) -> None:
    await prepare(router, port, OLD, NEW)
    await router.apply_split("shop", {OLD: 1000}, 0, "d-1:shift")
    await router.apply_split("shop", {NEW: 1000}, 1, "d-2:shift")
    await router.apply_split("shop", {OLD: 1000}, None, f"d-2:{WAY_BACK}")
    state = await router.observe_listener("shop")
    assert state is not None
    assert NEW not in state.previous


async def test_what_a_rollback_leaves_is_nothing_to_go_back_to(router: Router, port: int) -> None:
    await prepare(router, port, OLD, NEW)
    await router.apply_split("shop", {OLD: 1000}, 0, "d-1:shift")
    await router.apply_split("shop", {NEW: 1000}, 1, "d-2:shift")
    await router.apply_split("shop", {OLD: 1000}, 2, f"d-3:{SWITCH_BACK}")
    state = await router.observe_listener("shop")
    assert state is not None
    assert NEW not in state.previous


async def test_a_rollback_that_is_taken_back_can_be_tried_again(router: Router, port: int) -> None:
    await prepare(router, port, OLD, NEW)
    await router.apply_split("shop", {OLD: 1000}, 0, "d-1:shift")
    await router.apply_split("shop", {NEW: 1000}, 1, "d-2:shift")
    await router.apply_split("shop", {OLD: 1000}, 2, f"d-3:{SWITCH_BACK}")
    await router.apply_split("shop", {NEW: 1000}, None, f"d-3:{WAY_BACK}")
    state = await router.observe_listener("shop")
    assert state is not None
    assert state.previous == (OLD,)


async def test_clusters_do_not_touch_each_other(router: Router, port: int, other_port: int) -> None:
    await prepare(router, port, OLD)
    await router.apply_split("shop", {OLD: 1000}, 0, "d:1")
    await router.apply_listener("web", Listener(cluster="web", port=other_port))
    await router.apply_endpoints("web", endpoints("web-v001"))
    await router.apply_split("web", {"web-v001": 1000}, 0, "d:1")
    await router.apply_listener("web", None)
    assert (await split_of(router)).generation == 1
    await router.confirm_split("shop", 1)


async def test_groups_without_requests_have_no_figures(router: Router, port: int) -> None:
    await prepare(router, port, OLD, NEW)
    traffic = await router.observe_traffic("shop")
    assert not any(counted.requests or counted.active for counted in traffic.values())


async def test_endpoints_may_come_before_the_listener(router: Router, port: int) -> None:
    await router.apply_endpoints("shop", endpoints(OLD))
    await router.apply_listener("shop", Listener(cluster="shop", port=port))
    split = await router.apply_split("shop", {OLD: 1000}, 0, "d:1")
    assert (await router.confirm_split("shop", split.generation)).generation == 1
