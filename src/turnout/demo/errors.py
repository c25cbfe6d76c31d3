"""Why a demo cannot go on. Caught by `run` alone."""

from __future__ import annotations


class DemoFailed(Exception):
    """What was tried, what happened; `details` are the last lines of the server's log."""

    def __init__(self, message: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class ReaderGone(Exception):
    """Nobody reads the output any more: `turnout demo | head`."""
