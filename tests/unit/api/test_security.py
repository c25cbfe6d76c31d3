from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

import pytest
import structlog

from tests.unit.api.parts import build_parts, deploy_body
from turnout.api.security import MOST_BODY
from turnout.model.page_link import build_page_link, refuse_page_link, sign_page


@pytest.mark.parametrize(
    "base",
    ["http://127.0.0.1:7600", "http://localhost:7600", "http://[::1]:7600", "http://LOCALHOST"],
)
async def test_names_of_loopback_are_answered(base: str) -> None:
    async with build_parts().client(base) as client:
        assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize(
    "base", ["http://evil.example:7600", "http://127.0.0.1.evil.example", "http://10.0.0.1:7600"]
)
async def test_a_page_that_calls_itself_by_another_name_gets_nothing(base: str) -> None:
    """DNS rebinding: the browser believes that evil.example is this machine."""
    async with build_parts().client(base) as client:
        answer = await client.get("/clusters")
    assert (answer.status_code, answer.json()["code"]) == (421, "wrong_host")


async def test_another_address_of_loopback_is_answered_to_when_it_is_listened_on() -> None:
    parts = build_parts(address="http://127.0.0.2:7700")
    for base in ("http://127.0.0.2:7700", "http://127.0.0.2", "http://localhost:7700"):
        async with parts.client(base) as client:
            assert (await client.get("/health")).status_code == 200, base
    for base in ("http://127.0.0.3:7700", "http://127.0.0.2.evil.example:7700"):
        async with parts.client(base) as client:
            answer = await client.get("/clusters")
        assert answer.json()["code"] == "wrong_host", base
        assert answer.json()["hint"].startswith("Ask it at http://127.0.0.2:7700;")


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:3000", "null"])
async def test_a_page_of_another_origin_may_change_nothing(origin: str) -> None:
    parts = build_parts()
    async with parts.client(origin=origin) as client:
        answer = await client.post("/deployments", json=deploy_body())
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert not parts.deployer.asked


async def test_a_page_of_our_own_may() -> None:
    async with build_parts().client(origin="http://127.0.0.1:7600") as client:
        assert (await client.post("/deployments", json=deploy_body())).status_code == 202


async def test_what_a_form_of_any_page_could_send_is_not_read_as_json() -> None:
    parts = build_parts()
    async with parts.client() as client:
        answer = await client.post(
            "/deployments",
            content=json.dumps(deploy_body()),
            headers={"Content-Type": "text/plain"},
        )
    assert answer.status_code == 422
    assert not parts.deployer.asked


async def test_nobody_is_allowed_to_read_across_origins() -> None:
    async with build_parts().client(origin="http://evil.example") as client:
        answer = await client.get("/health")
        asked = await client.options("/health", headers={"Access-Control-Request-Method": "GET"})
    for found in (answer, asked):
        assert not [name for name in found.headers if name.startswith("access-control-")]


async def test_with_a_token_only_those_who_know_it_are_let_in() -> None:
    parts = build_parts(token="s3cret")
    async with parts.client("http://turnout.example:7600") as client:
        without = await client.get("/clusters")
        assert (without.status_code, without.json()["code"]) == (401, "unauthorized")
        assert without.headers["www-authenticate"] == "Bearer"
        for wrong in (
            b"Bearer s3cre",
            b"Bearer s3cret2",
            b"Bearer \xe9",
            b"Basic s3cret",
            b"Bearer",
        ):
            refused = await client.get("/clusters", headers={b"Authorization": wrong})
            assert refused.status_code in (401, 403), wrong
            assert "s3cret" not in refused.text
        right = await client.get("/clusters", headers={"Authorization": "Bearer s3cret"})
        assert right.status_code == 200
        assert (await client.get("/openapi.json")).status_code == 200


async def test_too_large_a_request_is_refused_before_it_is_read() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            sent.append(1)
            yield b"x" * 65536

    sent: list[int] = []
    async with build_parts().client() as client:
        declared = await client.post("/deployments", content=b"x" * (MOST_BODY + 1))
        assert (declared.status_code, declared.json()["code"]) == (413, "too_large")
        streamed = await client.post(
            "/deployments", content=endless(), headers={"Content-Type": "application/json"}
        )
        assert streamed.status_code == 413
    assert len(sent) <= MOST_BODY // 65536 + 2


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '"x"', "1" * 5000, "[" * 100_000, "{}" * 2, "\x00"]
)
async def test_what_is_no_request_is_refused_without_a_crash(content: str) -> None:
    async with build_parts().client() as client:
        answer = await client.post(
            "/deployments", content=content, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_every_answer_carries_the_headers_that_browsers_heed() -> None:
    async with build_parts().client() as client:
        for path in ("/health", "/nowhere", "/docs", "/clusters/none"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert "default-src 'none'" in headers["content-security-policy"]
            assert headers["cache-control"] == "no-store"


async def test_a_bug_is_told_by_a_number_and_its_trace_only_in_the_log() -> None:
    parts = build_parts()

    async def broken() -> tuple[str, ...]:
        raise ZeroDivisionError("the secret reason")

    parts.backend.inventory.observe_clusters = broken  # type: ignore[method-assign]
    with structlog.testing.capture_logs() as logs:
        async with parts.client() as client:
            answer = await client.get("/clusters")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (500, "http_500")
    assert "secret reason" not in answer.text
    (line,) = [entry for entry in logs if entry["event"] == "request.failed"]
    assert line["incident"] in problem["detail"]
    assert line["exc_info"]


async def test_until_the_server_is_ready_it_says_so_and_when_to_ask_again() -> None:
    parts = build_parts(is_open=False)
    async with parts.client() as client:
        health = await client.get("/health")
        assert health.json() == {
            "status": "starting",
            "version": "9.9.9",
            "data_folder": "/data",
            "target": "local",
        }
        early = await client.get("/clusters")
        assert (early.status_code, early.headers["retry-after"]) == (503, "1")
        parts.entrance.open(parts.backend)
        assert (await client.get("/health")).json()["status"] == "ready"
        assert (await client.get("/clusters")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/clusters", 405), ("GET", "/clusters/", 404)],
)
async def test_what_does_not_exist_is_told_as_a_problem(
    method: str, path: str, status: int
) -> None:
    async with build_parts().client() as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["detail"] == f"There is no {method} /api/v1{path}"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_unknown_parameters_of_a_query_are_refused() -> None:
    async with build_parts().client() as client:
        for path in ("/deployments?clutser=shop", "/deployments?limit=0", "/events?after=-1"):
            assert (await client.get(path)).status_code == 422, path


async def test_the_doctor_and_the_schema_are_reached() -> None:
    async with build_parts().client() as client:
        (finding,) = (await client.get("/doctor")).json()
        assert finding == {
            "name": "disk",
            "ok": False,
            "sentence": "1 GB is free",
            "hint": "Make room.",
        }
        assert (await client.get("/schema/service")).json()["type"] == "object"


async def test_the_description_needs_nothing_from_other_servers() -> None:
    async with build_parts().client() as client:
        page = (await client.get("/docs")).text
        openapi = (await client.get("/openapi.json")).json()
    assert "http://" not in page
    assert "https://" not in page
    for path in openapi["paths"]:
        assert path in page


PAGE = "/api/v1/canaries/d-1.analyse-50/page"
UNTIL = 1_800_003_600


@pytest.mark.parametrize(
    ("method", "path", "later", "signed_for", "told"),
    [
        ("GET", PAGE, 0, PAGE, ""),
        ("GET", PAGE, 3600, PAGE, ""),
        ("GET", PAGE, 3601, PAGE, "no longer valid"),
        ("GET", PAGE, -301, PAGE, "no longer valid"),
        ("GET", PAGE.replace("50", "60"), 0, PAGE, "opens nothing here"),
        ("GET", "/api/v1/clusters", 0, "/api/v1/clusters", "opens nothing here"),
        ("POST", PAGE, 0, PAGE, "opens nothing here"),
        ("HEAD", PAGE, 0, PAGE, "opens nothing here"),
    ],
)
def test_a_link_opens_one_page_for_an_hour(
    method: str, path: str, later: int, signed_for: str, told: str
) -> None:
    signature = sign_page("s3cret", signed_for, UNTIL)
    asked = {"until": str(UNTIL), "signature": signature, "now": UNTIL - 3600.0 + later}
    why = refuse_page_link("s3cret", method, path, **asked)  # type: ignore[arg-type] # of two types
    assert told in why
    assert bool(why) == bool(told)


@pytest.mark.parametrize(
    ("until", "token"),
    [(UNTIL + 60, "s3cret"), ("", "s3cret"), ("²", "s3cret"), (UNTIL, "another")],
)
def test_a_link_that_was_changed_opens_nothing(until: int | str, token: str) -> None:
    signature = sign_page(token, PAGE, UNTIL)
    why = refuse_page_link(
        "s3cret", "GET", PAGE, until=str(until), signature=signature, now=UNTIL - 10.0
    )
    assert "opens nothing here" in why


async def test_with_a_token_a_browser_opens_a_page_by_its_link() -> None:
    """The canary does not exist, which only who is let in can know."""
    link = build_page_link("s3cret", PAGE, time.time())
    async with build_parts(token="s3cret").client("http://10.0.0.1:7600") as client:
        base = "http://10.0.0.1:7600"
        assert (await client.get(base + link)).status_code == 404
        assert (await client.post(base + link)).status_code == 403
        assert (await client.get(base + PAGE)).status_code == 401
        refused = await client.get(base + link[:-4] + "beef")
        other = await client.get(base + link.replace("analyse-50", "analyse-51"))
    assert (refused.status_code, other.status_code) == (403, 403)
    assert "turnout canary show CANARY --link" in refused.text


def test_without_a_token_a_link_is_the_address() -> None:
    assert build_page_link("", PAGE, 0.0) == PAGE
