"""Services that misbehave, through a real server: the old version goes on, and the reason is told.

All of them at the same time: each is a cluster of its own.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.e2e.api import Api
from tests.e2e.clusters import assert_at_rest, clear, deployed, observe_version
from tests.e2e.plant import Plant, until
from tests.e2e.services import PYTHON, Shop
from tests.e2e.users import using
from turnout.model.deployment import Status


@dataclass(frozen=True)
class Bad:
    """A version that must not get through, and what must be said about it."""

    name: str
    command: str
    says: str
    deadline: str = "60s"
    """Those that give up by themselves are not to be overtaken by it."""


BAD = [
    Bad("missing", "./no-such-program --port $PORT", "code 127"),
    Bad("exits", "sh -c 'echo out of cheese; exit 7'", "code 7"),
    Bad("deaf", "sleep 1000", "1", "4s"),
    Bad("elsewhere", f"env PORT=0 {PYTHON} app.py", "1", "4s"),
    Bad("chatty", "sh -c 'while :; do echo spam spam spam; sleep 0.001; done'", "1", "4s"),
]


async def test_versions_that_cannot_serve_are_taken_back_with_the_reason(
    plant: Plant, api: Api
) -> None:
    async def try_one(bad: Bad) -> None:
        shop = Shop(bad.name, instances=1)
        await deployed(api, shop, "1")
        broken = Shop(bad.name, shop.port, 1, bad.command)
        text = broken.write("2", options={"ready_deadline": bad.deadline})
        ended = await api.await_end((await api.deploy(text)).id)
        assert ended.status is Status.ROLLED_BACK, (bad.name, ended.sentence)
        assert bad.says in ended.cause, (bad.name, ended.cause)
        await assert_at_rest(api, shop, "1")
        await clear(plant, api, shop)

    await asyncio.gather(*(try_one(bad) for bad in BAD))


async def test_the_last_words_of_a_version_that_exits_are_in_the_reason(
    plant: Plant, api: Api
) -> None:
    shop = Shop("lastwords", instances=1, command="sh -c 'echo out of cheese; exit 7'")
    ended = await api.await_end((await api.deploy(shop.write("1", more={"restart_budget": 0}))).id)
    assert ended.status is Status.ROLLED_BACK, ended
    assert "code 7" in ended.cause and "out of cheese" in ended.cause, ended.cause
    assert not plant.find("lastwords-v")


async def test_odd_but_working_services_are_deployed_and_leave_nothing(
    plant: Plant, api: Api
) -> None:
    slow = Shop("slowstart", instances=1)
    stubborn = Shop("stubborn", instances=1, command=f"sh -c 'trap \"\" TERM; {PYTHON} app.py; :'")
    forking = Shop(
        "forking", instances=1, command=f"sh -c 'setsid sleep 1000 & exec {PYTHON} app.py'"
    )

    async def deploy(shop: Shop, environment: dict[str, str]) -> None:
        text = shop.write("1", environment=environment, more={"stop": {"timeout": "1s"}})
        ended = await api.await_end((await api.deploy(text)).id)
        assert ended.status is Status.SUCCEEDED, (shop.application, ended.cause)

    await asyncio.gather(
        deploy(slow, {"START_DELAY": "2"}), deploy(stubborn, {}), deploy(forking, {})
    )
    for shop in (slow, stubborn, forking):
        await assert_at_rest(api, shop, "1")
    assert plant.find("sleep 1000"), "the fork was to run"
    for shop in (slow, stubborn, forking):
        await clear(plant, api, shop)
    assert not plant.find("sleep 1000"), "a fork outlived its group"


async def test_a_killed_instance_is_replaced_and_no_user_notices_for_long(
    plant: Plant, api: Api
) -> None:
    """Requests in the instance at that moment are lost with it; all others find the other one."""
    shop = Shop("mortal", instances=2)
    await deployed(api, shop, "1")
    async with using(shop.port) as users:
        group = (await api.cluster("mortal")).state.groups[0]
        victim = group.instances[0]
        assert victim.pid is not None
        before = datetime.now(UTC)
        plant.kill(victim.pid)
        after = datetime.now(UTC)

        async def is_whole() -> bool:
            found = (await api.cluster("mortal")).state.groups[0]
            again = next(i for i in found.instances if i.id == victim.id)
            return found.healthy == 2 and again.pid != victim.pid

        deadline = asyncio.get_running_loop().time() + 60
        while not await is_whole():
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)
        seen = await users.leave()
    seen.tell("an instance killed", kills=1)
    inside = [a for a in seen.failures() if a.sent <= after and a.ended >= before]
    assert seen.lost - len(inside) <= 2, "\n".join(map(str, seen.failures()))
    await clear(plant, api, shop)


async def test_names_at_their_limit_and_the_turn_of_the_numbers(plant: Plant, api: Api) -> None:
    longest = Shop("a" * 58, instances=1)
    await deployed(api, longest, "1")
    await assert_at_rest(api, longest, "1")
    plant.kill_server()
    name = f"{longest.application}-v000"
    for path in (plant.data / "groups").rglob("*"):
        if path.is_file() and f'"newest":"{name}"' in (text := path.read_text(errors="replace")):
            path.write_text(text.replace(f'"newest":"{name}"', f'"newest":"{name[:-3]}998"'))
    await plant.start()
    await deployed(api, longest, "2")
    await deployed(api, longest, "3")
    groups = [g.name[-4:] for g in (await api.cluster(longest.application)).state.groups]
    assert groups == ["v999", "v001"], groups
    assert await observe_version(longest) == "3"
    await clear(plant, api, longest)


@pytest.mark.parametrize("torn", ["half", "empty"])
async def test_a_torn_fact_of_the_router_is_learned_again(
    plant: Plant, api: Api, torn: str
) -> None:
    shop = Shop(f"torn{torn}", instances=1)
    await deployed(api, shop, "1")
    await deployed(api, shop, "2")
    async with using(shop.port) as users:
        plant.kill_server()
        facts = list((plant.data / "router").rglob(f"{shop.application}.json"))
        assert facts, "where does the router keep what it knows?"
        for fact in facts:
            data = fact.read_bytes()
            fact.write_bytes(data[: len(data) // 2] if torn == "half" else b"")
        await plant.start()
        await assert_at_rest(api, shop, "2")
        await deployed(api, shop, "3")
        await assert_at_rest(api, shop, "3")
        seen = await users.leave()
    seen.tell(f"{torn} fact of the router", kills=1)
    seen.assert_nothing_lost()
    for left in (plant.data / "router").rglob("*broken*"):
        left.unlink()
    await clear(plant, api, shop)


async def test_a_second_server_on_the_same_folder_refuses_and_says_who_is_first(
    plant: Plant,
) -> None:
    command = [*plant.command()[:-3], "127.0.0.1:0", "--log-format", "json"]
    process = await asyncio.create_subprocess_exec(
        *command,
        env=plant.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    assert process.returncode == 4, said
    assert str(plant.pid) in said and plant.address in said, said
    await until(plant.is_up, "the first server goes on")
