"""Every strategy, forwards and back, while users are at it: not one of their requests is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.api import Api
from tests.e2e.clusters import assert_at_rest, clear, deployed
from tests.e2e.plant import Plant
from tests.e2e.services import Shop, mortal
from tests.e2e.users import WITHIN, Seen, using
from turnout.model.deployment import Status
from turnout.model.journal import DeploymentRecord

ROLLING = {"steps": ["25%", "100%"], "step_hold": "500ms"}
BROKEN_PROBE = {"START_DELAY": "3600"}
BROKEN_SHOP = {"ERROR_RATE": "0.5"}


@pytest.fixture
async def shop(plant: Plant, api: Api, request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    """A shop in version 1. Afterwards it is gone without a trace."""
    number = abs(hash(request.node.name)) % 10**9
    service = Shop(f"shop{number}")
    await deployed(api, service, "1")
    yield service
    await clear(plant, api, service)


@pytest.mark.parametrize(
    ("strategy", "options", "groups"),
    [
        ("blue_green", {"watch": "1s"}, 2),
        ("rolling_blue_green", {**ROLLING, "shrink_source": True}, 2),
        ("highlander", {"watch": "1s"}, 1),
    ],
)
async def test_a_strategy_replaces_the_version_and_loses_no_request(
    api: Api, shop: Shop, strategy: str, options: dict[str, object], groups: int
) -> None:
    async with using(shop.port) as users:
        await deployed(api, shop, "2", strategy, **options)
        await assert_at_rest(api, shop, "2")
        assert len((await api.cluster(shop.application)).state.groups) == groups
        # The old group is warm, and so are its websockets: they end with it.
        shrunk = await api.operate(shop.application, "shrink", keep=1)
        assert (await api.await_end(shrunk.id)).status is Status.SUCCEEDED
        await users.websockets.await_open(WITHIN, "2")
        await users.streams.await_open(WITHIN, "2")
        seen = await users.leave()
    seen.tell(strategy)
    seen.assert_nothing_lost()
    assert set(seen.report.versions) == {"1", "2"}


async def test_requests_of_a_service_that_ends_at_once_are_drained_first(
    plant: Plant, api: Api
) -> None:
    """The shop is kind: it finishes its work on SIGTERM. This one dies of its stop signal, so only
    draining saves what is in it (websockets outlive the drain time-out and are cut)."""
    shop = Shop("rude")
    rude = {"stop": {"signal": "SIGUSR1", "timeout": "5s"}}
    first = await api.await_end((await api.deploy(shop.write("1", more=rude))).id)
    assert first.status is Status.SUCCEEDED, first
    async with using(shop.port) as users:
        record = await api.deploy(shop.write("2", "highlander", more=rude))
        assert (await api.await_end(record.id)).status is Status.SUCCEEDED
        await assert_at_rest(api, shop, "2")
        seen = await users.leave()
    seen.tell("highlander, a service that ends at once")
    assert seen.lost == 0, "\n".join(map(str, seen.report.failures()))
    await clear(plant, api, shop)


async def test_a_dark_version_sees_no_user_until_it_is_enabled(api: Api, shop: Shop) -> None:
    async with using(shop.port) as users:
        record = await deployed(api, shop, "2", "dark")
        await assert_at_rest(api, shop, "1")
        assert record.plan is not None
        enabled = await api.operate(shop.application, "enable", group=record.plan.new_group)
        assert (await api.await_end(enabled.id)).status is Status.SUCCEEDED
        await assert_at_rest(api, shop, "2")
        seen = await users.leave()
    seen.tell("dark and enable")
    seen.assert_nothing_lost()
    first = seen.report.first_of("2")
    assert first is not None and record.ended_at is not None
    assert first.sent > record.ended_at


@pytest.mark.parametrize("strategy", ["blue_green", "rolling_blue_green", "highlander", "dark"])
async def test_a_version_that_never_becomes_healthy_is_taken_back_unseen(
    api: Api, shop: Shop, strategy: str
) -> None:
    options = {"ready_deadline": "2s"}
    bad = shop.write("2", strategy, environment=BROKEN_PROBE, options=options)
    async with using(shop.port) as users:
        ended = await api.await_end((await api.deploy(bad)).id)
        await assert_at_rest(api, shop, "1")
        seen = await users.leave()
    seen.tell(f"{strategy}, broken probe")
    assert ended.status is Status.ROLLED_BACK, ended
    assert "warming up" in ended.cause
    seen.assert_nothing_lost()
    assert set(seen.report.versions) == {"1"}
    assert len((await api.cluster(shop.application)).state.groups) == 1


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        ("blue_green", {"watch": "60s"}),
        ("rolling_blue_green", {"steps": ["25%", "100%"], "step_hold": "60s"}),
        ("highlander", {"watch": "60s"}),
    ],
)
async def test_a_version_that_fails_its_users_is_taken_back(
    api: Api, shop: Shop, strategy: str, options: dict[str, object]
) -> None:
    bad = shop.write("2", strategy, environment=BROKEN_SHOP, options=options)
    async with using(shop.port) as users:
        ended = await api.await_end((await api.deploy(bad)).id)
        await assert_at_rest(api, shop, "1")
        seen = await users.leave()
    assert ended.status is Status.ROLLED_BACK, ended
    _assert_only_its_own(seen, ended, f"{strategy}, trip wires")


async def test_a_version_that_dies_under_watch_is_taken_back(
    plant: Plant, api: Api, shop: Shop, tmp_path: Path
) -> None:
    dead = tmp_path / "dead"
    text = replace(shop, command=mortal(dead)).write("2", options={"watch": "60s"})
    async with using(shop.port) as users:
        record = await api.deploy(text)
        await api.await_step(record.id, "watch")
        state = (await api.cluster(shop.application)).state
        new = next(g for g in state.groups if g.version == "2")
        dead.touch()
        for instance in new.instances:
            assert instance.pid is not None
            plant.kill(instance.pid)
        ended = await api.await_end(record.id)
        await assert_at_rest(api, shop, "1")
        seen = await users.leave()
    assert ended.status is Status.ROLLED_BACK, ended
    assert ended.switched_at is not None and ended.returned_at is not None
    window = (ended.returned_at - ended.switched_at).total_seconds()
    seen.tell(f"dies under watch ({window:.1f} s with traffic)")
    for answer in seen.failures():
        assert answer.version in {"", "2"}, answer
        assert answer.due <= ended.returned_at and answer.ended >= ended.switched_at, answer


async def test_a_cancel_in_mid_step_takes_back_what_was_done(api: Api, shop: Shop) -> None:
    options = {"steps": ["50%", "100%"], "step_hold": "60s"}
    async with using(shop.port) as users:
        record = await api.deploy(shop.write("2", "rolling_blue_green", options=options))
        await api.await_event(record.id, "step.ended", op="replace_split")
        await api.cancel(record.id)
        ended = await api.await_end(record.id)
        await assert_at_rest(api, shop, "1")
        seen = await users.leave()
    seen.tell("cancel in mid-step")
    assert ended.status is Status.ROLLED_BACK, ended
    seen.assert_nothing_lost()
    assert set(seen.report.versions) == {"1", "2"}
    assert len((await api.cluster(shop.application)).state.groups) == 1


@pytest.mark.parametrize("is_warm", [True, False], ids=["warm", "cold"])
async def test_a_person_goes_back_to_the_version_before(
    api: Api, shop: Shop, is_warm: bool
) -> None:
    record = await deployed(api, shop, "2")
    assert record.plan is not None
    if not is_warm:
        old = record.plan.source
        resized = await api.operate(shop.application, "resize", group=old, instances=0)
        assert (await api.await_end(resized.id)).status is Status.SUCCEEDED
    async with using(shop.port) as users:
        back = await api.operate(shop.application, "rollback", reason="the test says so")
        ended = await api.await_end(back.id)
        await assert_at_rest(api, shop, "1")
        seen = await users.leave()
    seen.tell(f"rollback by hand, {'warm' if is_warm else 'cold'}")
    assert ended.status is Status.SUCCEEDED, ended
    assert ended.reverses == record.id
    seen.assert_nothing_lost()
    assert (await api.cluster(shop.application)).state.held
    await api.release(shop.application)


def _assert_only_its_own(seen: Seen, ended: DeploymentRecord, name: str) -> None:
    """Only the bad version failed anybody, and nobody after the traffic was back."""
    assert ended.switched_at is not None and ended.returned_at is not None
    window = (ended.returned_at - ended.switched_at).total_seconds()
    seen.tell(f"{name} ({window:.2f} s with traffic)")
    failures = seen.failures()
    assert failures, "the version was to fail its users"
    assert not seen.torn, seen.torn
    for answer in failures:
        assert answer.version == "2", answer
        assert answer.status == 500, answer
        assert answer.sent <= ended.returned_at, answer
    assert ended.failed_requests is not None and ended.failed_requests > 0
