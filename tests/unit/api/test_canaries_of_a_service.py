"""What can be known of a canary before anything is touched is refused when it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.api.parts import SERVICE, MemoryFigures, Parts, at, build_parts, deploy_body
from turnout.metrics import Account, open_sources
from turnout.metrics.sources import Sources

CANARY = SERVICE + "strategy: canary\noptions:\n  duration: {duration}\n  config: {config}\n"

CHECK = SERVICE + "strategy: blue_green\noptions:\n  before_traffic: [{{canary: {config}}}]\n"


def metric(query: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {
        "name": "load",
        "query": query,
        "groups": ["load"],
        "scopeName": "default",
        "analysisConfigurations": {"canary": {"kind": "gauge", **options}},
    }


PROMETHEUS = metric({"type": "prometheus", "customInlineTemplate": "PromQL:up"}, step=5)

BARE = metric({"type": "prometheus", "metricName": "cpu"}, step=5)


async def parts_with(*metrics: dict[str, Any]) -> Parts:
    """One that has a configuration `shop`, and sources of its own but no account."""
    parts = build_parts()
    own = {"router": MemoryFigures(), "process": MemoryFigures()}
    parts.entrance.open(replace(parts.backend, figures=Sources((), own)))
    document = {"name": "shop", "applications": ["shop"], "metrics": list(metrics)}
    await parts.canaries.record_config("shop", document, by="", at=at("2026-01-01T00:00:00Z"))
    return parts


@pytest.mark.parametrize("path", ["/deployments", "/plans"])
@pytest.mark.parametrize(
    "text", [CANARY.format(config="shpo", duration="15m"), CHECK.format(config="shpo")]
)
async def test_a_configuration_that_does_not_exist_is_refused(path: str, text: str) -> None:
    parts = await parts_with(PROMETHEUS)
    async with parts.client() as client:
        answer = await client.post(path, json=deploy_body(text))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "shpo" in answer.text
    assert "'shop'" in answer.text, "the nearest name"
    assert not parts.deployer.asked


async def test_the_configuration_that_is_built_in_has_a_name_too() -> None:
    parts = await parts_with()
    async with parts.client() as client:
        body = deploy_body(CANARY.format(config="default", duration="15m"))
        answer = await client.post("/plans", json=body)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", ["/deployments", "/plans"])
async def test_a_metric_without_an_account_is_refused_with_what_there_is(path: str) -> None:
    parts = await parts_with(PROMETHEUS)
    async with parts.client() as client:
        body = deploy_body(CANARY.format(config="shop", duration="15m"))
        answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_document")
    assert "no account of this type" in answer.text
    assert "process, router" in answer.text
    assert not parts.deployer.asked


async def test_a_query_that_cannot_be_asked_is_told_with_configuration_and_metric() -> None:
    parts = await parts_with(PROMETHEUS, {**BARE, "name": "m03"})
    account = Account("prod", "prometheus", "http://p", options={"scope_label": "pod"})
    async with open_sources([account], parts.backend.clock) as sources, parts.client() as client:
        parts.entrance.open(replace(parts.backend, figures=sources))
        body = deploy_body(CANARY.format(config="shop", duration="15m"))
        answer = await client.post("/plans", json=body)
    assert answer.status_code == 422
    (problem,) = answer.json()["problems"]
    assert problem["path"] == "options.config"
    assert problem["message"].startswith(
        'canary configuration shop: metrics[1] "m03": query: without template and resourceType '
    )
    assert 'customInlineTemplate, for example group="${scope}"' in problem["message"]


async def test_what_cannot_be_judged_in_its_time_is_refused() -> None:
    gauge = metric({"type": "process", "metricName": "cpu"}, critical=True)
    parts = await parts_with(gauge)
    async with parts.client() as client:
        body = deploy_body(CANARY.format(config="shop", duration="2m"))
        answer = await client.post("/deployments", json=body)
        longer = deploy_body(CANARY.format(config="shop", duration="5m"))
        fine = await client.post("/plans", json=longer)
    assert answer.status_code == 422
    assert "2m is too short for load: 3m20s is the least" in answer.text
    assert fine.status_code == 200, fine.text


async def test_what_was_taken_on_once_is_not_refused_later() -> None:
    """The configuration may be gone by then; the deployment has its own copy."""
    parts = await parts_with(metric({"type": "process", "metricName": "cpu"}))
    body = deploy_body(CANARY.format(config="shop", duration="15m"))
    async with parts.client(idempotency_key="friday-1") as client:
        first = await client.post("/deployments", json=body)
        await parts.canaries.delete_config("shop")
        again = await client.post("/deployments", json=body)
    assert (first.status_code, again.status_code) == (202, 202)
