"""Long calculations as a stream of JSON lines: how far it is, and in the end the result.

What goes wrong on the way is the last line, `problem`. Who hangs up ends the calculation.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing

from fastapi.responses import StreamingResponse

from turnout.api.problems import build_problem
from turnout.canary.apart import Workers
from turnout.model.errors import TurnoutError

MEDIA_TYPE = "application/x-ndjson"

LINES = {
    200: {
        "description": "Lines of JSON: `progress` (doing, done), and last `result` or `problem`",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


def stream_lines(workers: Workers, task: str, document: bytes) -> StreamingResponse:
    """The work as a response."""
    return StreamingResponse(_lines(workers, task, document), media_type=MEDIA_TYPE)


async def _lines(workers: Workers, task: str, document: bytes) -> AsyncIterator[str]:
    try:
        async with aclosing(workers.work(task, document)) as said:
            async for line in said:
                yield json.dumps(line) + "\n"
    except TurnoutError as error:
        problem = build_problem(error).model_dump(mode="json")
        yield json.dumps({"problem": problem}) + "\n"
