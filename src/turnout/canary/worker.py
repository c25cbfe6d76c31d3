"""The process in which long calculations are made: `python -m turnout.canary.worker TASK`.

It reads one document and prints lines of JSON: how far it is, and in the end the result or why
there is none. It has limits of its own, gives way to everything else, and may be ended at any
moment: it changes nothing.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict

from turnout.model.errors import InvalidDocument

MEMORY = 2 * 1024**3
"""Bytes of address space."""

Tell = Callable[[str, float], None]
"""What is being done, and how much of everything has been done, from 0 to 1."""

Task = Callable[[bytes, Tell], bytes]
"""From the document to the result, both JSON. Raises `InvalidDocument`."""


def main() -> int:
    """Do the task that the command line names, within so many seconds of processor time."""
    task, seconds = sys.argv[1], int(sys.argv[2])
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    document = sys.stdin.buffer.read()
    try:
        result = _TASKS[task]()(document, _tell)
    except InvalidDocument as error:
        problems = [asdict(problem) for problem in error.problems]
        _say({"refused": {"message": error.message, "hint": error.hint, "problems": problems}})
    except MemoryError:
        _say({"too_large": True})
    else:
        sys.stdout.buffer.write(b'{"result": ' + result + b"}\n")
    return 0


def _tell(doing: str, done: float) -> None:
    _say({"progress": {"doing": doing, "done": round(done, 3)}})


def _say(line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _judging() -> Task:
    from turnout.canary.handed_over import judge_document  # noqa: PLC0415 - only what is needed

    return judge_document


def _replaying() -> Task:
    from turnout.canary.replaying import replay_document  # noqa: PLC0415 - see above

    return replay_document


def _lasting() -> Task:
    from turnout.canary.lasting import duration_document  # noqa: PLC0415 - see above

    return duration_document


_TASKS: Mapping[str, Callable[[], Task]] = {
    "judge": _judging,
    "replay": _replaying,
    "duration": _lasting,
}


if __name__ == "__main__":
    sys.exit(main())
