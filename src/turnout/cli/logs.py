"""Logs: what the instances of a server group print."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import options
from turnout.cli.completion import complete_group_or_cluster
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation

if TYPE_CHECKING:
    from turnout.cli.client import Client

Name = Annotated[
    str,
    typer.Argument(
        metavar="GROUP|CLUSTER",
        help="A server group; or a cluster: its groups with traffic, and one being deployed.",
        autocompletion=complete_group_or_cluster,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command of this noun."""
    options.command(app, "logs", panel="Look")(logs)


def logs(
    call: Invocation,
    name: Name,
    instance: Annotated[
        str,
        typer.Option("--instance", metavar="ID", help="Only this instance.", show_default=False),
    ] = "",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines as they come.")
    ] = False,
    lines: Annotated[
        int,
        typer.Option(
            "--lines", "-n", metavar="N", min=0, max=100_000, help="The last so many lines."
        ),
    ] = 200,
) -> int:
    """Print what instances have written to their output, of each the oldest first."""
    with call.connect() as client:
        groups = _groups(client, name)
        try:
            for group, line in _lines(client, groups, instance, lines, follow):
                _print(call, group if len(groups) > 1 else "", line, name)
        except KeyboardInterrupt:
            return Exit.INTERRUPTED
    return Exit.SUCCESS


def _groups(client: Client, name: str) -> Sequence[str]:
    """The group itself, or those of a cluster that matter now."""
    from turnout.cli.answers import ClusterView, read_answer
    from turnout.model.errors import InvalidDocument
    from turnout.model.names import parse_group

    try:
        parse_group(name)
        return [name]
    except InvalidDocument:
        view = read_answer(ClusterView, client.cluster(name))
    coming = view.running.plan.new_group if view.running and view.running.plan else ""
    state = view.state
    found = [g.name for g in state.groups if state.split.share(g.name) or g.name == coming]
    if not found:
        known = ", ".join(g.name for g in state.groups) or "none"
        raise CommandError(
            f"{name} has no server group with traffic; it has: {known}.",
            "Name a server group: turnout logs GROUP.",
            Exit.USAGE,
            code="not_found",
        )
    return found


def _print(call: Invocation, group: str, line: str, name: str) -> None:
    if call.is_json:
        call.say_json({"group": group or name, "line": line}, compact=True)
    else:
        print(f"{group} {line}" if group else line, file=call.surroundings.stdout, flush=True)


def _lines(
    client: Client, groups: Sequence[str], instance: str, lines: int, follow: bool
) -> Iterator[tuple[str, str]]:
    if not follow or len(groups) == 1:
        for group in groups:
            with client.log(group, instance=instance, lines=lines, follow=follow) as found:
                for line in found:
                    yield group, line
        return
    yield from _together(client, groups, instance, lines)


def _together(
    client: Client, groups: Sequence[str], instance: str, lines: int
) -> Iterator[tuple[str, str]]:
    """Several logs at once, until all have ended. The readers end with the process at last."""
    came: queue.Queue[tuple[str, str | CommandError | None]] = queue.Queue()

    def read(group: str) -> None:
        try:
            with client.log(group, instance=instance, lines=lines, follow=True) as found:
                for line in found:
                    came.put((group, line))
        except CommandError as error:
            came.put((group, error))
        else:
            came.put((group, None))

    for group in groups:
        threading.Thread(target=read, args=(group,), daemon=True).start()
    left = len(groups)
    while left:
        group, line = came.get()
        match line:
            case str():
                yield group, line
            case None:
                left -= 1
            case _:
                raise line
