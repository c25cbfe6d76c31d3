"""The API against its own description, with inputs that fit it and inputs that do not."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from tests.unit.api.parts import SERVICE, build_parts, deploy_body
from turnout.api.app import PREFIX

EXAMPLES = 30
FEW = 5
PATIENCE = 120
"""Seconds."""

LONG = rf"^{PREFIX}/canary/(comparisons|durations|replays)$"
"""Each answer takes a process of its own, which has numpy to load: beside the inputs that cover the
description, which find the most, only a few by chance."""

CONFIG = {
    "checks": {"negative_data_rejection": {"expected-statuses": [400, 404, 405, 413, 422]}},
}


def _build_schema() -> schemathesis.BaseSchema:
    parts = build_parts()

    async def deploy() -> None:
        async with parts.client(idempotency_key="first") as client:
            for text in (SERVICE, SERVICE.replace('"1"', '"2"')):
                answer = await client.post("/deployments", json=deploy_body(text))
                assert answer.is_success or answer.status_code == 409

    asyncio.run(deploy())
    return schemathesis.openapi.from_asgi(
        f"{PREFIX}/openapi.json",
        parts.app,
        headers={"Host": "127.0.0.1:7600"},
        config=SchemathesisConfig.from_dict(CONFIG),
    )


# Streams have no end; they have tests of their own.
schema = _build_schema().exclude(path=f"{PREFIX}/events")


def searched(examples: int) -> settings:
    return settings(max_examples=examples, suppress_health_check=list(HealthCheck))


@schema.exclude(path_regex=LONG).parametrize()
@searched(EXAMPLES)
def test_answers_are_as_described_and_never_a_crash(case: schemathesis.Case[Any]) -> None:
    validate(case)


@schema.exclude(lambda context: not re.match(LONG, context.operation.path)).parametrize()
@searched(FEW)
def test_answers_of_long_calculations_are_so_too(case: schemathesis.Case[Any]) -> None:
    validate(case)


def validate(case: schemathesis.Case[Any]) -> None:
    checks = list(CHECKS.get_all())
    if "document" in str(case.operation.definition.raw):
        # What the text of a service file must be is said by a schema of its own.
        checks.remove(schemathesis.checks.positive_data_acceptance)
    case.call_and_validate(
        base_url="http://127.0.0.1:7600",
        checks=checks,  # type: ignore[arg-type] # its own list
        timeout=PATIENCE,
    )
