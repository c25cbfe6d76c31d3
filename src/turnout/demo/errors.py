"""Why a demo cannot go on."""

from __future__ import annotations


class DemoFailed(Exception):
    """What was tried, what happened; `details` are lines of a log. Caught by `run` alone."""

    def __init__(self, message: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
