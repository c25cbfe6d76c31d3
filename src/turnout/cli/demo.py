"""The demo: four versions of a small service, one of which fails."""

from __future__ import annotations

from typing import Annotated

import typer

from turnout.cli import options
from turnout.cli.invocation import Invocation


def register(app: typer.Typer) -> None:
    """Add the command of this noun."""
    options.command(app, "demo", panel="Server", shared=False)(demo)


def demo(
    call: Invocation,
    leave: Annotated[
        bool, typer.Option("--exit", help="Stop everything at the end instead of leaving it on.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Without pauses for the eye: a smoke test.")
    ] = False,
) -> int:
    """Show what Turnout does, in about a minute. Four versions under load, one of which fails."""
    from turnout.demo import run

    return run(exit=leave, quick=quick)
