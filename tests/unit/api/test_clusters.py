from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.unit.api.parts import SERVICE, Parts, build_parts, deploy_body
from turnout.model.deployment import Status
from turnout.model.journal import DeploymentRecord
from turnout.model.traffic import GroupTraffic


async def deployed(parts: Parts, client: httpx2.AsyncClient, *versions: str) -> None:
    for version in versions:
        answer = await client.post("/deployments", json=deploy_body(version=version))
        assert answer.json()["status"] == "succeeded", answer.text


async def operate(client: httpx2.AsyncClient, **body: Any) -> httpx2.Response:
    return await client.post("/clusters/shop/operations", json=body)


async def test_a_cluster_is_shown_with_its_groups_split_traffic_and_address() -> None:
    parts = build_parts()
    async with parts.client() as client:
        assert (await client.get("/clusters")).json() == []
        await deployed(parts, client, "1", "2")
        parts.world.traffic["shop-v001"] = GroupTraffic(
            requests=7, latency_ms=((1.0, 7), (float("inf"), 7))
        )
        view = (await client.get("/clusters/shop")).json()
        assert [group["name"] for group in view["state"]["groups"]] == ["shop-v000", "shop-v001"]
        assert view["state"]["split"]["shares"] == {"shop-v001": 1000}
        assert view["traffic"]["shop-v001"]["requests"] == 7
        assert view["address"] == "http://127.0.0.1:8080"
        assert (view["running"], view["waiting"]) == (None, [])
        assert (await client.get("/clusters")).json() == [view]


async def test_a_figure_without_end_crosses_as_a_text_that_can_be_read_again() -> None:
    parts = build_parts()
    async with parts.client() as client:
        await deployed(parts, client, "1")
        parts.world.traffic["shop-v000"] = GroupTraffic(latency_ms=((float("inf"), 7),))
        answer = await client.get("/clusters/shop")
    traffic = answer.json()["traffic"]["shop-v000"]
    assert GroupTraffic.model_validate_json(
        answer.text[answer.text.index('{"requests"') :].partition("]]}")[0] + "]]}"
    ) == GroupTraffic(latency_ms=((float("inf"), 7),))
    assert traffic["latency_ms"] == [["Infinity", 7]]


async def test_a_cluster_shows_up_while_its_first_deployment_waits() -> None:
    parts = build_parts()
    parts.deployer.hold_back = True
    async with parts.client() as client:
        for key in ("a", "b"):
            await client.post("/deployments", json=deploy_body(), headers={"Idempotency-Key": key})
        (view,) = (await client.get("/clusters")).json()
    assert view["state"]["cluster"] == "shop"
    assert view["address"] is None
    assert [record["request"]["id"] for record in view["waiting"]] == ["a", "b"]


async def test_an_unknown_cluster_is_not_found_and_the_known_ones_are_named() -> None:
    parts = build_parts()
    async with parts.client() as client:
        await deployed(parts, client, "1")
        for method, path, body in (
            ("GET", "/clusters/shpo", None),
            ("POST", "/clusters/shpo/operations", {"kind": "rollback"}),
            ("POST", "/clusters/shpo/hold", {"reason": "why"}),
            ("POST", "/clusters/shpo/release", {}),
        ):
            answer = await client.request(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            assert "shop" in answer.json()["hint"]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "rollback", "group": "shop-v009"},
        {"kind": "resize", "group": "shop-v009", "instances": 2},
        {"kind": "enable", "group": "shop-v009"},
        {"kind": "disable", "group": "shop-v009"},
        {"kind": "destroy", "group": "shop-v009"},
    ],
)
async def test_an_unknown_server_group_is_not_found_and_nothing_is_recorded(
    body: dict[str, Any],
) -> None:
    parts = build_parts()
    async with parts.client() as client:
        await deployed(parts, client, "1")
        for answer in (
            await operate(client, **body),
            await operate(client, **body, plan_only=True),
        ):
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (404, "not_found")
            assert problem["detail"] == "shop has no server group 'shop-v009'"
            assert problem["hint"] == "Did you mean 'shop-v000'? It has: shop-v000."
        listed = (await client.get("/deployments")).json()
    assert len(listed) == 1


async def test_a_server_group_that_is_still_to_come_may_be_named() -> None:
    parts = build_parts()
    async with parts.client() as client:
        await deployed(parts, client, "1")
        parts.deployer.hold_back = True
        waiting = (await client.post("/deployments", json=deploy_body(version="2"))).json()
        coming = {"kind": "resize", "group": "shop-v001", "instances": 2}
        assert (await operate(client, **coming)).status_code == 202
        record = DeploymentRecord.model_validate_json(json.dumps(waiting))
        plan = await parts.deployer.plan(record.request)
        running = record.model_copy(update={"status": Status.RUNNING, "plan": plan})
        await parts.journal.record_deployment(running)
        assert (await operate(client, **coming)).status_code == 202
        coming["group"] = "shop-v002"
        assert (await operate(client, **coming)).status_code == 404


async def test_a_rollback_goes_back_and_holds_the_cluster_until_it_is_released() -> None:
    parts = build_parts()
    async with parts.client() as client:
        await deployed(parts, client, "1", "2")
        back = await operate(client, kind="rollback", by="ana", reason="broken")
        assert (back.status_code, back.json()["status"]) == (202, "succeeded")
        assert parts.world.listeners["shop"].split.shares == {"shop-v000": 1000}
        assert (await client.get("/clusters/shop")).json()["state"]["held"] == "broken"
        refused = await client.post("/deployments", json=deploy_body(version="3"))
        assert refused.json()["status"] == "refused"
        released = await client.post("/clusters/shop/release", json={"by": "ana"})
        assert released.json() == {"cluster": "shop", "held": ""}
        again = await client.post("/deployments", json=deploy_body(version="3"))
        assert again.json()["status"] == "succeeded"


async def test_a_hold_is_recorded_and_told_to_those_who_follow() -> None:
    parts = build_parts()
    async with parts.client() as client:
        await deployed(parts, client, "1")
        held = await client.post("/clusters/shop/hold", json={"reason": "launch", "by": "ana"})
    assert held.json() == {"cluster": "shop", "held": "launch"}
    event = (await parts.journal.read_events(after=0))[-1]
    assert (event.kind, event.sentence) == (
        "cluster.held",
        "deployments of shop are held by ana: launch",
    )


async def test_a_single_operation_can_be_planned_without_being_done() -> None:
    parts = build_parts()
    async with parts.client() as client:
        await deployed(parts, client, "1", "2")
        asked = len(parts.deployer.asked)
        plan = await operate(client, kind="destroy", group="shop-v000", plan_only=True)
        assert plan.status_code == 200
        assert plan.json()["destroys"] == ["shop-v000"]
        assert len(parts.deployer.asked) == asked
        done = await operate(
            client, kind="destroy", group="shop-v000", fingerprint=plan.json()["fingerprint"]
        )
        assert done.json()["status"] == "succeeded"
        stale = await operate(client, kind="shrink", fingerprint=plan.json()["fingerprint"])
        assert stale.json()["status"] == "refused"


async def test_an_operation_that_ended_the_cluster_can_be_sent_again_by_its_key() -> None:
    parts = build_parts()
    body = {"kind": "destroy", "group": "shop-v000", "force": "moving house"}
    async with parts.client() as client:
        await deployed(parts, client, "1")
        headers = {"Idempotency-Key": "the-end"}
        path = "/clusters/shop/operations"
        first = await client.post(path, json=body, headers=headers)
        assert first.json()["status"] == "succeeded"
        assert (await client.get("/clusters/shop")).status_code == 404
        again = await client.post(path, json=body, headers=headers)
        assert (again.status_code, again.json()) == (202, first.json())
        other = await client.post(path, json=body, headers={"Idempotency-Key": "another"})
        assert other.status_code == 404


async def test_every_kind_of_operation_reaches_the_engine_as_it_was_meant() -> None:
    parts = build_parts()
    parts.deployer.hold_back = True
    bodies: list[dict[str, Any]] = [
        {"kind": "rollback"},
        {"kind": "rollback", "group": "shop-v000", "force": "fire"},
        {"kind": "resize", "group": "shop-v000", "instances": 0},
        {"kind": "enable", "group": "shop-v000"},
        {"kind": "enable", "group": "shop-v000", "share": 100},
        {"kind": "disable", "group": "shop-v000"},
        {"kind": "destroy", "group": "shop-v000"},
        {"kind": "shrink", "keep": 1},
    ]
    async with parts.client() as client:
        await client.post("/deployments", json=deploy_body())
        for body in bodies:
            assert (await operate(client, **body)).status_code == 202
    asked = [
        (str(r.kind), r.group, r.instances, r.share, r.keep, r.force)
        for r in parts.deployer.asked[1:]
    ]
    assert asked == [
        ("rollback", "", None, 1000, None, ""),
        ("rollback", "shop-v000", None, 1000, None, "fire"),
        ("resize", "shop-v000", 0, 1000, None, ""),
        ("enable", "shop-v000", None, 1000, None, ""),
        ("enable", "shop-v000", None, 100, None, ""),
        ("disable", "shop-v000", None, 1000, None, ""),
        ("destroy", "shop-v000", None, 1000, None, ""),
        ("shrink", "", None, 1000, 1, ""),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "deploy"}, "expected tags: 'rollback'"),
        ({"kind": "resize", "group": "shop-v000"}, "body.resize.instances: field required"),
        ({}, "unable to extract tag"),
        ({"kind": "enable"}, "body.enable.group: field required"),
        ({"kind": "rollback", "share": 5}, "body.rollback.share: extra inputs are not permitted"),
        ({"kind": "shrink", "keep": 0}, "greater than or equal to 1"),
        ({"kind": "enable", "group": "shop-v000", "share": "5"}, "valid integer"),
        ({"kind": "destroy", "group": "../x"}, "match pattern"),
        ({"kind": "rollback", "plan_only": "yes"}, "valid boolean"),
    ],
)
async def test_an_operation_that_makes_no_sense_is_refused(body: dict[str, Any], said: str) -> None:
    parts = build_parts()
    async with parts.client() as client:
        await deployed(parts, client, "1")
        answer = await operate(client, **body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


async def test_the_log_of_one_instance_is_plain_and_of_several_each_line_is_marked() -> None:
    parts = build_parts()
    async with parts.client() as client:
        await client.post("/deployments", json=deploy_body(SERVICE + "instances: 2\n"))
        both = await client.get("/groups/shop-v000/log")
        assert both.text == "i-0 i-0 is running\ni-1 i-1 is running\n"
        assert both.headers["content-type"] == "text/plain; charset=utf-8"
        one = await client.get("/groups/shop-v000/log", params={"instance": "i-1"})
        assert one.text == "i-1 is running\n"
        followed = await client.get("/groups/shop-v000/log", params={"follow": "true"})
        assert sorted(followed.text.splitlines()) == ["i-0 i-0 is running", "i-1 i-1 is running"]


@pytest.mark.parametrize(
    "path", ["/groups/shop-v009/log", "/groups/shop/log", "/groups/shop-v000/log?instance=i-9"]
)
async def test_the_log_of_what_does_not_exist_is_not_found(path: str) -> None:
    parts = build_parts()
    async with parts.client() as client:
        await deployed(parts, client, "1")
        for follow in ("true", "false"):
            answer = await client.get(path, params={"follow": follow, "lines": "5"})
            if "?" not in path:
                assert answer.status_code == 404, answer.text
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
