"""Instances go: first out of the endpoints, then drained, then ended, and nothing is left."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.local.stage import Stage, fetch, group_of, is_state, wait_until
from turnout.model.errors import GuardRefused, NotFound, Temporary
from turnout.model.servers import InstanceState
from turnout.model.traffic import DrainReport


async def test_a_group_is_destroyed_without_a_trace(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider, "--child", instances=2)
        assert len(stage.services()) == 4, "each instance has a child in another session"
        await provider.apply_destroyed("shop-v000", stage.order())
        assert stage.running() == []
        groups = await provider.observe_groups("shop")
        assert (groups.groups, groups.newest) == ((), "shop-v000")
        assert await provider.observe_clusters() == ()
    assert not (stage.groups / "shop-v000").exists()


async def test_instances_leave_the_endpoints_and_drain_before_they_are_ended(stage: Stage) -> None:
    async with stage.provider() as provider:
        group = await stage.run(provider)
        before: list[object] = []

        def look() -> None:
            fact = (stage.groups / "shop-v000" / "i-0" / "slot.json").read_text()
            pid = group.instances[0].pid
            assert pid is not None
            os.kill(pid, 0)
            before.extend(["draining" in fact, "shop" in stage.changes])

        stage.drainer.on_call = look
        stage.changes.clear()
        await provider.apply_destroyed("shop-v000", stage.order())
        assert before == [True, True]
        (asked,) = stage.drainer.asked
        assert asked[:3] == ("shop", "shop-v000", ("i-0",))
        assert timedelta(seconds=29) < asked[3] <= timedelta(seconds=30)


async def test_a_draining_instance_serves_and_is_draining_until_it_is_done(stage: Stage) -> None:
    async with stage.provider() as provider:
        group = await stage.run(provider)
        stage.drainer.gate.clear()
        destroying = asyncio.create_task(provider.apply_destroyed("shop-v000", stage.order()))
        await wait_until(lambda: stage.drainer.asked, "draining has begun")
        _, _, pid = await fetch(group.instances[0])
        assert pid == group.instances[0].pid
        observed = await group_of(provider, "shop-v000")
        assert [i.state for i in observed.instances] == [InstanceState.DRAINING]
        assert not destroying.done()
        stage.drainer.gate.set()
        await destroying


async def test_growing_and_shrinking_are_recorded_at_once(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider, instances=1)
        await provider.apply_size("shop-v000", 3, stage.order())
        await stage.until_healthy(provider, "shop-v000", 3)
        stage.drainer.gate.clear()
        await provider.apply_size("shop-v000", 1, stage.order())
        await provider.apply_size("shop-v000", 2, stage.order())
        await wait_until(lambda: stage.drainer.asked, "draining has begun")
        stage.drainer.gate.set()
        group = await stage.until_healthy(provider, "shop-v000", 2)
        assert group.desired == 2
        assert len({i.port for i in group.instances}) == 2


async def test_the_unhealthy_and_then_the_newest_go_first(stage: Stage) -> None:
    async with stage.provider() as provider:
        group = await stage.run(provider, instances=3)
        first = group.instances[0]
        assert first.pid is not None
        os.kill(first.pid, 19)  # SIGSTOP: it answers no more
        # The answer that does not come takes the probe's whole time-out, three times.
        await stage.until(
            provider, "shop-v000", lambda g: g.instances[0].state is InstanceState.UNHEALTHY
        )
        await provider.apply_size("shop-v000", 1, stage.order())
        group = await stage.until_healthy(provider, "shop-v000", 1)
        assert [i.id for i in group.instances] == ["i-1"]


async def test_the_number_of_an_instance_is_not_given_again(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider, instances=2)
        await provider.apply_size("shop-v000", 0, stage.order())
        await stage.until(provider, "shop-v000", lambda g: not g.instances)
    async with stage.provider() as provider:
        await provider.apply_size("shop-v000", 1, stage.order())
        group = await stage.until_healthy(provider, "shop-v000", 1)
        assert [i.id for i in group.instances] == ["i-2"]


async def test_an_instance_that_ignores_the_signal_is_killed(stage: Stage) -> None:
    async with stage.provider() as provider:
        wish = stage.wish("shop-v000", stage.settings("--deaf", stop_timeout=0.2))
        await provider.apply_group(wish, stage.order())
        await stage.until_healthy(provider, "shop-v000", 1)
        await provider.apply_destroyed("shop-v000", stage.order())
        assert stage.running() == []


async def test_a_router_that_is_away_delays_an_end_by_the_drain_time_out(stage: Stage) -> None:
    stage.drainer.fails = Temporary("the router is away")
    async with stage.provider() as provider:
        wish = stage.wish("shop-v000", stage.settings(drain_timeout=0.3))
        await provider.apply_group(wish, stage.order())
        await stage.until_healthy(provider, "shop-v000", 1)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await provider.apply_destroyed("shop-v000", stage.order())
        assert loop.time() - began >= 0.3
        assert len(stage.drainer.asked) >= 2, "it was asked again"
        assert stage.running() == []


async def test_what_did_not_drain_in_time_is_told(stage: Stage) -> None:
    stage.drainer.report = DrainReport(requests_left=2, connections_closed=1)
    async with stage.provider() as provider:
        await stage.run(provider)
        await provider.apply_destroyed("shop-v000", stage.order())
    (event,) = [e for e in stage.events if e.kind == "instance.drained"]
    assert event.sentence == (
        "i-0 of shop-v000 did not drain within 30 s: "
        "2 requests were left, 1 long-lived connections closed"
    )
    assert event.data == {"group": "shop-v000", "requests_left": 2, "connections_closed": 1}


async def test_an_instance_that_is_on_its_way_out_is_not_started_again(stage: Stage) -> None:
    async with stage.provider() as provider:
        group = await stage.run(provider)
        stage.drainer.gate.clear()
        destroying = asyncio.create_task(provider.apply_destroyed("shop-v000", stage.order()))
        await wait_until(lambda: stage.drainer.asked, "draining has begun")
        stage.events.clear()
        assert group.instances[0].pid is not None
        os.kill(group.instances[0].pid, 9)
        stage.drainer.gate.set()
        await destroying
        assert stage.events == []
        assert stage.running() == []


async def test_a_hopeless_group_is_destroyed_without_draining(stage: Stage) -> None:
    async with stage.provider() as provider:
        wish = stage.wish("shop-v000", stage.settings("--exit=1", restart_budget=0))
        await provider.apply_group(wish, stage.order())
        await stage.until(provider, "shop-v000", is_state(InstanceState.GONE))
        await provider.apply_destroyed("shop-v000", stage.order())
        assert stage.drainer.asked == []


async def test_an_interrupted_end_is_resumed_by_the_next_turnout(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider, instances=2)
        stage.drainer.gate.clear()
        destroying = asyncio.create_task(provider.apply_destroyed("shop-v000", stage.order()))
        await wait_until(lambda: stage.drainer.asked, "draining has begun")
    with pytest.raises(Temporary, match="is not destroyed yet"):
        await destroying
    assert len(stage.services()) == 2
    stage.drainer.asked.clear()
    async with stage.provider() as provider:
        group = await group_of(provider, "shop-v000")
        assert [i.state for i in group.instances] == [InstanceState.DRAINING] * 2
        with pytest.raises(NotFound):
            await provider.apply_size("shop-v000", 5, stage.order())
        await wait_until(lambda: stage.drainer.asked, "draining has begun again")
        stage.drainer.gate.set()
        while (await provider.observe_groups("shop")).groups:
            await asyncio.sleep(0.01)
        assert not (stage.groups / "shop-v000").exists()
        assert stage.running() == []


async def test_an_interrupted_shrinking_is_resumed_by_the_next_turnout(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider, instances=2)
        stage.drainer.gate.clear()
        await provider.apply_size("shop-v000", 1, stage.order())
        await wait_until(lambda: stage.drainer.asked, "draining has begun")
    async with stage.provider() as provider:
        stage.drainer.gate.set()
        group = await stage.until_healthy(provider, "shop-v000", 1)
        assert [i.id for i in group.instances] == ["i-0"]
        assert len(stage.services()) == 1


async def test_a_waiter_that_gives_up_does_not_stop_the_end(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider)
        stage.drainer.gate.clear()
        order = stage.order()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(provider.apply_destroyed("shop-v000", order), 0.2)
        stage.drainer.gate.set()
        await provider.apply_destroyed("shop-v000", order)
        assert stage.running() == []


async def test_a_destroyed_group_leaves_no_task_and_no_descriptor(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider, name="shop-v000")
        await provider.apply_destroyed("shop-v000", stage.order())
        tasks, descriptors = len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))
        await stage.run(provider, instances=2, name="shop-v001")
        await provider.apply_destroyed("shop-v001", stage.order())
        await wait_until(lambda: len(asyncio.all_tasks()) <= tasks, "all tasks have ended")
        await wait_until(
            lambda: len(list(Path("/proc/self/fd").iterdir())) <= descriptors,
            "all descriptors are closed",
        )


async def test_an_end_that_the_disk_refused_can_be_asked_for_again(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider)
        (stage.groups / "clusters" / "shop.json.new").symlink_to("/dev/full")
        order = stage.order()
        with pytest.raises(Temporary, match="No space left on device"):
            await provider.apply_destroyed("shop-v000", order)
        await provider.apply_destroyed("shop-v000", order)
        assert (await provider.observe_groups("shop")).groups == ()


async def test_a_resumed_end_that_the_disk_refuses_is_tried_again(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider)
        stage.drainer.gate.clear()
        destroying = asyncio.create_task(provider.apply_destroyed("shop-v000", stage.order()))
        await wait_until(lambda: stage.drainer.asked, "draining has begun")
    with pytest.raises(Temporary):
        await destroying
    (stage.groups / "clusters" / "shop.json.new").symlink_to("/dev/full")
    stage.drainer.gate.set()
    async with stage.provider():
        await wait_until(lambda: not (stage.groups / "shop-v000").exists(), "it is gone")


async def test_a_pin_keeps_a_group_from_shrinking_below_it(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider, instances=2)
        await provider.apply_pin("shop-v000", 2, stage.order())
    async with stage.provider() as provider:
        with pytest.raises(GuardRefused, match="pinned to at least 2") as refused:
            await provider.apply_size("shop-v000", 1, stage.order())
        assert refused.value.rule == "pinned"
        await provider.apply_pin("shop-v000", 0, stage.order())
        await provider.apply_size("shop-v000", 1, stage.order())
        await stage.until_healthy(provider, "shop-v000", 1)


async def test_the_folder_of_an_instance_is_private(stage: Stage, tmp_path: Path) -> None:
    async with stage.provider() as provider:
        await stage.run(provider)
        loose = [
            (path, oct(path.stat().st_mode))
            for path in stage.groups.rglob("*")
            if path.is_dir() and path.stat().st_mode & 0o077
        ]
        assert loose == []
        assert stage.groups.stat().st_mode & 0o077 == 0
