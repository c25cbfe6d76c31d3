from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.api.parts import SERVICE, build_parts, deploy_body


async def test_a_deployment_is_taken_on_and_can_be_read() -> None:
    parts = build_parts()
    async with parts.client() as client:
        taken = await client.post("/deployments", json=deploy_body(by="ana", reason="friday"))
        record = taken.json()
        assert (taken.status_code, record["status"]) == (202, "succeeded")
        assert record["request"]["by"] == "ana"
        assert record["request"]["service"]["settings"]["run"]["folder"] == "/srv/shop"
        assert taken.headers["location"] == f"/api/v1/deployments/{record['request']['id']}"
        read = await client.get(f"/deployments/{record['request']['id']}")
        assert read.status_code == 200
        assert read.json()["record"] == record
        assert [split["shares"] for split in read.json()["splits"]] == [{"shop-v000": 1000}]


async def test_what_is_overridden_wins_over_the_file() -> None:
    parts = build_parts()
    body = deploy_body(version="2", strategy="highlander", instances=3, on_busy="rejected")
    async with parts.client() as client:
        request = (await client.post("/deployments", json=body)).json()["request"]
    assert request["service"]["settings"]["version"] == "2"
    assert request["service"]["strategy"] == "highlander"
    assert request["on_busy"] == "rejected"
    assert len(parts.world.groups["shop-v000"].instances) == 3


async def test_the_same_key_and_body_deploy_once() -> None:
    parts = build_parts()
    async with parts.client(idempotency_key="friday-1") as client:
        first = await client.post("/deployments", json=deploy_body())
        again = await client.post("/deployments", json=deploy_body())
    assert first.json() == again.json()
    assert first.json()["request"]["id"] == "friday-1"
    assert (again.status_code, len(parts.deployer.asked)) == (202, 1)


async def test_the_same_key_with_another_body_is_a_conflict() -> None:
    parts = build_parts()
    async with parts.client(idempotency_key="friday-1") as client:
        await client.post("/deployments", json=deploy_body())
        other = await client.post("/deployments", json=deploy_body(version="2"))
        operation = await client.post("/clusters/shop/operations", json={"kind": "shrink"})
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert (operation.status_code, len(parts.deployer.asked)) == (409, 1)


async def test_two_different_bodies_with_one_key_at_once_do_not_both_win() -> None:
    parts = build_parts()
    async with parts.client(idempotency_key="race") as client:
        answers = await asyncio.gather(
            *(client.post("/deployments", json=deploy_body(version=v)) for v in "123")
        )
    assert sorted(a.status_code for a in answers) == [202, 409, 409]


async def test_without_a_key_each_request_is_one_of_its_own() -> None:
    parts = build_parts()
    async with parts.client() as client:
        ids = [
            (await client.post("/deployments", json=deploy_body())).json()["request"]["id"]
            for _ in range(2)
        ]
    assert len(set(ids)) == 2


async def test_a_plan_touches_nothing() -> None:
    parts = build_parts()
    async with parts.client() as client:
        plan = await client.post("/plans", json=deploy_body())
    assert plan.status_code == 200
    assert plan.json()["new_group"] == "shop-v000"
    assert not parts.world.groups
    assert not parts.deployer.asked


async def test_deployments_are_listed_newest_first_by_page_cluster_and_status() -> None:
    parts = build_parts()
    other = SERVICE.replace("application: shop", "application: bank").replace("8080", "8081")
    async with parts.client() as client:
        for key, body in (("a", SERVICE), ("b", other), ("c", SERVICE)):
            await client.post(
                "/deployments", json=deploy_body(body), headers={"Idempotency-Key": key}
            )

        async def ids(**query: Any) -> list[str]:
            answer = await client.get("/deployments", params=query)
            assert answer.status_code == 200, answer.text
            return [record["request"]["id"] for record in answer.json()]

        assert await ids() == ["c", "b", "a"]
        assert await ids(limit=2) == ["c", "b"]
        assert await ids(before="b") == ["a"]
        assert await ids(cluster="bank") == ["b"]
        assert await ids(status=["failed", "succeeded"]) == ["c", "b", "a"]
        assert await ids(status="failed") == []


async def test_cancelling_says_what_became_of_it_or_that_it_is_too_late() -> None:
    parts = build_parts()
    parts.deployer.hold_back = True
    async with parts.client(idempotency_key="x") as client:
        await client.post("/deployments", json=deploy_body())
        canceled = await client.post("/deployments/x/cancel", json={"by": "ana", "reason": "oops"})
        assert (canceled.status_code, canceled.json()["status"]) == (202, "canceled")
        late = await client.post("/deployments/x/cancel", json={})
        assert (late.status_code, late.json()["code"]) == (409, "conflict")
        unknown = await client.post("/deployments/y/cancel", json={})
        assert unknown.status_code == 404


async def test_an_answer_that_nobody_asked_for_is_a_conflict() -> None:
    parts = build_parts()
    async with parts.client(idempotency_key="x") as client:
        await client.post("/deployments", json=deploy_body())
        answer = await client.post("/deployments/x/answer", json={"choice": "retry"})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"instances": "3"}, "body.instances"),
        ({"instances": 0}, "body.instances"),
        ({"instances": True}, "body.instances"),
        ({"instances": 1.5}, "body.instances"),
        ({"on_busy": "later"}, "body.on_busy"),
        ({"colour": "blue"}, "body.colour"),
        ({"by": "a\x00b"}, "body.by"),
        ({"by": "x" * 1001}, "body.by"),
        ({"reason": "\ud800"}, "body"),
        ({"document": {"text": SERVICE, "folder": "shop"}}, "body.document.folder"),
        ({"document": {"text": SERVICE, "folder": ""}}, "body.document.folder"),
        ({"document": {"folder": "/srv"}}, "body.document.text"),
        ({"document": None}, "body.document"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_with_the_place(
    change: dict[str, Any], path: str
) -> None:
    parts = build_parts()
    async with parts.client() as client:
        if "reason" in change:  # half a character can only be sent as an escape
            answer = await client.post(
                "/deployments",
                content='{"document": {"text": "x", "folder": "/"}, "reason": "\\ud800"}',
                headers={"Content-Type": "application/json"},
            )
        else:
            answer = await client.post("/deployments", json={**deploy_body(), **change})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_request"), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert any(item["path"].startswith(path) for item in problem["problems"]), problem
    assert not parts.deployer.asked


async def test_a_service_file_with_mistakes_is_refused_with_all_of_them() -> None:
    text = SERVICE.replace("application", "applicaton").replace("port: 8080", "prot: 8080")
    parts = build_parts()
    async with parts.client() as client:
        for path, body in (
            ("/deployments", deploy_body(text)),
            ("/plans", deploy_body(text)),
            ("/documents/check", deploy_body(text)["document"]),
        ):
            answer = await client.post(path, json=body)
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (422, "invalid_document")
            found = {(item["line"], item["nearest"]) for item in problem["problems"]}
            assert {(2, "application"), (7, "port")} <= found
    assert not parts.deployer.asked


@pytest.mark.parametrize("length", [100, 101, 128, 129, 1000])
async def test_how_long_a_version_may_be_is_the_readers_business(length: int) -> None:
    parts = build_parts()
    version = "7" * length
    async with parts.client() as client:
        for path, body in (
            ("/plans", deploy_body(version=version)),
            ("/documents/check", {**deploy_body()["document"], "version": version}),
        ):
            answer = await client.post(path, json=body)
            if length <= 128:
                assert answer.status_code == 200, answer.text
            else:
                problem = answer.json()
                assert (answer.status_code, problem["code"]) == (422, "invalid_document")
                assert "use up to 128 letters" in problem["problems"][0]["message"]


async def test_a_document_can_be_checked_with_what_would_be_overridden() -> None:
    parts = build_parts()
    body = {**deploy_body()["document"], "version": "7", "strategy": "dark"}
    async with parts.client() as client:
        checked = await client.post("/documents/check", json=body)
        assert checked.status_code == 200
        assert checked.json()["strategy"] == "dark"
        wrong = await client.post("/documents/check", json={**body, "strategy": "drak"})
    assert wrong.status_code == 422
    assert wrong.json()["problems"][0]["nearest"] == "dark"
