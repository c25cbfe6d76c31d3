from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.api.parts import Parts, build_parts
from tests.unit.canary.recorded import BEGAN, ID, alike, broken, record
from turnout.canary.evidence import write_slices
from turnout.model.analysis import AnalysisRecord, AnalysisVerdict
from turnout.model.deployment import Kind, Request, Status
from turnout.model.journal import DeploymentRecord
from turnout.model.report import AnalysisLine, Report, SampleSeries

PATH = f"/canaries/{ID}"
END = timedelta(minutes=2)
PASS = {"choice": "pass", "by": "anna", "comment": "known"}


async def kept(analysis: AnalysisRecord, *, is_broken: bool = False) -> Parts:
    parts = build_parts()
    await parts.canaries.record_analysis(analysis)
    slices = broken(20) if is_broken else alike(20)
    await parts.canaries.append_evidence(ID, 0, write_slices(slices))
    return parts


async def end_deployment(parts: Parts, status: Status = Status.CANCELED) -> None:
    request = Request(id="d-1", kind=Kind.ROLLBACK, cluster="shop", requested_at=BEGAN, by="anna")
    ended = BEGAN + timedelta(seconds=90)
    await parts.journal.record_deployment(
        DeploymentRecord(
            request=request, status=status, sentence="cancelled by anna", ended_at=ended
        )
    )


async def get(parts: Parts, path: str, **wanted: Any) -> Any:
    async with parts.client() as client:
        answer = await client.get(path, params=wanted)
        return answer.json() if answer.is_success else answer.status_code


async def judge(parts: Parts, **body: Any) -> tuple[int, Any]:
    async with parts.client() as client:
        answer = await client.post(f"{PATH}/judgment", json=body)
        return answer.status_code, answer.json()


async def test_canaries_are_listed_newest_first_and_by_cluster() -> None:
    parts = await kept(record())
    (line,) = await get(parts, "/canaries", cluster="shop")
    assert AnalysisLine.model_validate(line).id == ID
    assert await get(parts, "/canaries", cluster="pay") == []
    assert await get(parts, "/canaries", deployment="d-2") == []


async def test_the_report_is_made_while_the_canary_goes_on() -> None:
    parts = await kept(record(), is_broken=True)
    report = Report.model_validate(await get(parts, PATH))
    assert report.verdict is AnalysisVerdict.RUNNING
    assert report.metrics[0].name == "errors"
    assert report.metrics[0].counted.steps == 20


async def test_the_raw_samples_are_what_was_seen() -> None:
    series = await get(await kept(record()), f"{PATH}/samples")
    errors, latency = (SampleSeries.model_validate(one) for one in series)
    assert errors.metric == "errors"
    assert list(errors.canary[1]) == [40] * 20
    assert latency.columns == ("above 50 ms", "above 250 ms", "requests")


async def test_the_page_may_load_nothing_and_is_html() -> None:
    parts = await kept(record())
    async with parts.client() as client:
        answer = await client.get(f"{PATH}/page")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "script-src" not in policy
    assert "<h1>Still comparing shop-v004 with shop-v003" in answer.text


@pytest.mark.parametrize("path", ["", "/samples", "/page"])
async def test_an_unknown_canary_is_404(path: str) -> None:
    assert await get(build_parts(), f"/canaries/d-9.analyse-50{path}") == 404


async def test_the_page_wants_the_token_as_every_route_does() -> None:
    async with build_parts(token="s3cret").client() as client:
        assert (await client.get(f"{PATH}/page")).status_code == 401


async def test_a_canary_whose_deployment_has_ended_has_ended_with_it() -> None:
    parts = await kept(record())
    await end_deployment(parts)
    (line,) = await get(parts, "/canaries")
    assert line["sentence"] == "ended with the deployment: cancelled by anna"
    assert line["ended_at"] is not None
    report = await get(parts, PATH)
    assert report["headline"] == "No verdict: the deployment ended before there was one."
    assert report["reasons"][0] == "Ended with the deployment: cancelled by anna."
    assert (await judge(parts, **PASS))[0] == 409


async def test_a_person_decides_and_everybody_can_see_it() -> None:
    parts = await kept(record())
    status, judgment = await judge(parts, **PASS)
    assert (status, judgment["choice"], judgment["by"]) == (200, "pass", "anna")
    assert (await parts.canaries.read_judgment(ID)) is not None
    events = await parts.journal.read_events(after=0)
    assert [(e.kind, e.sentence) for e in events] == [
        ("canary.judged", f"anna said pass about {ID}: known")
    ]


async def test_the_same_answer_again_is_fine_and_another_one_is_not() -> None:
    parts = await kept(record())
    await judge(parts, **PASS)
    assert (await judge(parts, **PASS))[0] == 200
    assert len(await parts.journal.read_events(after=0)) == 1
    status, problem = await judge(parts, choice="fail", by="bert")
    assert (status, problem["detail"]) == (409, f"anna has said pass about {ID} already")


async def test_an_answer_after_the_end_is_too_late() -> None:
    ended = record(AnalysisVerdict.FAIL, "Failed after 20 s.", ended_after=END)
    status, problem = await judge(await kept(ended), **PASS)
    assert (status, problem["detail"]) == (409, f"{ID} has ended: Failed after 20 s.")


async def test_only_those_who_are_named_may_decide() -> None:
    parts = await kept(record(judges=("team-lead",)))
    status, problem = await judge(parts, **PASS)
    assert (status, problem["code"]) == (403, "forbidden")
    assert "team-lead" in problem["hint"]
    assert (await judge(parts, choice="pass", by="team-lead"))[0] == 200


@pytest.mark.parametrize("body", [{}, {"choice": "maybe"}, {"choice": "pass", "why": "x"}])
async def test_an_answer_that_is_none_is_refused(body: dict[str, str]) -> None:
    assert (await judge(await kept(record()), **body))[0] == 422
