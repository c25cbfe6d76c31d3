"""`turnout canary replay`: the judge on history, where nothing changed."""

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
    options.command(group, "replay", panel=PANEL)(replay)


def replay(
    call: Invocation,
    *,
    cluster: given.ClusterOption = "",
    config: given.ConfigOption = "default",
    hours: Annotated[
        int, typer.Option("--hours", metavar="N", min=1, max=192, help="How far back.")
    ] = 24,
    window: Annotated[
        str, typer.Option("--window", metavar="TIME", help="As long as a canary would run.")
    ] = "15m",
    traffic: Annotated[
        str, typer.Option("--traffic", metavar="SHARE", help="Share of each arm.")
    ] = "5%",
    control: Annotated[
        str,
        typer.Option(
            "--control",
            "--control-scope",
            metavar="GROUP",
            help="With --experiment: two groups side by side, instead of one that is split.",
            show_default=False,
        ),
    ] = "",
    experiment: Annotated[
        str,
        typer.Option(
            "--experiment",
            "--experiment-scope",
            metavar="GROUP",
            help="The other group, which is no worse.",
            show_default=False,
        ),
    ] = "",
    location: given.Location = "",
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, max=2**31, help="Of the random split.")
    ] = 1,
) -> int:
    """Count the false alarms that a configuration would have raised, and what it would have found.

    Windows without a deployment are split at random into two arms; nothing is wrong with either,
    so each alarm is false. Then harm is put into one arm.

    Example: turnout canary replay --cluster shop --hours 24 --window 15m --traffic 5%
    """
    if not cluster and not (control and experiment):
        raise CommandError(
            "Name a cluster, or two groups.",
            "For example: turnout canary replay --cluster shop",
            Exit.USAGE,
            code="usage",
        )
    body = {
        "cluster": cluster,
        "config": given.chosen(call, config),
        "past": hours * 3600.0,
        "window": given.seconds("--window", window),
        "share": given.share("--traffic", traffic),
        "control": control,
        "experiment": experiment,
        "location": location,
        "seed": seed,
    }
    with call.connect() as client:
        result = await_result(call, client.replays(body))
    if call.is_json:
        call.say_json(result)
        return Exit.SUCCESS
    from turnout.cli.answers import read_answer
    from turnout.cli.views.replayed import replay_view
    from turnout.model.canary.replay import ReplayResult

    call.say(replay_view(read_answer(ReplayResult, result)))
    return Exit.SUCCESS
