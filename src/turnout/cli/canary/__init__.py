"""`turnout canary …`: one module for each command, or for each group of them.

A module has `register(group)`, and its name in `register` below.
"""

from __future__ import annotations

import typer

from turnout.cli.canary import (
    answering,
    comparing,
    config,
    judging,
    lasting,
    listing,
    querying,
    replaying,
    showing,
)

PANEL = "Canaries"


def register(app: typer.Typer) -> None:
    """Add the group with all its commands."""
    group = typer.Typer(
        name="canary",
        help="Canaries: what was compared, what was found, what they are judged by.",
        rich_markup_mode=None,
    )
    for noun in (
        listing,
        showing,
        answering,
        config,
        querying,
        lasting,
        replaying,
        comparing,
        judging,
    ):
        noun.register(group)
    app.add_typer(group, rich_help_panel=PANEL)
