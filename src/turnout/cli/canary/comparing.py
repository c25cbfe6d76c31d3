"""`turnout canary compare`: both judges on figures of the past, or one of them at intervals."""

from __future__ import annotations

from typing import Annotated

import typer

from turnout.cli import options
from turnout.cli.canary import given, showing
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation
from turnout.cli.problems import naming

PANEL = "Canaries"


def register(group: typer.Typer) -> None:
    """Add the command."""
    options.command(group, "compare", panel=PANEL)(compare)


def compare(
    call: Invocation,
    *,
    cluster: given.ClusterOption = "",
    experiment: Annotated[
        str,
        typer.Option(
            "--experiment",
            "--experiment-scope",
            metavar="GROUP",
            help="What is judged: a server group, or a scope of a metrics system. "
            "[default: who serves]",
            show_default=False,
        ),
    ] = "",
    control: Annotated[
        str,
        typer.Option(
            "--control",
            "--control-scope",
            metavar="GROUP",
            help="What it is compared with. [default: who served before it]",
            show_default=False,
        ),
    ] = "",
    before: Annotated[
        bool,
        typer.Option("--before", help="The control's window is its last one before the switch."),
    ] = False,
    config: given.ConfigOption = "default",
    start: Annotated[
        str,
        typer.Option(
            "--start",
            metavar="TIME",
            help="Of the window; 2h means two hours ago.",
            show_default=False,
        ),
    ] = "",
    end: Annotated[
        str,
        typer.Option("--end", metavar="TIME", help="Instead of --duration.", show_default=False),
    ] = "",
    duration: Annotated[
        str, typer.Option("--duration", metavar="TIME", help="How long the windows are.")
    ] = "15m",
    control_start: Annotated[
        str,
        typer.Option(
            "--control-start",
            metavar="TIME",
            help="Of the control's window. [default: the same time]",
            show_default=False,
        ),
    ] = "",
    every: Annotated[
        str,
        typer.Option(
            "--every",
            metavar="TIME",
            help="Judge again and again: each time so much more has passed.",
            show_default=False,
        ),
    ] = "",
    lookback: Annotated[
        str,
        typer.Option(
            "--lookback",
            metavar="TIME",
            help="With --every: look back so far, not to the beginning.",
            show_default=False,
        ),
    ] = "",
    begin_after: Annotated[
        str,
        typer.Option(
            "--begin-after",
            metavar="TIME",
            help="With --every: leave out so much at the beginning.",
            show_default=False,
        ),
    ] = "",
    location: given.Location = "",
    parameters: given.Parameters = None,
) -> int:
    """Compare two groups on figures of the past, also groups that are gone; or at intervals.

    Without a control: the group that served before, in its last window before the switch. The
    answer is kept; turnout canary show has it. Ends with 0 for a pass, 1 for a fail, else 3.
    With --every the time may be to come: the server waits for it, and begins now without --start.

    Example: turnout canary compare --cluster shop --before --duration 30m
    """
    body = {
        "cluster": cluster,
        "experiment": experiment,
        "control": control,
        "before": before,
        "config": given.chosen(call, config),
        "location": location,
        "parameters": given.parameters(parameters),
        "duration": _length(call, start, end, duration),
        **given.times(call, start=start, control_start=control_start),
        **_intervals(every, lookback, begin_after, end),
    }
    with call.connect() as client:
        with naming(config):
            record = client.compare(body)
        canary = record["analysis"]["id"]
        if every:
            return showing.await_end(call, client, canary)
        report = client.canary(canary) if not call.is_json else None
    if report is None:
        call.say_json(record)
    else:
        call.say(showing.drawn(call, showing.read_report(report)))
    return showing.OF_VERDICT.get(record["finding"]["verdict"], Exit.FAILED)


def _intervals(every: str, lookback: str, begin_after: str, end: str) -> dict[str, float]:
    """Raises `CommandError`."""
    told = {"every": every, "lookback": lookback, "begin-after": begin_after}
    known = {name: text for name, text in told.items() if text}
    if known and not every:
        raise _usage(f"--{next(iter(known))} needs --every.", "For example: --every 30m.")
    if begin_after and end:
        raise _usage(
            "--begin-after means nothing with --end.", "Say how long instead: --duration 3h."
        )
    return {
        name.replace("-", "_"): given.seconds(f"--{name}", text) for name, text in known.items()
    }


def _usage(message: str, hint: str) -> CommandError:
    return CommandError(message, hint, Exit.USAGE, code="usage")


def _length(call: Invocation, start: str, end: str, duration: str) -> float:
    if not end:
        return given.seconds("--duration", duration)
    if not start:
        raise _usage("--end needs --start.", "Or say how long: --duration 15m.")
    length = given.moment(call, "--end", end) - given.moment(call, "--start", start)
    return length.total_seconds()
