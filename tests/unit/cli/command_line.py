"""Runs commands in this process, with streams, time and a server of the test's own."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from datetime import datetime

import httpx2

from tests.unit.cli.documents import NOW, ZONE, seconds
from tests.unit.cli.fake_server import FakeServer
from turnout.cli.app import run
from turnout.cli.surroundings import Surroundings


class Stream(io.TextIOWrapper):
    """A stream that says of itself whether it is a terminal."""

    def __init__(self, buffer: io.BufferedIOBase, *, terminal: bool, encoding: str = "utf-8"):
        super().__init__(buffer, encoding=encoding, errors="replace", write_through=True)  # type: ignore[arg-type] # typeshed wants a private protocol
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def text(self) -> str:
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


@dataclass
class Result:
    code: int
    out: str
    err: str


@dataclass
class CommandLine:
    """What `turnout …` prints and how it ends. With `terminal` a person types `typed`."""

    server: FakeServer | None = None
    transport: httpx2.BaseTransport | None = None
    terminal: bool = False
    typed: str = ""
    encoding: str = "utf-8"
    environment: dict[str, str] = field(default_factory=dict)
    now: datetime = NOW + seconds(12)
    patience: float = 5.0

    def __call__(self, *arguments: str) -> Result:
        out = Stream(io.BytesIO(), terminal=self.terminal, encoding=self.encoding)
        err = Stream(io.BytesIO(), terminal=self.terminal, encoding=self.encoding)
        reader, writer = os.pipe()
        os.write(writer, self.typed.encode())
        os.close(writer)
        environment = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
        with Stream(os.fdopen(reader, "rb"), terminal=self.terminal) as stdin:
            surroundings = Surroundings(
                environment=environment | self.environment,
                stdin=stdin,
                stdout=out,
                stderr=err,
                now=lambda: self.now,
                zone=ZONE,
                user=lambda: "anna@build1",
                transport=self.server.transport if self.server else self.transport,
                patience=self.patience,
            )
            code = run(arguments, surroundings)
        return Result(code, out.text(), err.text())
