"""`turnout canary duration`: how long a canary must run."""

from __future__ import annotations

import math
import re
from typing import Annotated

import typer

from turnout.cli import options
from turnout.cli.canary import given
from turnout.cli.canary.working import await_result
from turnout.cli.completion import complete_config
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation

PANEL = "Canaries"

EXAMPLE = "For example: turnout canary duration --rate 100 --errors 1% --regression 50%"


def register(group: typer.Typer) -> None:
    """Add the command."""
    options.command(group, "duration", panel=PANEL)(duration)


def duration(
    call: Invocation,
    *,
    cluster: given.ClusterOption = "",
    config: Annotated[
        str,
        typer.Option(
            "--config",
            metavar="CONFIG",
            help="A stored canary configuration, or a file. [default: default]",
            autocompletion=complete_config,
            show_default=False,
        ),
    ] = "",
    past: Annotated[
        str,
        typer.Option(
            "--past",
            metavar="TIME",
            help="How much history is measured. [default: 3h]",
            show_default=False,
        ),
    ] = "",
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
        int | None,
        typer.Option(
            "--seed",
            metavar="N",
            min=0,
            max=2**31,
            help="Of the simulation. [default: 1]",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Tell how long a canary must run until a regression is found.

    From --rate and --errors, or with --cluster from its history, then by simulation as well.

    Example: turnout canary duration --rate 100 --errors 1% --traffic 5% --regression 50%
    """
    if cluster:
        _refuse("with --cluster: its history says it", rate=rate, errors=errors)
    elif rate is None or not errors:
        raise _usage("Name a cluster, or say --rate and --errors")
    else:
        _refuse("without --cluster", config=config, past=past, seed=seed)
        if to:
            _refuse("with --to: either says what is to be found", regression=regression)
    if rate is not None and not 0 < rate < math.inf:
        raise _usage(f"--rate: {rate:g} is no number of requests per second: write 100 or 0.5")
    part, wanted = _today(errors), given.part("--to", to) if to else None
    if part and wanted and wanted <= part:
        now = "more" if wanted < part else "as many"
        raise _usage(f"--to: {to} is no regression: there are {now} errors now, {errors}")
    body = {
        "cluster": cluster,
        "past": given.seconds("--past", past or "3h"),
        "config": given.chosen(call, config or "default"),
        "rate": rate,
        "errors": part,
        "shares": [given.share("--traffic", one) for one in traffic or ("5%", "10%", "50%")],
        "regression": 1 + given.part("--regression", regression) if regression else None,
        "to": wanted,
        "seed": 1 if seed is None else seed,
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


def _today(errors: str) -> float | None:
    if re.fullmatch(r"0+(\.0*)? ?%?", errors.strip()):
        raise _usage(
            "--errors: more of nothing is nothing: write the smallest share that you have seen, "
            "like 0.01%, and with --to the share that is to be found"
        )
    return given.part("--errors", errors) if errors else None


def _refuse(where: str, **options: object) -> None:
    """What was given and would mean nothing. Raises `CommandError`."""
    for option, value in options.items():
        if value not in ("", None):
            raise _usage(f"--{option} means nothing {where}")


def _usage(why: str) -> CommandError:
    return CommandError(f"{why}.", EXAMPLE, Exit.USAGE, code="usage")
