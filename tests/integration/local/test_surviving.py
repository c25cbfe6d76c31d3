"""Turnout goes and comes back; instances do not notice. Files break; the rest goes on."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.local.stage import Stage, group_of, is_state, kill, wait_until
from turnout.model.errors import Temporary
from turnout.model.servers import InstanceState
from turnout.providers.local import restarts

RUNNER = """
import asyncio, pathlib, sys
from tests.integration.local.stage import Stage

async def main():
    stage = Stage(pathlib.Path(sys.argv[1]))
    stage.token = sys.argv[2]
    async with stage.provider() as provider:
        for number in range(100):
            size = 1 + number % 3
            wish = stage.wish("shop-v000", stage.settings(), size)
            await provider.apply_group(wish, stage.order())
            await provider.apply_size("shop-v000", size, stage.order())
            print(number, flush=True)
            await asyncio.sleep(0.05)

asyncio.run(main())
"""


async def test_instances_are_adopted_as_they_were(stage: Stage) -> None:
    async with stage.provider() as provider:
        before = await stage.run(provider, instances=2)
    assert len(stage.services()) == 2
    stage.events.clear()
    stage.changes.clear()
    async with stage.provider() as provider:
        group = await group_of(provider, "shop-v000")
        assert [i.model_copy(update={"probe_said": ""}) for i in group.instances] == [
            i.model_copy(update={"probe_said": ""}) for i in before.instances
        ], "healthy from the first moment: no request is sent elsewhere"
        assert (group.settings, group.created_at) == (before.settings, before.created_at)
        await stage.until(provider, "shop-v000", lambda g: all(i.probe_said for i in g.instances))
    assert stage.events == []
    assert stage.changes == []


async def test_ports_of_adopted_instances_are_not_handed_out(stage: Stage) -> None:
    async with stage.provider() as provider:
        port = (await stage.run(provider)).instances[0].port
        kill((await group_of(provider, "shop-v000")).instances[0])
    async with stage.provider(ports=(port, port + 5)) as provider:
        group = await stage.run(provider, name="shop-v001", instances=2)
        assert port not in {i.port for i in group.instances}


async def test_an_instance_that_died_meanwhile_is_told_and_comes_back(stage: Stage) -> None:
    async with stage.provider() as provider:
        instance = (await stage.run(provider)).instances[0]
    kill(instance)
    await wait_until(lambda: not stage.running(), "it has ended")
    stage.events.clear()
    async with stage.provider() as provider:
        now = (await group_of(provider, "shop-v000")).instances[0]
        assert now.state is InstanceState.UNHEALTHY, "nobody may be sent there"
        group = await stage.until_healthy(provider, "shop-v000", 1)
        assert (group.instances[0].restarts, group.instances[0].exit_code) == (1, 137)
        assert stage.kinds() == ["instance.died", "instance.restarted", "instance.healthy"]
        assert "exited with code 137 (SIGKILL) while Turnout was away" in stage.events[0].sentence


async def test_the_end_of_an_instance_is_told_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(restarts, "_FIRST", 60.0)  # Turnout is gone before it starts again
        async with stage.provider() as provider:
            await stage.run(provider)
            kill((await group_of(provider, "shop-v000")).instances[0])
            await stage.until(provider, "shop-v000", lambda g: g.instances[0].exit_code == 137)
    told = len([k for k in stage.kinds() if k == "instance.died"])
    assert told == 1
    stage.events.clear()
    async with stage.provider() as provider:
        group = await stage.until_healthy(provider, "shop-v000", 1)
    assert group.instances[0].restarts == told
    assert "instance.died" not in stage.kinds()


async def test_a_hopeless_instance_stays_hopeless(stage: Stage) -> None:
    async with stage.provider() as provider:
        wish = stage.wish("shop-v000", stage.settings("--exit=3", restart_budget=1))
        await provider.apply_group(wish, stage.order())
        before = await stage.until(provider, "shop-v000", is_state(InstanceState.GONE))
    stage.events.clear()
    async with stage.provider() as provider:
        group = await group_of(provider, "shop-v000")
        assert group.instances[0].hopeless == before.instances[0].hopeless != ""
    assert stage.events == []


async def test_a_group_with_a_broken_record_is_known_by_the_one_before(stage: Stage) -> None:
    async with stage.provider() as provider:
        before = await stage.run(provider)
        await provider.apply_pin("shop-v000", 1, stage.order())
    file = stage.groups / "shop-v000" / "group.json"
    file.write_text(file.read_text()[:100])
    async with stage.provider() as provider:
        group = await group_of(provider, "shop-v000")
        assert group.healthy == 1
        assert group.instances[0].pid == before.instances[0].pid
    assert (stage.groups / "shop-v000" / "group.json.broken-1").exists()


async def test_an_instance_with_a_broken_record_is_known_by_the_one_before(stage: Stage) -> None:
    async with stage.provider() as provider:
        before = await stage.run(provider)
    file = stage.groups / "shop-v000" / "i-0" / "slot.json"
    file.write_bytes(b"")
    async with stage.provider() as provider:
        group = await stage.until_healthy(provider, "shop-v000", 1)
        assert group.instances[0].pid == before.instances[0].pid


async def test_an_instance_without_any_record_is_replaced(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider)
    for file in (stage.groups / "shop-v000" / "i-0").glob("slot.json*"):
        file.write_text("{")
    async with stage.provider() as provider:
        group = await stage.until_healthy(provider, "shop-v000", 1)
        assert group.instances[0].id == "i-1"
        assert len(stage.services()) == 1


async def test_a_group_that_nobody_can_read_is_put_aside_and_left_alone(stage: Stage) -> None:
    async with stage.provider() as provider:
        await stage.run(provider)
        await stage.run(provider, name="other-v000")
    for file in (stage.groups / "shop-v000").glob("group.json*"):
        file.write_text("nonsense")
    (stage.groups / "clusters" / "shop.json").write_text("")
    (stage.groups / "clusters" / "shop.json.previous").write_text("")
    async with stage.provider() as provider:
        assert await provider.observe_clusters() == ("other",)
        assert len(stage.services()) == 2, "it may be serving"
        group = await stage.run(provider, name="shop-v000")
        assert group.healthy == 1
    (aside,) = (stage.groups / "quarantine").iterdir()
    assert aside.name.startswith("shop-v000.")


@pytest.mark.parametrize("fact", ["group.json", "i-0/slot.json"])
async def test_a_full_disk_leaves_the_old_fact_and_may_pass(stage: Stage, fact: str) -> None:
    async with stage.provider() as provider:
        before = await stage.run(provider)
        file = stage.groups / "shop-v000" / fact
        if fact != "group.json":
            await wait_until(lambda: '"healthy"' in file.read_text(), "its health is recorded")
        text = file.read_text()
        new = file.with_name(f"{file.name}.new")
        new.symlink_to("/dev/full")
        if fact == "group.json":
            with pytest.raises(Temporary, match="No space left on device"):
                await provider.apply_size("shop-v000", 2, stage.order())
            assert (await group_of(provider, "shop-v000")).desired == 1
            await provider.apply_size("shop-v000", 2, stage.order())
            await stage.until_healthy(provider, "shop-v000", 2)
        else:
            # What an instance does matters more than its record, which follows later.
            kill(before.instances[0])
            await stage.until(provider, "shop-v000", lambda g: g.instances[0].restarts == 1)
            await stage.until_healthy(provider, "shop-v000", 1)
        await wait_until(lambda: file.read_text() != text, "the fact is written again")


async def test_turnout_may_be_killed_at_any_moment(stage: Stage, tmp_path: Path) -> None:
    chance = random.Random(7)
    for _ in range(5):
        runner = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            RUNNER,
            str(tmp_path),
            stage.token,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert runner.stdout is not None
        await runner.stdout.readline()
        await asyncio.sleep(chance.uniform(0, 0.3))
        runner.send_signal(signal.SIGKILL)
        await runner.wait()
    async with stage.provider() as provider:
        desired = (await group_of(provider, "shop-v000")).desired
        await stage.until_healthy(provider, "shop-v000", desired)
        await wait_until(lambda: len(stage.services()) == desired, "as many as wished run")
        await provider.apply_destroyed("shop-v000", stage.order("other"))
        assert stage.running() == []
        assert (await provider.observe_groups("shop")).groups == ()


async def test_a_half_made_folder_does_not_stop_the_start(stage: Stage) -> None:
    (stage.groups / "shop-v000").mkdir(parents=True)
    (stage.groups / "shop-v000" / "group.json.new").write_text("{")
    (stage.groups / "shop-v001" / "i-0").mkdir(parents=True)
    async with stage.provider() as provider:
        assert await provider.observe_clusters() == ()
        await stage.run(provider)
    assert not os.path.lexists(stage.groups / "shop-v001")
