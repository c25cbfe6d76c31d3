"""`turnout canary duration`: how long a canary must run."""

from __future__ import annotations

from typing import Annotated

import typer

from turnout.cli import options
from turnout.cli.canary import given
from turnout.cli.canary.working import await_result
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation

PANEL = "Canaries"


def register(group: typer.Typer) -> None:
    """Add the command."""
    options.command(group, "duration", panel=PANEL)(duration)


def duration(
    call: Invocation,
    *,
    cluster: given.ClusterOption = "",
    config: given.ConfigOption = "default",
    past: Annotated[
        str, typer.Option("--past", metavar="TIME", help="How much history is measured.")
    ] = "3h",
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate", metavar="N", help="Requests per second, of everybody.", show_default=False
        ),
    ] = None,
    errors: Annotated[
        str,
        typer.Option(
            "--errors",
            metavar="SHARE",
            help="Share of them that fails today: 1%.",
            show_default=False,
        ),
    ] = "",
    traffic: Annotated[
        list[str] | None,
        typer.Option(
            "--traffic",
            metavar="SHARE",
            help="Share of each arm; repeat it for a table. [default: 5% 10% 50%]",
            show_default=False,
        ),
    ] = None,
    regression: Annotated[
        str,
        typer.Option(
            "--regression",
            metavar="SHARE",
            help="What is to be found: 50% more. [default: 50%]",
            show_default=False,
        ),
    ] = "",
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="SHARE",
            help="Or the share of errors that is to be found: 5%.",
            show_default=False,
        ),
    ] = "",
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, max=2**31, help="Of the simulation.")
    ] = 1,
) -> int:
    """Tell how long a canary must run until a regression is found.

    From --rate and --errors, or with --cluster from its history, then by simulation as well.

    Example: turnout canary duration --rate 100 --errors 1% --traffic 5% --regression 50%
    """
    if not cluster and (rate is None or not errors):
        raise CommandError(
            "Name a cluster, or say --rate and --errors.",
            "For example: turnout canary duration --rate 100 --errors 1% --regression 50%",
            Exit.USAGE,
            code="usage",
        )
    body = {
        "cluster": cluster,
        "past": given.seconds("--past", past),
        "config": given.chosen(call, config),
        "rate": rate,
        "errors": given.part("--errors", errors) if errors else None,
        "shares": [given.share("--traffic", one) for one in traffic or ("5%", "10%", "50%")],
        "regression": 1 + given.part("--regression", regression) if regression else None,
        "to": given.part("--to", to) if to else None,
        "seed": seed,
    }
    with call.connect() as client:
        result = await_result(call, client.durations(body))
    if call.is_json:
        call.say_json(result)
        return Exit.SUCCESS
    from turnout.cli.answers import read_answer
    from turnout.cli.views.lasting import duration_view
    from turnout.model.canary.lasting import DurationResult

    call.say(duration_view(read_answer(DurationResult, result)))
    return Exit.SUCCESS
