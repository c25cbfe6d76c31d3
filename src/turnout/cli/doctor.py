"""Doctor: what is wrong on this machine, and what to do about it. Needs no server."""

from __future__ import annotations
import typer
from turnout.cli import options
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation


def register(app: typer.Typer) -> None:
    options.command(app, "doctor", panel="Server")(doctor)


def doctor(call: Invocation) -> int:
    """Look for causes of trouble and say what to do. Needs no server."""
    return 0
