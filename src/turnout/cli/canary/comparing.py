"""`turnout canary compare`: both judges on figures of the past."""

from __future__ import annotations

from typing import Annotated

import typer

from turnout.cli import options
from turnout.cli.canary import given
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
    location: given.Location = "",
    parameters: given.Parameters = None,
) -> int:
    """Compare two groups on figures of the past, also groups that are gone.

    Without a control: the group that served before, in its last window before the switch. The
    answer is kept; turnout canary show has it. Ends with 0 for a pass, 1 for a fail, else 3.

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
    }
    with call.connect() as client, naming(config):
        record = client.compare(body)
        report = client.canary(record["analysis"]["id"]) if not call.is_json else None
    if report is None:
        call.say_json(record)
    else:
        from turnout.cli.answers import read_answer
        from turnout.cli.views.canaries import page_address, report_view
        from turnout.model.report import Report

        view = read_answer(Report, report)
        page = page_address(call.url, view.id)
        zone = call.surroundings.zone
        call.say(report_view(view, call.signs, zone, width=call.width, page=page))
    return {"pass": Exit.SUCCESS, "fail": Exit.ROLLED_BACK}.get(
        record["finding"]["verdict"], Exit.FAILED
    )


def _length(call: Invocation, start: str, end: str, duration: str) -> float:
    if not end:
        return given.seconds("--duration", duration)
    if not start:
        raise CommandError(
            "--end needs --start.", "Or say how long: --duration 15m.", Exit.USAGE, code="usage"
        )
    length = given.moment(call, "--end", end) - given.moment(call, "--start", start)
    return length.total_seconds()
