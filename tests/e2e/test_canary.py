"""Canaries with real users: whatever comes out, nobody but the canary's own users can lose, and no
arm is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.api import Api
from tests.e2e.canaries import STEADY, keep_steady, person_at_hand
from tests.e2e.clusters import assert_at_rest, clear, deployed
from tests.e2e.plant import Plant
from tests.e2e.services import Shop, mortal
from tests.e2e.users import using
from turnout.model.deployment import Status
from turnout.model.journal import DeploymentRecord
from turnout.model.servers import Role

QUICK = {
    "traffic": "20%",
    "warmup": "500ms",
    "duration": "6s",
    "interval": "500ms",
    "config": STEADY,
}
LONG = {**QUICK, "duration": "10m"}
BROKEN = {"ERROR_RATE": "0.4"}


@pytest.fixture
async def shop(plant: Plant, api: Api, request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    """A shop in version 1. Afterwards it is gone without a trace."""
    await keep_steady(api)
    number = abs(hash(request.node.name)) % 10**9
    service = Shop(f"shop{number}")
    await deployed(api, service, "1")
    yield service
    await clear(plant, api, service)


async def judged(api: Api, record: DeploymentRecord) -> None:
    """Wait until canary and baseline are compared."""
    await api.await_step(record.id, "analyse")


async def arm_of(api: Api, shop: Shop, role: Role) -> tuple[str, int]:
    """The group that has this role, and the process of its instance."""
    state = (await api.cluster(shop.application)).state
    group = next(g for g in state.groups if g.role is role)
    pid = group.instances[0].pid
    assert pid is not None
    return group.name, pid


async def assert_no_arm(api: Api, shop: Shop) -> None:
    state = (await api.cluster(shop.application)).state
    assert {g.role for g in state.groups} == {Role.PRODUCTION}


async def test_a_canary_that_is_fine_is_promoted_and_loses_no_request(api: Api, shop: Shop) -> None:
    async with using(shop.port) as users:
        ended = await deployed(api, shop, "2", "canary", **QUICK)
        await assert_at_rest(api, shop, "2")
        seen = await users.leave()
    seen.tell("canary, promoted")
    assert seen.lost == 0, "\n".join(map(str, seen.report.failures()))
    assert set(seen.report.versions) == {"1", "2"}
    await assert_no_arm(api, shop)
    checks = (await api.deployment(ended.id)).checks
    assert checks[-1].answer.sentence.startswith("Passed")


async def test_a_canary_that_fails_its_users_is_taken_back_before_the_others_see_it(
    api: Api, shop: Shop
) -> None:
    text = shop.write("2", "canary", environment=BROKEN, options=LONG)
    async with using(shop.port) as users:
        ended = await api.await_end((await api.deploy(text)).id)
        await assert_at_rest(api, shop, "1")
        seen = await users.leave()
    assert ended.status is Status.ROLLED_BACK, ended
    assert "chance alone would show this less than once in" in ended.cause
    assert ended.switched_at is not None and ended.returned_at is not None
    window = (ended.returned_at - ended.switched_at).total_seconds()
    seen.tell(f"canary, failing ({window:.2f} s with traffic)")
    failures = seen.failures()
    assert failures, "the version was to fail its users"
    for answer in failures:
        assert (answer.version, answer.status) == ("2", 500), answer
        assert answer.sent <= ended.returned_at, answer
    assert ended.failed_requests is not None and ended.failed_requests > 0
    assert 5 * seen.report.versions["2"].requests < 2 * seen.report.requests
    await assert_no_arm(api, shop)


async def test_a_server_that_is_killed_in_mid_analysis_goes_on_with_what_it_had_seen(
    plant: Plant, api: Api, shop: Shop
) -> None:
    text = shop.write("2", "canary", options={**QUICK, "duration": "12s"})
    async with using(shop.port) as users:
        record = await api.deploy(text)
        await judged(api, record)
        await asyncio.sleep(2)
        plant.kill_server()
        await plant.start()
        async with person_at_hand(api, record.id):
            ended = await api.await_end(record.id)
        await assert_at_rest(api, shop, "2")
        seen = await users.leave()
    assert ended.status is Status.SUCCEEDED, ended
    seen.tell("canary, server killed in mid-analysis")
    assert seen.lost == 0, "\n".join(map(str, seen.report.failures()))
    await assert_no_arm(api, shop)


async def test_a_canary_that_dies_is_taken_back(
    plant: Plant, api: Api, shop: Shop, tmp_path: Path
) -> None:
    dead = tmp_path / "dead"
    text = replace(shop, command=mortal(dead)).write("2", "canary", options=LONG)
    record = await api.deploy(text)
    await judged(api, record)
    name, pid = await arm_of(api, shop, Role.CANARY)
    dead.touch()
    plant.kill(pid)
    ended = await api.await_end(record.id)
    assert ended.status is Status.ROLLED_BACK, ended
    assert f"the canary {name} has no healthy instance any more" in ended.cause
    await assert_at_rest(api, shop, "1")
    await assert_no_arm(api, shop)


async def test_a_baseline_that_dies_makes_it_inconclusive_and_not_a_failure(
    plant: Plant, api: Api, tmp_path: Path
) -> None:
    """It is a copy of what serves, and so dies as that would."""
    await keep_steady(api)
    dead = tmp_path / "dead"
    shop = Shop("based", command=mortal(dead))
    await deployed(api, shop, "1")
    record = await api.deploy(shop.write("2", "canary", options=LONG))
    await judged(api, record)
    name, pid = await arm_of(api, shop, Role.BASELINE)
    dead.touch()
    plant.kill(pid)
    ended = await api.await_end(record.id)
    assert ended.status is Status.ROLLED_BACK, ended
    assert f"inconclusive: the baseline {name} has no healthy instance any more" in ended.cause
    await assert_at_rest(api, shop, "1")
    await assert_no_arm(api, shop)
    await clear(plant, api, shop)


async def test_a_canary_without_users_is_never_promoted(api: Api, shop: Shop) -> None:
    options = {**QUICK, "duration": "2s", "on_inconclusive": "fail"}
    ended = await api.await_end((await api.deploy(shop.write("2", "canary", options=options))).id)
    assert ended.status is Status.ROLLED_BACK, ended
    assert "inconclusive" in ended.cause
    assert "not enough data" in ended.cause
    await assert_at_rest(api, shop, "1")
    await assert_no_arm(api, shop)


@pytest.mark.parametrize("how", ["cancelled", "superseded"])
async def test_a_canary_that_is_not_wanted_any_more_goes_without_a_trace(
    api: Api, shop: Shop, how: str
) -> None:
    async with using(shop.port) as users:
        record = await api.deploy(shop.write("2", "canary", options=LONG))
        await judged(api, record)
        if how == "cancelled":
            await api.cancel(record.id)
        else:
            after = await api.deploy(shop.write("3"), on_busy="superseding")
            assert (await api.await_end(after.id)).status is Status.SUCCEEDED
        ended = await api.await_end(record.id)
        await assert_at_rest(api, shop, "1" if how == "cancelled" else "3")
        seen = await users.leave()
    assert ended.status is Status.ROLLED_BACK, ended
    seen.tell(f"canary, {how}")
    assert seen.lost == 0, "\n".join(map(str, seen.report.failures()))
    await assert_no_arm(api, shop)


async def test_two_clusters_have_their_canaries_at_once(plant: Plant, api: Api, shop: Shop) -> None:
    other = Shop("otherone")
    await deployed(api, other, "1")
    async with using(shop.port) as users, using(other.port) as others:
        good, bad = await asyncio.gather(
            api.deploy(shop.write("2", "canary", options=QUICK)),
            api.deploy(other.write("2", "canary", environment=BROKEN, options=LONG)),
        )
        ends = [await api.await_end(good.id), await api.await_end(bad.id)]
        seen = await users.leave()
        await others.leave()
    assert [e.status for e in ends] == [Status.SUCCEEDED, Status.ROLLED_BACK], ends
    assert seen.lost == 0, "\n".join(map(str, seen.report.failures()))
    await assert_at_rest(api, shop, "2")
    await assert_at_rest(api, other, "1")
    await clear(plant, api, other)


async def test_the_judge_watches_a_rolling_deployment_as_well(api: Api, shop: Shop) -> None:
    options = {
        "steps": ["20%", "100%"],
        "step_hold": "60s",
        "checks": [{"canary": {"interval": "500ms"}}],
    }
    text = shop.write("2", "rolling_blue_green", environment=BROKEN, options=options)
    async with using(shop.port) as users:
        ended = await api.await_end((await api.deploy(text)).id)
        await assert_at_rest(api, shop, "1")
        await users.leave()
    assert ended.status is Status.ROLLED_BACK, ended
    assert "check canary: Failed after" in ended.cause


async def test_after_the_switch_the_judge_compares_with_the_time_before(
    api: Api, shop: Shop
) -> None:
    options = {"watch": "10s", "watch_checks": [{"canary": {"interval": "500ms"}}]}
    text = shop.write("2", environment=BROKEN, options=options)
    async with using(shop.port) as users:
        await asyncio.sleep(12)  # as long as the watch, and some: that is what it looks back on
        ended = await api.await_end((await api.deploy(text)).id)
        await assert_at_rest(api, shop, "1")
        await users.leave()
    assert ended.status is Status.ROLLED_BACK, ended
    assert "check canary: Failed after" in ended.cause
