from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

import pytest

from tests.integration.envoy.services import DEADLINE, Service, ask, load, services, until
from turnout.model.errors import Temporary
from turnout.model.traffic import EndpointState, Listener, Sticky
from turnout.traffic.envoy import EnvoyRouter

OLD, NEW = "shop-v001", "shop-v002"


async def prepare(
    router: EnvoyRouter,
    port: int,
    groups: Mapping[str, Service],
    *,
    sticky: Sticky | None = None,
) -> None:
    await router.apply_listener("shop", Listener(cluster="shop", port=port, sticky=sticky))
    await router.apply_endpoints("shop", {g: [s.endpoint()] for g, s in groups.items()})


async def shift(router: EnvoyRouter, shares: Mapping[str, int]) -> None:
    """Change the split; returns when it is in force."""
    state = await router.observe_listener("shop")
    assert state is not None
    generation = state.split.generation
    await router.apply_split("shop", shares, generation, f"d:{generation}")
    await router.confirm_split("shop", generation + 1)


async def test_requests_are_shared_out_as_the_split_says(router: EnvoyRouter, port: int) -> None:
    async with services("old", "new") as (old, new):
        await prepare(router, port, {OLD: old, NEW: new})
        await shift(router, {OLD: 750, NEW: 250})
        async with load(port, "/", "/") as running:
            await until(lambda: running.answered.total() >= 2000)
        share = running.answered["new"] / running.answered.total()
        assert 0.20 < share < 0.30
        assert not running.lost


async def test_hundred_changes_under_load_lose_no_request(router: EnvoyRouter, port: int) -> None:
    async with services("old", "new") as (old, new):
        await prepare(router, port, {OLD: old, NEW: new})
        await shift(router, {OLD: 1000})
        async with load(port, *["/"] * 6, *["/?seconds=0.05"] * 6) as running:
            for number in range(100):
                share = number * 37 % 1001
                before = running.answered.total()
                await shift(router, {OLD: 1000 - share, NEW: share})
                await until(lambda before=before: running.answered.total() > before)  # type: ignore[misc]
        assert running.lost == []
        assert min(running.answered["old"], running.answered["new"]) > 100


async def test_confirmed_split_is_what_the_next_requests_get(
    router: EnvoyRouter, port: int
) -> None:
    """Envoy's workers follow within milliseconds; from then on nobody gets the old one."""
    async with services("old", "new") as (old, new):
        await prepare(router, port, {OLD: old, NEW: new})
        for target, name in ((OLD, "old"), (NEW, "new"), (OLD, "old")):
            await shift(router, {target: 1000})
            async with asyncio.timeout(DEADLINE):
                while (answer := await ask(port)).by != name:
                    pass
            assert {(await ask(port)).by for _ in range(50)} == {answer.by}


async def test_new_group_serves_from_its_first_moment_on(router: EnvoyRouter, port: int) -> None:
    """Its upstream is confirmed before a route leads to it."""
    async with services("old", *[f"new-{n}" for n in range(8)]) as (old, *new):
        groups = {OLD: [old.endpoint()]}
        await prepare(router, port, {OLD: old})
        await shift(router, {OLD: 1000})
        async with load(port, *["/"] * 6) as running:
            for number, service in enumerate(new):
                group = f"shop-v{number + 2:03d}"
                groups = {**groups, group: [service.endpoint()]}
                await router.apply_endpoints("shop", groups)
                await shift(router, {group: 1000})
                await until(lambda name=service.name: running.answered[name] > 5)  # type: ignore[misc]
        assert running.lost == []


async def test_empty_split_is_answered_in_words(router: EnvoyRouter, port: int) -> None:
    async with services("old") as (old,):
        await prepare(router, port, {OLD: old})
        answer = await ask(port)
        assert (answer.status, answer.headers["content-type"]) == (503, "text/plain")
        assert answer.body.startswith(b"shop serves nothing: its traffic split is empty.")


async def test_group_whose_instances_all_leave_gets_no_share(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old") as (old,):
        await prepare(router, port, {OLD: old})
        draining = old.endpoint(EndpointState.DRAINING)
        await router.apply_endpoints("shop", {OLD: [draining], NEW: []})
        for group in (OLD, NEW):
            with pytest.raises(Temporary, match=f"{group} cannot get a share"):
                await router.apply_split("shop", {group: 1000}, 0, "d:1")


async def test_group_that_loses_its_instances_answers_503_until_one_comes_back(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old") as (old,):
        await prepare(router, port, {OLD: old})
        await shift(router, {OLD: 1000})
        await router.apply_endpoints("shop", {})
        assert (await ask(port)).status == 503
        await router.apply_endpoints("shop", {OLD: [old.endpoint()]})
        assert (await ask(port)).by == "old"


async def test_preview_reaches_a_group_without_share_and_users_see_nothing_of_it(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        await prepare(router, port, {OLD: old, NEW: new})
        await shift(router, {OLD: 1000})
        preview = await ask(port, headers={"x-turnout-group": NEW})
        assert (preview.by, preview.headers["x-turnout-served-by"]) == ("new", NEW)
        assert preview.seen["x-turnout-group"] == NEW
        user = await ask(port)
        assert user.by == "old"
        assert not [name for name in user.headers if name.startswith("x-")]


async def test_preview_of_an_unknown_group_reaches_nobody(router: EnvoyRouter, port: int) -> None:
    async with services("old") as (old,):
        await prepare(router, port, {OLD: old})
        await shift(router, {OLD: 1000})
        answer = await ask(port, headers={"x-turnout-group": "shop-v999"})
        assert answer.status == 404
        assert b"no server group of the name" in answer.body
        assert old.requests == 0


async def test_listener_decides_about_the_cluster_whatever_the_client_claims(
    router: EnvoyRouter, port: int, other_port: int
) -> None:
    async with services("old", "web") as (old, web):
        await prepare(router, port, {OLD: old})
        await shift(router, {OLD: 1000})
        await router.apply_listener("web", Listener(cluster="web", port=other_port))
        await router.apply_endpoints("web", {"web-v001": [web.endpoint()]})
        await router.apply_split("web", {"web-v001": 1000}, 0, "d:1")
        await router.confirm_split("web", 1)
        answer = await ask(port, headers={"x-turnout-listener": "web"})
        assert answer.by == "old"
        assert "x-turnout-listener" not in answer.seen


async def test_service_sees_the_request_as_it_was_sent(router: EnvoyRouter, port: int) -> None:
    async with services("old") as (old,):
        await prepare(router, port, {OLD: old})
        await shift(router, {OLD: 1000})
        answer = await ask(port, headers={"x-request-id": "mine", "x-custom": "a, b"})
        assert answer.headers["server"] == "old"
        assert answer.seen["x-request-id"] == "mine"
        assert answer.seen["x-custom"] == "a, b"
        assert answer.seen["host"] == "test"
        assert answer.seen["x-forwarded-proto"] == "http"
        assert "x-forwarded-for" in answer.seen


async def newcomers(port: int, number: int) -> dict[str, str]:
    """Users' cookies, and who served them first."""
    users = {}
    for _ in range(number):
        answer = await ask(port)
        cookie = answer.headers["set-cookie"].partition(";")[0]
        users[cookie] = answer.by
    return users


async def test_cookie_keeps_users_on_their_version_while_the_new_one_grows(
    router: EnvoyRouter, port: int
) -> None:
    async with services("old", "new") as (old, new):
        sticky = Sticky(by="cookie", name="shop-side")
        await prepare(router, port, {OLD: old, NEW: new}, sticky=sticky)
        await shift(router, {OLD: 800, NEW: 200})
        await until_served(port)
        users = await newcomers(port, 150)
        assert len(users) == 150
        assert 10 < Counter(users.values())["new"] < 60
        served = users
        for share in (200, 400, 700, 1000):
            await shift(router, {OLD: 1000 - share, NEW: share})
            await until_settled(port, users)
            now = await visit(port, users)
            assert share > 200 or now == users
            assert not [u for u, by in now.items() if by == "old" and served[u] == "new"]
            served = now
        assert set(served.values()) == {"new"}


async def until_served(port: int) -> None:
    async with asyncio.timeout(60):
        while (await ask(port)).status != 200:
            pass


async def until_settled(port: int, users: Mapping[str, str]) -> None:
    """Until two rounds over a few users agree: all workers have followed."""
    few = dict(list(users.items())[:20])
    async with asyncio.timeout(60):
        while await visit(port, few) != await visit(port, few):
            pass


async def visit(port: int, users: Mapping[str, str]) -> dict[str, str]:
    answers = {u: await ask(port, headers={"cookie": f"a=b; {u}; c=d"}) for u in users}
    assert not [u for u, answer in answers.items() if "set-cookie" in answer.headers]
    return {u: answer.by for u, answer in answers.items()}


async def test_header_keeps_users_on_their_version(router: EnvoyRouter, port: int) -> None:
    async with services("old", "new") as (old, new):
        sticky = Sticky(by="header", name="x-user")
        await prepare(router, port, {OLD: old, NEW: new}, sticky=sticky)
        await shift(router, {OLD: 500, NEW: 500})
        await until_served(port)
        rounds = [
            [(await ask(port, headers={"x-user": f"u{n}"})).by for n in range(60)] for _ in range(3)
        ]
        assert rounds[0] == rounds[1] == rounds[2]
        assert set(rounds[0]) == {"old", "new"}
