"""Instances come up, fall ill, die and come back."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.local.stage import (
    QUICK_PROBE,
    Stage,
    fetch,
    group_of,
    is_state,
    kill,
    wait_until,
)
from turnout.model.servers import CommandProbe, InstanceState, Probe, TcpProbe
from turnout.providers.local import restarts


async def test_instances_become_healthy_and_know_who_they_are(stage: Stage) -> None:
    settings = stage.settings("--name=$INSTANCE", environment={"AT": "port ${PORT}"})
    async with stage.provider(environment={"PATH": "/bin", "TURNOUT_TOKEN": "x"}) as provider:
        await provider.apply_group(stage.wish("shop-v007", settings, 2), stage.order())
        group = await stage.until_healthy(provider, "shop-v007", 2)
        first, second = group.instances
        assert (first.id, second.id) == ("i-0", "i-1")
        assert first.port != second.port
        assert first.probe_said == f"GET /healthz on 127.0.0.1:{first.port}: 200"
        arguments, environment, pid = await fetch(second)
        assert arguments == ["--name=i-1"]
        assert pid == second.pid
        environment.pop("TURNOUT_PROCESS")
        environment.pop("PWD")
        environment.pop("LC_CTYPE", None)
        assert environment == {
            "PATH": "/bin",
            "AT": f"port {second.port}",
            "STAGE": stage.token,
            "PORT": str(second.port),
            "INSTANCE": "i-1",
            "VERSION": "1.0",
            "TURNOUT_CLUSTER": "shop",
            "TURNOUT_GROUP": "shop-v007",
        }
    assert stage.kinds() == ["instance.healthy"] * 2
    assert set(stage.changes) == {"shop"}


async def test_an_instance_that_is_slow_to_start_is_waited_for(stage: Stage) -> None:
    async with stage.provider() as provider:
        settings = stage.settings("--slow=2")
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until(
            provider, "shop-v000", lambda g: any("nothing" in i.probe_said for i in g.instances)
        )
        assert group.instances[0].state is InstanceState.STARTING
        assert group.instances[0].probe_said == (
            f"nothing listens on 127.0.0.1:{group.instances[0].port}"
        )
        group = await stage.until_healthy(provider, "shop-v000", 1)
        assert group.instances[0].restarts == 0


async def test_an_instance_on_the_wrong_port_is_told_which(stage: Stage) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        wrong = holder.getsockname()[1]
    async with stage.provider() as provider:
        settings = stage.settings(f"--port={wrong}")
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until(
            provider, "shop-v000", lambda g: any("listens on" in i.probe_said for i in g.instances)
        )
        group = await stage.until(
            provider, "shop-v000", lambda g: "$PORT" in g.instances[0].probe_said
        )
        assert group.instances[0].probe_said == (
            f"nothing listens on 127.0.0.1:{group.instances[0].port}; "
            f"the process listens on {wrong} instead of $PORT"
        )
        assert group.instances[0].state is InstanceState.STARTING


async def test_an_instance_that_exits_at_once_is_given_up_after_its_budget(stage: Stage) -> None:
    async with stage.provider() as provider:
        settings = stage.settings("--say=no database", "--exit=3", restart_budget=2)
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until(provider, "shop-v000", is_state(InstanceState.GONE))
        instance = group.instances[0]
        pattern = r"exited with code 3 after [\d.]+ s, 3 times; last line: no database"
        assert re.fullmatch(pattern, instance.hopeless)
        assert (instance.exit_code, instance.restarts, instance.pid) == (3, 2, None)
        assert stage.kinds() == [
            "instance.died",
            "instance.restarted",
            "instance.died",
            "instance.restarted",
            "instance.died",
        ]
        assert stage.running() == []


async def test_a_command_that_does_not_exist_is_told(stage: Stage) -> None:
    async with stage.provider() as provider:
        settings = stage.settings(command=["no-such-command"], restart_budget=0)
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until(provider, "shop-v000", is_state(InstanceState.GONE))
        assert "exited with code 127 (command not found)" in group.instances[0].hopeless
        assert "no-such-command: not found in PATH=" in group.instances[0].hopeless


async def test_a_folder_that_does_not_exist_is_told(stage: Stage) -> None:
    async with stage.provider() as provider:
        settings = stage.settings(restart_budget=0)
        run = settings.run.model_copy(update={"folder": str(stage.folder / "gone")})
        settings = settings.model_copy(update={"run": run})
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until(provider, "shop-v000", is_state(InstanceState.GONE))
        assert str(stage.folder / "gone") in group.instances[0].hopeless


async def test_a_killed_instance_comes_back_in_its_place(stage: Stage) -> None:
    async with stage.provider() as provider:
        group = await stage.run(provider, instances=2)
        killed, other = group.instances
        stage.events.clear()
        kill(killed)
        await stage.until(provider, "shop-v000", lambda g: g.instances[0].restarts == 1)
        group = await stage.until_healthy(provider, "shop-v000", 2)
        back = group.instances[0]
        assert (back.id, back.exit_code) == (killed.id, 137)
        assert back.pid != killed.pid
        assert group.instances[1] == other
        assert stage.kinds() == ["instance.died", "instance.restarted", "instance.healthy"]
        assert "exited with code 137 (SIGKILL)" in stage.events[0].sentence


async def test_the_router_is_told_before_a_dead_instance_starts_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarts, "_FIRST", 30.0)  # time enough to look
    async with stage.provider() as provider:
        group = await stage.run(provider)
        stage.changes.clear()
        kill(group.instances[0])
        await wait_until(lambda: stage.changes, "somebody is told")
        group = await group_of(provider, "shop-v000")
        assert group.instances[0].state is InstanceState.UNHEALTHY
        await stage.until(
            provider, "shop-v000", lambda g: "starts again in 30 s" in g.instances[0].probe_said
        )


async def test_an_instance_that_was_healthy_once_is_never_given_up(stage: Stage) -> None:
    async with stage.provider() as provider:
        settings = stage.settings("--exit-if=broken:4", restart_budget=0)
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until_healthy(provider, "shop-v000", 1)
        (stage.folder / "broken").touch()
        kill(group.instances[0])
        await stage.until(provider, "shop-v000", lambda g: g.instances[0].restarts >= 3)
        (stage.folder / "broken").unlink()
        group = await stage.until_healthy(provider, "shop-v000", 1)
        assert group.instances[0].hopeless == ""
        assert group.instances[0].exit_code == 4


async def test_an_instance_whose_port_was_taken_gets_another(stage: Stage) -> None:
    async with stage.provider() as provider:
        group = await stage.run(provider)
        port = group.instances[0].port
        kill(group.instances[0])
        await stage.until(provider, "shop-v000", lambda g: g.instances[0].pid is None)
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            thief.bind(("127.0.0.1", port))
            thief.listen()
            group = await stage.until_healthy(provider, "shop-v000", 1)
        assert group.instances[0].port != port


async def test_an_answer_from_somebody_else_does_not_count(stage: Stage) -> None:
    """The command exits while a daemon that it left behind answers on its port."""
    async with stage.provider() as provider:
        settings = stage.settings("--daemonise", restart_budget=1)
        settings = settings.model_copy(
            update={"probe": QUICK_PROBE.model_copy(update={"healthy_after": 10})}
        )
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until(provider, "shop-v000", is_state(InstanceState.GONE))
        assert "exited with code 0" in group.instances[0].hopeless
        assert "left a process behind" in group.instances[0].hopeless
        assert "instance.healthy" not in stage.kinds()
        assert stage.running() == []


async def test_an_answer_of_a_child_that_was_left_behind_does_not_count(stage: Stage) -> None:
    """The command listens, and leaves the foreground while a probe waits for its answer."""
    async with stage.provider() as provider:
        settings = stage.settings("--leave=0.3", restart_budget=1)
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until(provider, "shop-v000", is_state(InstanceState.GONE))
        assert "left a process behind" in group.instances[0].hopeless
        assert stage.kinds() == ["instance.died", "instance.restarted", "instance.died"]


async def test_an_instance_that_falls_ill_is_unhealthy_until_it_recovers(stage: Stage) -> None:
    async with stage.provider() as provider:
        group = await stage.run(provider)
        pid = group.instances[0].pid
        (stage.folder / "sick").touch()
        group = await stage.until(provider, "shop-v000", is_state(InstanceState.UNHEALTHY))
        assert group.instances[0].probe_said.endswith(': 503 "warming up"')
        (stage.folder / "sick").unlink()
        group = await stage.until_healthy(provider, "shop-v000", 1)
        assert group.instances[0].pid == pid, "it was not restarted for being ill"
        assert stage.kinds() == ["instance.healthy", "instance.unhealthy", "instance.healthy"]


@pytest.mark.parametrize(
    ("habit", "path", "said"),
    [
        ("--at=ease", "garbage", "not an HTTP answer: '220 mail.example ready'"),
        ("--silent", "", "nothing"),
    ],
)
async def test_an_instance_that_does_not_serve_never_becomes_healthy(
    stage: Stage, habit: str, path: str, said: str
) -> None:
    if path:
        (stage.folder / path).touch()
    async with stage.provider() as provider:
        settings = stage.settings(habit)
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until(
            provider, "shop-v000", lambda g: any(said in i.probe_said for i in g.instances)
        )
        assert group.instances[0].state is InstanceState.STARTING


async def test_an_instance_that_does_not_answer_is_told_the_limit(stage: Stage) -> None:
    program = (
        "import os, socket, time; s = socket.socket(); "
        "s.bind(('127.0.0.1', int(os.environ['PORT']))); s.listen(); time.sleep(1000)"
    )
    probe = QUICK_PROBE.model_copy(update={"timeout": timedelta(milliseconds=100)})
    settings = stage.settings(command=[sys.executable, "-S", "-c", program], probe=probe)
    async with stage.provider() as provider:
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until(
            provider, "shop-v000", lambda g: any("within" in i.probe_said for i in g.instances)
        )
        assert group.instances[0].probe_said == (
            f"GET /healthz on 127.0.0.1:{group.instances[0].port}: no answer within 0.1 s"
        )


async def test_a_tcp_probe_asks_for_a_connection(stage: Stage) -> None:
    probe = Probe(request=TcpProbe(), interval=timedelta(milliseconds=50))
    async with stage.provider() as provider:
        settings = stage.settings(probe=probe)
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until_healthy(provider, "shop-v000", 1)
        assert group.instances[0].probe_said.endswith(": accepted")


async def test_a_command_probe_runs_with_the_instances_environment(stage: Stage) -> None:
    script = stage.folder / "probe.sh"
    script.write_text('echo "$INSTANCE at $PORT: $1"; test -e well')
    probe = Probe(
        request=CommandProbe(command=("sh", str(script), "$INSTANCE")),
        interval=timedelta(milliseconds=50),
    )
    async with stage.provider() as provider:
        settings = stage.settings(probe=probe)
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until(
            provider, "shop-v000", lambda g: any("exit code" in i.probe_said for i in g.instances)
        )
        port = group.instances[0].port
        assert f'exit code 1 "i-0 at {port}: i-0"' in group.instances[0].probe_said
        Path(stage.folder, "well").touch()
        await stage.until_healthy(provider, "shop-v000", 1)


async def test_a_command_probe_that_hangs_is_ended(stage: Stage) -> None:
    probe = Probe(
        request=CommandProbe(command=("sh", "-c", "sleep 1000")),
        interval=timedelta(milliseconds=50),
        timeout=timedelta(milliseconds=100),
    )
    async with stage.provider() as provider:
        settings = stage.settings(probe=probe)
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        await stage.until(
            provider, "shop-v000", lambda g: any("within" in i.probe_said for i in g.instances)
        )
        await provider.apply_destroyed("shop-v000", stage.order())
    assert stage.running() == []


async def test_a_service_without_rights_to_its_program_is_told(stage: Stage) -> None:
    program = stage.folder / "program"
    program.write_text("#!/bin/sh\n")
    async with stage.provider() as provider:
        settings = stage.settings(command=["./program"], restart_budget=0)
        await provider.apply_group(stage.wish("shop-v000", settings), stage.order())
        group = await stage.until(provider, "shop-v000", is_state(InstanceState.GONE))
        assert "exited with code 126 (cannot be run)" in group.instances[0].hopeless


async def test_all_ports_taken_is_waited_out(stage: Stage) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        async with stage.provider(ports=(port, port)) as provider:
            wish = stage.wish("shop-v000", stage.settings())
            await provider.apply_group(wish, stage.order())
            await asyncio.sleep(0)
            assert (await group_of(provider, "shop-v000")).instances == ()
            holder.close()
            group = await stage.until_healthy(provider, "shop-v000", 1)
            assert group.instances[0].port == port
