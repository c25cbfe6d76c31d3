"""Canary configurations over HTTP: kept in versions, checked, compared; one is built in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.unit.api.parts import build_parts
from turnout.documents.canary import default_config
from turnout.model.canary.document import to_json_value

SHOP = """\
name: shop
applications: [shop]
metrics:
  - name: errors
    query: {type: router, metricName: errors}
    groups: [errors]
    scopeName: default
    analysisConfigurations:
      canary: {kind: gauge, margin: 0.1}
classifier:
  groupWeights: {errors: 100}
"""
CONFIGS = "/canary/configs"


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with build_parts().client() as found:
        yield found


async def keep(client: httpx2.AsyncClient, text: str, name: str = "shop") -> Any:
    answer = await client.put(f"{CONFIGS}/{name}", json={"text": text, "by": "ann"})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(client: httpx2.AsyncClient, method: str, path: str, **more: Any) -> Any:
    answer = await client.request(method, f"{CONFIGS}{path}", **more)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


async def test_what_is_kept_is_read_back_with_its_version(client: httpx2.AsyncClient) -> None:
    kept = await keep(client, SHOP)
    view = (await client.get(f"{CONFIGS}/shop")).json()
    assert kept == {"config": view, "warnings": []}
    assert (view["name"], view["version"], view["by"]) == ("shop", 1, "ann")
    assert view["at"] is not None
    assert view["document"]["metrics"][0]["query"] == {"type": "router", "metricName": "errors"}


async def test_the_name_in_the_path_counts(client: httpx2.AsyncClient) -> None:
    kept = await keep(client, SHOP, "cart")
    assert kept["config"]["document"]["name"] == "cart"
    kept = await keep(client, SHOP.replace("name: shop\n", ""), "cart")
    assert kept["config"]["version"] == 1


async def test_the_same_document_makes_no_version_and_another_one_does(
    client: httpx2.AsyncClient,
) -> None:
    await keep(client, SHOP)
    assert (await keep(client, f"# again\n{SHOP}"))["config"]["version"] == 1
    assert (await keep(client, SHOP.replace("0.1", "0.2")))["config"]["version"] == 2
    lines = (await client.get(f"{CONFIGS}/shop/versions")).json()
    assert [(line["version"], line["by"]) for line in lines] == [(2, "ann"), (1, "ann")]
    first = (await client.get(f"{CONFIGS}/shop", params={"version": 1})).json()
    options = first["document"]["metrics"][0]["analysisConfigurations"]["canary"]
    assert options["margin"] == 0.1


async def test_json_of_kayenta_is_kept_with_all_that_it_says(client: httpx2.AsyncClient) -> None:
    document = {
        "name": "shop",
        "applications": ["shop"],
        "metrics": [
            {"name": "cpu", "query": {"type": "atlas", "q": "name,cpu,:eq"}, "scopeName": "default"}
        ],
        "newer": {"a": [1]},
    }
    kept = await keep(client, json.dumps(document))
    assert kept["config"]["document"] == document
    assert kept["warnings"] == []


async def test_warnings_come_with_their_places(client: httpx2.AsyncClient) -> None:
    kept = await keep(client, SHOP.replace("margin", "marign"))
    assert kept["warnings"] == [
        {
            "message": "is not known here; it is kept, and means nothing",
            "path": "metrics[0].analysisConfigurations.canary.marign",
            "line": 9,
            "column": 29,
            "nearest": "margin",
            "severity": "warning",
        }
    ]


async def test_a_document_with_mistakes_is_not_kept(client: httpx2.AsyncClient) -> None:
    body = {"text": SHOP.replace("gauge", "gaugee"), "name": "my.yaml"}
    problem = await refused(client, "PUT", "/shop", json=body)
    assert (problem["status"], problem["code"]) == (422, "invalid_document")
    assert problem["detail"] == "my.yaml is not a valid canary configuration: 1 problem"
    (mistake,) = problem["problems"]
    assert (mistake["line"], mistake["nearest"], mistake["severity"]) == (9, "gauge", "error")
    assert (await refused(client, "GET", "/shop"))["status"] == 404


async def test_checking_keeps_nothing(client: httpx2.AsyncClient) -> None:
    answer = await client.post(f"{CONFIGS}/check", json={"text": SHOP.replace("100", "90")})
    checked = answer.json()
    assert checked["document"]["classifier"] == {"groupWeights": {"errors": 90}}
    assert [w["message"] for w in checked["warnings"]] == ["total 90, not 100"]
    assert (await refused(client, "POST", "/check", json={"text": "a: ["}))["status"] == 422
    assert (await refused(client, "GET", "/shop"))["status"] == 404


async def test_all_are_listed_with_the_one_that_is_built_in_first(
    client: httpx2.AsyncClient,
) -> None:
    await keep(client, SHOP)
    await keep(client, f"description: for carts\n{SHOP}", "cart")
    await keep(client, SHOP.replace("0.1", "0.2"))
    found = (await client.get(CONFIGS)).json()
    assert [(one["name"], one["version"], one["metrics"]) for one in found] == [
        ("default", 0, 5),
        ("cart", 1, 1),
        ("shop", 2, 1),
    ]
    assert [one["judge"] for one in found] == ["turnout-sequential", "", ""]
    assert found[1]["description"] == "for carts"


async def test_the_one_that_is_built_in_is_read_and_never_changed(
    client: httpx2.AsyncClient,
) -> None:
    view = (await client.get(f"{CONFIGS}/default")).json()
    assert view["document"] == to_json_value(default_config())
    assert (view["version"], view["at"]) == (0, None)
    assert (await client.get(f"{CONFIGS}/default/versions")).json() == [
        {"version": 0, "by": "", "at": None}
    ]
    for problem in (
        await refused(client, "PUT", "/default", json={"text": SHOP}),
        await refused(client, "DELETE", "/default"),
    ):
        assert (problem["status"], problem["code"]) == (409, "conflict")
        assert "built in" in problem["detail"]
    missing = await refused(client, "GET", "/default?version=1")
    assert (missing["status"], missing["code"]) == (404, "not_found")


async def diff(client: httpx2.AsyncClient, between: str = "", name: str = "shop") -> Any:
    found = (await client.get(f"{CONFIGS}/{name}/diff?{between}")).json()
    return found["before"], found["after"], [change["path"] for change in found["changes"]]


async def test_versions_are_compared(client: httpx2.AsyncClient) -> None:
    for margin in (0.1, 0.2, 0.3):
        await keep(client, SHOP.replace("0.1", str(margin)))
    await keep(client, SHOP.replace("100", "90"))
    margin_path = "metrics[errors].analysisConfigurations.canary.margin"
    weight = "classifier.groupWeights.errors"
    assert await diff(client) == (3, 4, [margin_path, weight])
    assert await diff(client, "to=2") == (1, 2, [margin_path])
    assert await diff(client, "from=1") == (1, 4, [weight])
    assert await diff(client, "from=3&to=1") == (3, 1, [margin_path])
    answer = (await client.get(f"{CONFIGS}/shop/diff", params={"from": 1, "to": 2})).json()
    (change,) = answer["changes"]
    assert change == {"path": margin_path, "kind": "changed", "before": 0.1, "after": 0.2}


async def test_the_first_version_differs_from_nothing(client: httpx2.AsyncClient) -> None:
    await keep(client, SHOP)
    assert await diff(client) == (1, 1, [])
    assert await diff(client, name="default") == (0, 0, [])
    assert (await refused(client, "GET", "/shop/diff?from=2"))["status"] == 404


async def test_a_deleted_one_is_gone(client: httpx2.AsyncClient) -> None:
    await keep(client, SHOP)
    answer = await client.delete(f"{CONFIGS}/shop")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await refused(client, "DELETE", "/shop"))["status"] == 404
    assert len((await client.get(CONFIGS)).json()) == 1


@pytest.mark.parametrize("path", ["", "/versions", "/diff"])
async def test_a_name_mistyped_is_answered_with_the_nearest(
    client: httpx2.AsyncClient, path: str
) -> None:
    await keep(client, SHOP, "shop-web")
    problem = await refused(client, "GET", f"/shop_wbe{path}")
    assert (problem["status"], problem["hint"]) == (404, "Did you mean 'shop-web'?")
    built_in = await refused(client, "GET", f"/defaults{path}")
    assert (built_in["status"], built_in["hint"]) == (404, "Did you mean 'default'?")
