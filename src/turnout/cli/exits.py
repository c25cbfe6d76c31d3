"""Exit codes: what they mean, and the two tables that lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Exit(IntEnum):
    """How a command ends, for scripts."""

    SUCCESS = 0
    ROLLED_BACK = 1
    USAGE = 2
    FAILED = 3
    REFUSED = 4
    UNREACHABLE = 5
    INTERRUPTED = 130


MEANING: Mapping[Exit, str] = {
    Exit.SUCCESS: "done",
    Exit.ROLLED_BACK: "rolled back or cancelled: what served before serves, if anything did",
    Exit.USAGE: "wrong usage, an invalid document, or a name that does not exist",
    Exit.FAILED: "failed, or paused with a question and nobody there to answer",
    Exit.REFUSED: "refused, rejected, in conflict, forbidden, or you said no: nothing was touched",
    Exit.UNREACHABLE: "the server cannot be reached, is not ready, or is not a Turnout server",
    Exit.INTERRUPTED: "interrupted; what was begun goes on in the server",
}

OF_STATUS: Mapping[str, Exit] = {
    "succeeded": Exit.SUCCESS,
    "rolled_back": Exit.ROLLED_BACK,
    "canceled": Exit.ROLLED_BACK,
    "failed": Exit.FAILED,
    "refused": Exit.REFUSED,
    "rejected": Exit.REFUSED,
}
"""How a deployment ended, by the words of `turnout.model.deployment.Status`."""

_OF_HTTP: Mapping[int, Exit] = {
    400: Exit.USAGE,
    401: Exit.REFUSED,
    403: Exit.REFUSED,
    404: Exit.USAGE,
    405: Exit.UNREACHABLE,
    409: Exit.REFUSED,
    413: Exit.USAGE,
    422: Exit.USAGE,
    503: Exit.UNREACHABLE,
}


def of_http(status: int) -> Exit:
    """The exit code for a refusing answer of the server."""
    return _OF_HTTP.get(status, Exit.FAILED)
