"""Secrets of accounts: where they are, and what hides them from everybody who prints one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from turnout.model.errors import Permanent

HIDDEN = "…"


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A text that must not be shown, or the place where it stands.

    A file is read each time it is needed, so a token that somebody else renews stays valid.
    """

    text: str = ""
    file: Path | None = None
    environment: str = ""

    def __repr__(self) -> str:
        return f"Secret({self.place})"

    @property
    def place(self) -> str:
        """Where it comes from, for people."""
        if self.file is not None:
            return f"file {self.file}"
        return f"environment {self.environment}" if self.environment else HIDDEN

    def reveal(self) -> str:
        """The secret itself. Raises `Permanent` when it is not where it should be."""
        if self.file is not None:
            return self._checked(_read(self.file))
        if self.environment:
            return self._checked(os.environ.get(self.environment, ""))
        return self.text

    def _checked(self, text: str) -> str:
        text = text.strip()
        if not text:
            raise Permanent(f"{self.place} holds no secret: it is empty or not there")
        if not text.isascii() or not text.isprintable():
            raise Permanent(f"{self.place} holds more than one line of plain characters")
        return text


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret in it made unreadable."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN)
    return text


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Permanent(f"{path} cannot be read: {reason}") from error
