"""The demo: six versions of a small service, two of which fail."""

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
    """Show what Turnout does, in two minutes. Six versions under load, two of which fail.

    Afterwards everything goes on for you to try things out, until Ctrl-C. Ends with 1 when
    something was not as promised.
    """
    from turnout.demo import run

    return run(call.console(), leave=leave, quick=quick)
