"""`turnout canary list`: what was compared."""

from __future__ import annotations

from typing import Annotated

import typer

from turnout.cli import options
from turnout.cli.completion import complete_cluster
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation

PANEL = "Canaries"


def register(group: typer.Typer) -> None:
    """Add the command."""
    options.command(group, "list", panel=PANEL)(list_canaries)


def list_canaries(
    call: Invocation,
    *,
    cluster: Annotated[
        str,
        typer.Option(
            "--cluster",
            metavar="CLUSTER",
            help="Only of this cluster.",
            autocompletion=complete_cluster,
            show_default=False,
        ),
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=500, help="At most so many.")
    ] = 20,
) -> int:
    """List canaries, newest first.

    Example: turnout canary list --cluster shop
    """
    with call.connect() as client:
        document = client.canaries(cluster=cluster or None, limit=limit)
    if call.is_json:
        call.say_json(document)
        return Exit.SUCCESS
    from turnout.cli.answers import read_answer
    from turnout.cli.views.canaries import list_view
    from turnout.model.report import AnalysisLine

    lines = read_answer(tuple[AnalysisLine, ...], document)
    call.say(list_view(lines, call.surroundings.now(), call.surroundings.zone))
    return Exit.SUCCESS
