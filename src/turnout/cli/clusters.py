"""Clusters: how they are, hold and release them, clear up."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnout.cli import operating, options
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation
from turnout.cli.operating import Wish

if TYPE_CHECKING:
    from rich.console import RenderableType

    from turnout.cli.answers import ClusterView, DeploymentView
    from turnout.cli.client import Client

_REFRESH = 1.0


def register(app: typer.Typer) -> None:
    """Add the commands of this noun."""
    options.command(app, "status", panel="Look")(status)
    options.command(app, "hold", panel="Operate")(hold)
    options.command(app, "release", panel="Operate")(release)
    options.command(app, "shrink", panel="Operate")(shrink)


def status(
    call: Invocation,
    cluster: options.MaybeCluster = "",
    watch: Annotated[
        bool,
        typer.Option("--watch", "-w", help="Go on showing it; in a pipe then one line per event."),
    ] = False,
) -> int:
    """Show who serves: server groups, shares, health, requests.

    With the name of a cluster also every instance.
    """
    with call.connect() as client:
        if watch:
            return _watch(call, client, cluster)
        document = _look(client, cluster)
        if call.is_json:
            call.say_json(document)
        else:
            call.say(_drawn(call, client, document, cluster))
    return Exit.SUCCESS


def hold(
    call: Invocation,
    cluster: options.Cluster,
    *,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; everybody who deploys sees it.")
    ],
) -> int:
    """Hold all deployments of a cluster until it is released."""
    with call.connect() as client:
        document = client.hold(cluster, {"reason": reason, "by": call.surroundings.user()})
    if call.is_json:
        call.say_json(document if document is not None else {"cluster": cluster, "held": reason})
    else:
        call.say(f"{cluster} is held. Let deployments go on with: turnout release {cluster}")
    return Exit.SUCCESS


def release(call: Invocation, cluster: options.Cluster) -> int:
    """Let the deployments of a held cluster go on."""
    with call.connect() as client:
        document = client.release(cluster, {"by": call.surroundings.user()})
    if call.is_json:
        call.say_json(document if document is not None else {"cluster": cluster, "held": ""})
    else:
        call.say(f"{cluster} is released.")
    return Exit.SUCCESS


def shrink(
    call: Invocation,
    cluster: options.Cluster,
    *,
    keep: Annotated[
        int,
        typer.Option("--keep", metavar="N", min=1, max=999, help="How many server groups stay."),
    ],
    plan_only: options.PlanOnly = False,
    wait: options.Wait = True,
    on_busy: options.OnBusy = options.Busy.QUEUED,
    reason: options.Reason = "",
    force: options.Force = "",
    fingerprint: options.Fingerprint = "",
    yes: options.Yes = False,
) -> int:
    """Destroy the oldest disabled server groups. Asks first at a terminal."""
    wish = Wish(on_busy, reason, force, fingerprint, wait, yes, plan_only, asks=True)
    again = f"turnout shrink {cluster} --keep {keep}"
    return operating.operate(call, cluster, {"kind": "shrink", "keep": keep}, wish, again=again)


def _look(client: Client, cluster: str) -> Any:
    return client.cluster(cluster) if cluster else client.clusters()


def _drawn(call: Invocation, client: Client, document: Any, cluster: str) -> RenderableType:
    from turnout.cli.answers import ClusterView, read_answer
    from turnout.cli.views.cluster import status_view

    views = read_answer(tuple[ClusterView, ...], [document] if cluster else document)
    return status_view(
        views,
        call.surroundings.now(),
        call.signs,
        width=call.width,
        instances=bool(cluster),
        under_way=_under_way(client, views),
        url=call.url,
    )


def _under_way(client: Client, views: Sequence[ClusterView]) -> dict[str, DeploymentView]:
    """The steps of what runs. Without them the rest is true all the same."""
    from turnout.cli.answers import DeploymentView, read_answer

    found: dict[str, DeploymentView] = {}
    for running in (view.running for view in views if view.running):
        with suppress(CommandError):
            found[running.id] = read_answer(DeploymentView, client.deployment(running.id))
    return found


def _watch(call: Invocation, client: Client, cluster: str) -> int:
    """Until somebody interrupts: that is how it ends, and no error."""
    try:
        if call.is_live:
            _draw(call, client, cluster)
        else:
            _print_events(call, client, cluster)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return Exit.SUCCESS


def _draw(call: Invocation, client: Client, cluster: str) -> None:
    import time

    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from turnout.cli.errors import Unreachable
    from turnout.cli.views.words import WAIT, full_time

    console = call.console()
    document = _look(client, cluster)
    with Live(console=console, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
        while True:
            lost = Text()
            try:
                document = _look(client, cluster)
            except Unreachable as error:
                lost = Text(f"{error.message} Trying again.", WAIT)
            drawn = _drawn(call, client, document, cluster)
            when = full_time(call.surroundings.now(), call.surroundings.zone)
            live.update(Group(Text(when, "bright_black"), lost, drawn), refresh=True)
            time.sleep(_REFRESH)


def _print_events(call: Invocation, client: Client, cluster: str) -> None:
    from turnout.cli.following import every_event
    from turnout.cli.views.words import clean, clock_time

    console = call.console()
    if not call.is_json:
        call.say(_drawn(call, client, _look(client, cluster), cluster), "")
        call.surroundings.stdout.flush()
    for event, document in every_event(client, cluster, patience=call.surroundings.patience):
        if call.is_json:
            call.say_json(document, compact=True)
        else:
            at = clock_time(event.at, call.surroundings.zone)
            console.print(f"{at}  {event.cluster}  {clean(event.sentence)}")
