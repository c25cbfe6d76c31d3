"""When an instance that ended is started again, and how its end is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from turnout.processes import format_exit

RESET_AFTER = 60.0
"""Seconds of health after which earlier restarts are forgotten."""

_FIRST = 0.2
_LONGEST = 30.0


def back_off(streak: int) -> float:
    """Seconds to wait before the restart that follows `streak` others."""
    return float(min(_LONGEST, _FIRST * 2 ** min(streak, 16)))


def format_end(code: int | None, ran: float | None, left_behind: int = 0) -> str:
    """Say how an instance ended: `exited with code 3 after 0.2 s`.

    `ran` is in seconds; None = nobody was watching.
    """
    when = "while Turnout was away" if ran is None else f"after {format_seconds(ran)}"
    how = "ended, exit code unknown," if code is None else _exited(code)
    return f"{how} {when}{_left_behind(left_behind)}"


def format_hopeless(end: str, times: int, lines: Sequence[str]) -> str:
    """Say why an instance is given up: its last end, how often it was tried, what it said."""
    tries = f"{end}, {times} times" if times > 1 else end
    return f"{tries}; {format_lines(lines)}"


def format_restart(delay: float) -> str:
    """Say when it is started again."""
    return f"starts again in {format_seconds(delay)}"


def format_lines(lines: Sequence[str]) -> str:
    """The last lines of output on one line."""
    if not lines:
        return "it wrote nothing"
    return f"last {'line' if len(lines) == 1 else 'lines'}: {' | '.join(lines)}"


def format_seconds(seconds: float) -> str:
    """A duration for people: `0.2 s`, `12 s`, `3 min`, `5 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _exited(code: int) -> str:
    return f"exited with {format_exit(code).removeprefix('exit ')}"


def _left_behind(count: int) -> str:
    if not count:
        return ""
    what = "a process" if count == 1 else f"{count} processes"
    return f" and left {what} behind, now ended too (a service must stay in the foreground)"
