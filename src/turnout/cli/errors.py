"""What a person is told when a command cannot do its job: what happened, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from turnout.cli.exits import Exit


@dataclass(slots=True)
class CommandError(Exception):
    """Raise it anywhere in a command; the edge prints it as two lines and ends with `exit_code`."""

    message: str
    hint: str = ""
    exit_code: Exit = Exit.FAILED
    code: str = "command_failed"
    """Stable, for programs; the server's own code where it gave one."""
    lines: tuple[str, ...] = ()
    """Instead of the two lines: one for each mistake in a document."""
    details: dict[str, Any] = field(default_factory=dict)
    """The server's problem document, for `-o json`."""

    def __str__(self) -> str:
        return self.message


class Unreachable(CommandError):
    """Catch it to wait for a server that may come back."""
