"""A canary configuration for tests of canaries that are fine.

The one that is built in may alarm on one of a hundred of them: that is what its `alpha` means, and
would be a test that fails by chance. The demonstration is tested with the one that is built in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import yaml

from tests.e2e.api import Api
from tests.e2e.plant import PlantError
from turnout.documents.canary.default import DEFAULT_TEXT

STEADY = "steady"


def steady_text() -> str:
    """The configuration that is built in, but of a good canary it alarms on one in a million.

    Latency is shown only: the machine of a test is busy, and not with both arms alike. Errors count
    as ever.
    """
    document = yaml.safe_load(DEFAULT_TEXT)
    document["judge"]["judgeConfigurations"]["alpha"] = 1e-6
    (latency,) = [m for m in document["metrics"] if m["name"] == "latency"]
    latency["analysisConfigurations"]["canary"] |= {"critical": False, "muted": True}
    return json.dumps(document)


async def keep_steady(api: Api) -> None:
    """Have the server keep it. Doing so again changes nothing."""
    body = {"text": steady_text(), "name": "steady.json", "by": "e2e"}
    await api.ask("PUT", f"/canary/configs/{STEADY}", body)


@asynccontextmanager
async def person_at_hand(api: Api, deployment: str) -> AsyncIterator[None]:
    """Somebody who says pass when asked. A killed server counts nothing until it is back: on a slow
    machine too many figures are missing then, and a person is asked, as it should be."""
    person = asyncio.create_task(_answer(api, deployment))
    try:
        yield
    finally:
        person.cancel()
        await asyncio.gather(person, return_exceptions=True)


async def _answer(api: Api, deployment: str) -> None:
    body = {"choice": "pass", "by": "e2e"}
    while True:
        with suppress(PlantError):
            for canary in json.loads(await api.ask("GET", "/canaries")):
                if canary["deployment"] == deployment and canary["verdict"] == "asking":
                    await api.ask("POST", f"/canaries/{canary['id']}/judgment", body)
        await asyncio.sleep(0.5)
