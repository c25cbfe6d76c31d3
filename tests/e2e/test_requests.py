"""What is asked of a server: twice at once, in vain, out of date, wrongly."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from tests.e2e.api import Api, ApiError
from tests.e2e.clusters import assert_at_rest, clear, deployed
from tests.e2e.plant import Plant
from tests.e2e.services import Shop
from tests.e2e.users import using
from tests.ports import choose_port
from turnout.model.deployment import Status

SHUT = {"watch": "60s"}
"""A deployment that goes on until it is told otherwise."""


async def test_two_deployments_at_the_same_moment_take_turns(plant: Plant, api: Api) -> None:
    shop = Shop("twice")
    await deployed(api, shop, "1")
    async with using(shop.port) as users:
        first, second = await asyncio.gather(
            api.deploy(shop.write("2")), api.deploy(shop.write("3"))
        )
        ends = [await api.await_end(first.id), await api.await_end(second.id)]
        seen = await users.leave()
    seen.tell("two deployments at once")
    assert [end.status for end in ends] == [Status.SUCCEEDED] * 2, ends
    earlier, later = sorted(ends, key=lambda end: end.started_at or end.request.requested_at)
    assert earlier.ended_at is not None and later.started_at is not None
    assert earlier.ended_at <= later.started_at
    assert later.request.service is not None
    await assert_at_rest(api, shop, later.request.service.settings.version)
    seen.assert_nothing_lost()
    await clear(plant, api, shop)


async def test_a_busy_cluster_rejects_or_is_superseded_as_wished(plant: Plant, api: Api) -> None:
    shop = Shop("busy")
    await deployed(api, shop, "1")
    async with using(shop.port) as users:
        first = await api.deploy(shop.write("2", options=SHUT))
        await api.await_status(first.id, Status.RUNNING)
        rejected = await api.deploy(shop.write("3"), on_busy="rejected")
        assert (await api.await_end(rejected.id)).status is Status.REJECTED
        winner = await api.deploy(shop.write("4"), on_busy="superseding")
        assert (await api.await_end(first.id)).status is Status.ROLLED_BACK
        assert (await api.await_end(winner.id)).status is Status.SUCCEEDED
        await assert_at_rest(api, shop, "4")
        seen = await users.leave()
    seen.tell("superseded in mid-deployment")
    seen.assert_nothing_lost()
    assert set(seen.report.versions) <= {"1", "2", "4"}
    await clear(plant, api, shop)


async def test_the_version_that_runs_may_be_deployed_again(plant: Plant, api: Api) -> None:
    shop = Shop("again")
    await deployed(api, shop, "1")
    await deployed(api, shop, "1")
    await assert_at_rest(api, shop, "1")
    assert len((await api.cluster("again")).state.groups) <= 2
    await clear(plant, api, shop)


async def test_a_cluster_that_was_destroyed_can_be_deployed_again(plant: Plant, api: Api) -> None:
    shop = Shop("phoenix")
    await deployed(api, shop, "1")
    await clear(plant, api, shop)
    await deployed(api, shop, "2")
    await assert_at_rest_in(api, shop, "phoenix-v001")
    await clear(plant, api, shop)


async def test_what_cannot_be_done_is_refused_and_nothing_is_touched(
    plant: Plant, api: Api
) -> None:
    shop = Shop("alone")
    await deployed(api, shop, "1")
    before = (await api.cluster("alone")).state
    back = await api.await_end((await api.operate("alone", "rollback")).id)
    assert back.status is Status.REFUSED, back
    assert "no earlier server group" in back.sentence, back.sentence
    for kind in ("destroy", "disable"):
        refused = await api.await_end((await api.operate("alone", kind, group="alone-v000")).id)
        assert refused.status is Status.REFUSED, refused
        assert "force" in refused.sentence, refused.sentence
    command = await asyncio.to_thread(_turnout, plant, "destroy", "alone-v000", "--yes")
    assert command.returncode == 4, command.stdout + command.stderr
    after = (await api.cluster("alone")).state
    assert after.split == before.split
    assert [g.instances for g in after.groups] == [g.instances for g in before.groups]
    await clear(plant, api, shop)


async def test_a_plan_that_is_out_of_date_is_refused(plant: Plant, api: Api) -> None:
    shop = Shop("stale")
    await deployed(api, shop, "1")
    plan = await api.plan(shop.write("2"))
    await deployed(api, shop, "2")
    refused = await api.deploy(shop.write("2"), fingerprint=plan.fingerprint)
    ended = await api.await_end(refused.id)
    assert ended.status is Status.REFUSED, ended
    await assert_at_rest_in(api, shop, "stale-v001")
    fresh = await api.plan(shop.write("3"))
    agreed = await api.deploy(shop.write("3"), fingerprint=fresh.fingerprint)
    assert (await api.await_end(agreed.id)).status is Status.SUCCEEDED
    await clear(plant, api, shop)


async def test_a_listener_whose_port_is_taken_fails_and_leaves_nothing(
    plant: Plant, api: Api
) -> None:
    squatter = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", choose_port())
    async with squatter:
        port = squatter.sockets[0].getsockname()[1]
        shop = Shop("squatted", port)
        ended = await api.await_end((await api.deploy(shop.write("1"))).id)
    assert ended.status in {Status.ROLLED_BACK, Status.FAILED}, ended
    assert str(port) in ended.cause + ended.sentence
    assert not plant.find("squatted-v"), "instances were left"


@pytest.mark.parametrize(
    ("key", "value", "nearest"),
    [("strategee", "dark", "strategy"), ("strategy", "blue_gren", "blue_green")],
)
async def test_unknown_words_are_refused_with_the_nearest_known_one(
    api: Api, key: str, value: str, nearest: str
) -> None:
    with pytest.raises(ApiError) as refused:
        await api.deploy(Shop("wrong").write("1", more={key: value}))
    assert refused.value.status == 422
    assert nearest in {problem["nearest"] for problem in refused.value.problem["problems"]}


async def test_the_same_request_sent_twice_is_one_deployment(plant: Plant, api: Api) -> None:
    shop = Shop("once")
    headers = {"Idempotency-Key": "once-and-only-once"}
    first, second = await asyncio.gather(
        api.deploy_with(headers, shop.write("1")), api.deploy_with(headers, shop.write("1"))
    )
    assert first.id == second.id
    assert (await api.await_end(first.id)).status is Status.SUCCEEDED
    await assert_at_rest_in(api, shop, "once-v000")
    await clear(plant, api, shop)


async def assert_at_rest_in(api: Api, shop: Shop, group: str) -> None:
    """This server group has all traffic."""
    state = (await api.cluster(shop.application)).state
    assert state.split.shares == {group: 1000}
    assert not [g.name for g in state.groups if g.pin]


def _turnout(plant: Plant, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line, as a user has it."""
    return subprocess.run(
        [sys.executable, "-m", "turnout", *words, "--server", plant.url],
        env=plant.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
