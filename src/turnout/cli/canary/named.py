"""Which canary is meant by a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli.completion import complete_deployment
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit

if TYPE_CHECKING:
    from turnout.cli.client import Client

Canary = Annotated[
    str,
    typer.Argument(
        metavar="CANARY",
        help="Id of a canary; or a cluster or deployment: its latest one.",
        autocompletion=complete_deployment,
    ),
]


def find_canary(client: Client, named: str) -> str:
    """The id of a canary, named by itself, its deployment or its cluster. Raises `CommandError`."""
    for wanted in ({"deployment": named}, {"cluster": named}):
        try:
            found = client.canaries(limit=1, **wanted)
        except CommandError as error:
            if error.exit_code is not Exit.USAGE:  # a name that no cluster can have
                raise
            continue
        if found:
            return str(found[0]["id"])
    return named
