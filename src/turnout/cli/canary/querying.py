"""`turnout canary query`: what a metric's query is, and what it answers."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from turnout.cli import options
from turnout.cli.canary import given
from turnout.cli.completion import complete_config
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation
from turnout.cli.problems import naming

PANEL = "Canaries"


def register(group: typer.Typer) -> None:
    """Add the command."""
    options.command(group, "query", panel=PANEL)(query)


def query(
    call: Invocation,
    config: Annotated[
        str,
        typer.Argument(
            metavar="[CONFIG]",
            help="A stored canary configuration, or a file.",
            autocompletion=complete_config,
            show_default=False,
        ),
    ] = "",
    metric: Annotated[
        str,
        typer.Argument(metavar="[METRIC]", help="Name of one of its metrics.", show_default=False),
    ] = "",
    *,
    scope: Annotated[
        str,
        typer.Option(
            "--scope",
            metavar="GROUP",
            help="A server group, or a scope of a metrics system.",
            show_default=False,
        ),
    ] = "",
    location: given.Location = "",
    start: Annotated[
        str,
        typer.Option(
            "--start",
            metavar="TIME",
            help="2h means two hours ago. [default: 15m]",
            show_default=False,
        ),
    ] = "",
    end: Annotated[
        str, typer.Option("--end", metavar="TIME", help="[default: now]", show_default=False)
    ] = "",
    step: Annotated[
        str,
        typer.Option("--step", metavar="TIME", help="Between two values.", show_default=False),
    ] = "",
    parameters: given.Parameters = None,
    exposure: Annotated[
        bool, typer.Option("--exposure", help="The metric's exposureQuery instead.")
    ] = False,
    kind: Annotated[
        str,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="Without CONFIG: the type of a query.",
            show_default=False,
        ),
    ] = "",
    metric_name: Annotated[
        str,
        typer.Option("--metric-name", metavar="NAME", help="Its metricName.", show_default=False),
    ] = "",
    written: Annotated[
        str,
        typer.Option(
            "--query", metavar="JSON", help="Or the whole query, as JSON.", show_default=False
        ),
    ] = "",
) -> int:
    """Try a query: show it with everything filled in, and what its source answers.

    Example: turnout canary query default errors --scope shop-v012 --start 1h
    """
    body: dict[str, Any] = {
        "scope": scope,
        "location": location,
        "parameters": given.parameters(parameters),
        "exposure": exposure,
        **given.times(call, start=start, end=end),
    }
    if step:
        body["step"] = int(given.seconds("--step", step))
    sent = _query(kind, metric_name, written)
    if sent is not None:
        body["query"] = sent
    elif config and metric:
        body |= {"config": given.chosen(call, config), "metric": metric}
    else:
        raise _wanted()
    with call.connect() as client, naming(config or "the query"):
        answer = client.query(body)
    if call.is_json:
        call.say_json(answer)
        return Exit.SUCCESS
    from turnout.cli.views.queried import query_view

    call.say(query_view(answer, call.surroundings.zone, call.signs))
    return Exit.SUCCESS


def _query(kind: str, metric_name: str, written: str) -> dict[str, Any] | None:
    if not written:
        return {"type": kind, "metricName": metric_name} if kind else None
    try:
        sent = json.loads(written)
    except ValueError as error:
        raise _wanted(f"--query is not JSON: {error}") from error
    if not isinstance(sent, dict):
        raise _wanted("--query is not a mapping")
    return sent


def _wanted(why: str = "Name a configuration and one of its metrics, or a query") -> CommandError:
    return CommandError(
        f"{why}.",
        "For example: turnout canary query default errors --scope shop-v012, or --type router "
        "--metric-name errors.",
        Exit.USAGE,
        code="usage",
    )
