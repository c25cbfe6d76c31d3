"""One call of a command: the options that all commands share, and where its words go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO

from turnout.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from turnout.cli.client import Client
    from turnout.cli.views.signs import Signs

DEFAULT_SERVER = "http://127.0.0.1:7600"

WIDE = 10_000
"""Columns outside a terminal: a line stays a line."""


class Output(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Invocation:
    """Handed to every command as its first argument."""

    surroundings: Surroundings
    server: str = ""
    output: Output = Output.TEXT
    no_color: bool = False

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        url = self.server or self.surroundings.environment.get("TURNOUT_SERVER") or DEFAULT_SERVER
        return (url if "://" in url else f"http://{url}").rstrip("/")

    @property
    def is_json(self) -> bool:
        """Whether the results are for a program."""
        return self.output is Output.JSON

    @property
    def is_live(self) -> bool:
        """Whether standard output can show pictures that move."""
        return not self.is_json and _is_terminal(self.surroundings.stdout, self.surroundings)

    @property
    def is_interactive(self) -> bool:
        """Whether a person can be asked."""
        return not self.is_json and self.surroundings.is_interactive

    @contextmanager
    def connect(self, timeout: float | None = None) -> Iterator[Client]:
        """A client of the server; nothing is sent before its first call."""
        from turnout.cli.client import Client

        token = self.surroundings.environment.get("TURNOUT_TOKEN", "")
        client = Client(self.url, token, self.surroundings.transport, timeout=timeout)
        try:
            yield client
        finally:
            client.close()

    def console(self) -> Console:
        """Where results go. Make one and keep it while something moves on it."""
        return self._console(self.surroundings.stdout)

    def error_console(self) -> Console:
        """Where errors, questions and, beside JSON, progress go."""
        return self._console(self.surroundings.stderr)

    @property
    def width(self) -> int:
        """Columns that a result may take."""
        return self.console().width

    @property
    def signs(self) -> Signs:
        """Marks that standard output can show."""
        from turnout.cli.views.signs import signs_for

        return signs_for(self.surroundings.stdout.encoding or "ascii")

    def say(self, *parts: RenderableType) -> None:
        """Print a result for people. In a pipe no line ends with blanks."""
        from rich.console import Group

        console = self.console()
        if console.is_terminal:
            console.print(Group(*parts))
            return
        with console.capture() as said:
            console.print(Group(*parts))
        for line in said.get().splitlines():
            print(line.rstrip(), file=self.surroundings.stdout)

    def say_json(self, document: Any, *, compact: bool = False) -> None:
        """Print a result for programs: one document, or with `compact` one line of several."""
        import json

        indent = None if compact else 2
        print(
            json.dumps(document, indent=indent, ensure_ascii=False),
            file=self.surroundings.stdout,
            flush=True,
        )

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console

        terminal = _is_terminal(stream, self.surroundings)
        colorless = self.no_color or bool(self.surroundings.environment.get("NO_COLOR"))
        return Console(
            file=stream,
            force_terminal=terminal,
            width=None if terminal else WIDE,
            no_color=colorless,
            color_system="auto" if terminal else None,
            markup=False,
            highlight=False,
            emoji=False,
            soft_wrap=False,
            legacy_windows=False,
            _environ=self.surroundings.environment,
        )


def _is_terminal(stream: TextIO, surroundings: Surroundings) -> bool:
    return stream.isatty() and surroundings.environment.get("TERM", "") not in ("", "dumb")
