"""Judging samples that are handed over, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.parts import build_parts


def request(judge: str = "NetflixACAJudge-v1.0", *, factor: float = 2.0, **more: Any) -> Any:
    control = [10.0 + n % 7 for n in range(60)]
    return {
        "canaryConfig": {
            "name": "shop",
            "judge": {"name": judge, **more},
            "metrics": [
                {
                    "name": "cpu",
                    "groups": ["system"],
                    "analysisConfigurations": {"canary": {"direction": "increase"}},
                }
            ],
        },
        "scoreThresholds": {"pass": 95, "marginal": 75},
        "metricSetPairList": [
            {
                "name": "cpu",
                "id": "1",
                "values": {
                    "control": [*control, "NaN"],
                    "experiment": [factor * v for v in control],
                },
            }
        ],
    }


@pytest.mark.parametrize("path", ["http://127.0.0.1:7600/judge", "/judge"])
async def test_both_paths_answer_with_the_result_document(path: str) -> None:
    async with build_parts().client() as client:
        answer = await client.post(path, json=request())
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["judgeName"] == "NetflixACAJudge-v1.0"
    assert [result["classification"] for result in found["results"]] == ["High"]
    assert found["score"] == {"score": 0.0, "classification": "Fail", "classificationReason": ""}


async def test_a_document_that_cannot_be_judged_is_refused_with_its_mistakes() -> None:
    async with build_parts().client() as client:
        unknown = await client.post("/judge", json=request("NetflixACAJudge"))
        shapeless = await client.post("/judge", content=b"[1, 2")
    assert unknown.status_code == shapeless.status_code == 422
    problem = unknown.json()["problems"][0]
    assert (problem["path"], problem["nearest"]) == ("judge.name", "NetflixACAJudge-v1.0")
    assert shapeless.json()["code"] == "invalid_document"


async def test_samples_may_be_many_and_other_requests_may_not() -> None:
    body = b" " * (1024 * 1024 + 1)
    async with build_parts().client() as client:
        assert (await client.post("/judge", content=body)).status_code == 422
        assert (await client.post("/plans", content=body)).status_code == 413
        sizes = {"content-length": str(64 * 1024 * 1024 + 1)}
        assert (await client.post("/judge", content=b"{}", headers=sizes)).status_code == 413
