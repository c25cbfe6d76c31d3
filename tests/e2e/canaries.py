"""A canary configuration for tests of canaries that are fine.

The one that is built in may alarm on one of a hundred of them: that is what its `alpha` means, and
would be a test that fails by chance. The demonstration is tested with the one that is built in.
"""

from __future__ import annotations

import json

import yaml

from tests.e2e.api import Api
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
