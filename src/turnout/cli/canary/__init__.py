"""`turnout canary …`: one module for each command, or for each group of them.

A module has `register(group)`, and its name in `register` below.
"""

from __future__ import annotations

import typer

from turnout.cli.canary import config

PANEL = "Canaries"


def register(app: typer.Typer) -> None:
    """Add the group with all its commands."""
    group = typer.Typer(
        name="canary",
        help="What canaries are judged by.",
        rich_markup_mode=None,
    )
    for noun in (config,):
        noun.register(group)
    app.add_typer(group, rich_help_panel=PANEL)
