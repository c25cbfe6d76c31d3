"""Waiting for a long calculation: one line that says how far it is."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

from turnout.cli.errors import Unreachable
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation


def await_result(call: Invocation, lines: Iterable[Any]) -> Any:
    """The result, which comes last. The progress is shown at a terminal only."""
    console = call.error_console()
    status: Any = console.status("reading history") if console.is_terminal else nullcontext()
    with status:
        for line in lines:
            if "result" in line:
                return line["result"]
            progress = line.get("progress")
            if progress and console.is_terminal:
                status.update(f"{progress['done']:.0%} {progress['doing']}")
    raise Unreachable(
        "The server's answer ended before the result.",
        "Look at its log, or try again.",
        Exit.UNREACHABLE,
        code="broken_answer",
    )
