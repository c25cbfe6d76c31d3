"""Service files of the tests, all around the example shop."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import choose_port

PYTHON = f"{sys.executable} -I -S"
"""Starts twice as fast, and is half as large."""


def mortal(marker: Path) -> str:
    """A command that runs the shop until this file is there: who is killed then stays dead."""
    return f"sh -c 'test ! -e {marker} && exec {PYTHON} app.py'"


@dataclass(frozen=True)
class Shop:
    """A service; `write` gives its file. `more` are further keys of the file."""

    application: str
    port: int = field(default_factory=choose_port)
    instances: int = 2
    command: str = f"{PYTHON} app.py"
    drain: str = "3s"

    @property
    def url(self) -> str:
        """Where its users come in."""
        return f"http://127.0.0.1:{self.port}"

    def write(
        self,
        version: str,
        strategy: str = "blue_green",
        *,
        environment: Mapping[str, str] | None = None,
        options: Mapping[str, object] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> str:
        """The service file, as JSON, which is YAML too."""
        run = {"command": self.command, "environment": dict(environment or {})}
        document = {
            "application": self.application,
            "version": version,
            "run": run,
            "instances": self.instances,
            "port": self.port,
            "health": {"http": "/healthz", "interval": "200ms"},
            "strategy": strategy,
            "options": {"drain_timeout": self.drain, **(options or {})},
            "stop": {"timeout": "5s"},
            **(more or {}),
        }
        return json.dumps({name: value for name, value in document.items() if value is not None})
