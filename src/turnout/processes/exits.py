"""Exit codes in words."""

from __future__ import annotations

import signal


def format_exit(code: int | None) -> str:
    """Say how a process ended: `exit code 3`, `exit code 137 (SIGKILL)`, `exit code unknown`."""
    if code is None:
        return "exit code unknown"
    if code == 126:
        return "exit code 126 (cannot be run)"
    if code == 127:
        return "exit code 127 (command not found)"
    if code > 128:
        try:
            return f"exit code {code} ({signal.Signals(code - 128).name})"
        except ValueError:
            pass
    return f"exit code {code}"
