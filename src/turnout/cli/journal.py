"""The journal: what was done, in one line each or in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import operating, options
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation

if TYPE_CHECKING:
    from turnout.cli.client import Client

PANEL = "Look"


def register(app: typer.Typer) -> None:
    """Add the commands of this noun."""
    options.command(app, "history", panel=PANEL)(history)
    options.command(app, "show", panel=PANEL)(show)


def history(
    call: Invocation,
    cluster: options.MaybeCluster = "",
    *,
    status: Annotated[
        options.StatusName | None,
        typer.Option("--status", help="Only with this status.", show_default=False),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=500, help="At most so many.")
    ] = 20,
    before: Annotated[
        str,
        typer.Option("--before", metavar="ID", help="Older than this deployment: the next page."),
    ] = "",
) -> int:
    """List deployments, newest first."""
    with call.connect() as client:
        document = client.deployments(
            cluster=cluster or None,
            status=str(status) if status else None,
            before=before or None,
            limit=limit,
        )
        if cluster and not document:
            _require_cluster(client, cluster)
    if call.is_json:
        call.say_json(document)
        return Exit.SUCCESS
    from turnout.cli.answers import read_answer
    from turnout.cli.views.history import history_view
    from turnout.model.journal import DeploymentRecord

    records = read_answer(tuple[DeploymentRecord, ...], document)
    now, zone = call.surroundings.now(), call.surroundings.zone
    if not records and (cluster or status or before):
        call.say("No such deployment.")
    else:
        call.say(history_view(records, now, zone, width=call.width))
    return Exit.SUCCESS


def _require_cluster(client: Client, cluster: str) -> None:
    """A cluster that is gone has its history; one that never was is a mistake in its name."""
    if not client.deployments(cluster=cluster, limit=1):
        client.cluster(cluster)


def show(
    call: Invocation,
    deployment: options.Deployment,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show the progress until the end.")
    ] = False,
) -> int:
    """Show what a deployment did against its plan. Steps, traffic, checks, outcome.

    With --follow the exit code says how it ended.
    """
    from turnout.cli.answers import DeploymentView, read_answer

    with call.connect() as client:
        found = operating.find_deployment(client, deployment, ended=True)
        document = client.deployment(found)
        if follow:
            return operating.wait_for(call, client, document["record"], wait=True)
    if call.is_json:
        call.say_json(document)
        return Exit.SUCCESS
    from turnout.cli.views.record import record_view

    view = read_answer(DeploymentView, document)
    now, zone = call.surroundings.now(), call.surroundings.zone
    call.say(record_view(view, now, zone, call.signs))
    return Exit.SUCCESS
