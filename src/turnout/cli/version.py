"""Which Turnout this is, and which one answers."""

from __future__ import annotations

import typer

from turnout import __version__
from turnout.cli import options
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation

_IN_TIME = 2.0


def register(app: typer.Typer) -> None:
    """Add the command of this noun."""
    options.command(app, "version", panel="Server")(version)


def version(call: Invocation) -> int:
    """Show the versions of the command line and of the server."""
    from turnout.cli.answers import Health, read_answer

    try:
        with call.connect(timeout=_IN_TIME) as client:
            document = client.health()
            health = read_answer(Health, document)
    except CommandError as error:
        if error.exit_code is Exit.USAGE:
            raise
        document, server = None, f"none: {error.message}"
    else:
        server = f"{health.version} at {call.url}, {health.status}"
    if call.is_json:
        call.say_json({"version": __version__, "server": document})
    else:
        call.say(f"turnout  {__version__}", f"server   {server}")
    return Exit.SUCCESS
