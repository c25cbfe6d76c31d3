"""The JSON Schema of the service file, for editors. Needs no server."""

from __future__ import annotations

import typer

from turnout.cli import options
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation


def register(app: typer.Typer) -> None:
    """Add the command of this noun."""
    options.command(app, "schema", panel="Server")(schema)


def schema(call: Invocation) -> int:
    """Print the JSON Schema of the service file, for editors. Needs no server."""
    from turnout.documents import service_schema

    call.say_json(service_schema())
    return Exit.SUCCESS
