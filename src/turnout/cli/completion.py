"""Names for the shell's completion, asked from the server. Never slow, never loud."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from turnout.cli.errors import CommandError
from turnout.cli.invocation import Invocation
from turnout.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from turnout.cli.client import Client

IN_TIME = 0.5
"""Seconds; a person who has pressed the tabulator does not wait longer."""


def complete_cluster(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of clusters."""
    return _names(ctx, incomplete, lambda view: [view["state"]["cluster"]])


def complete_group(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of server groups."""
    return _names(ctx, incomplete, _groups)


def complete_group_or_cluster(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of server groups and of clusters."""
    return _names(ctx, incomplete, lambda view: [view["state"]["cluster"], *_groups(view)])


def complete_deployment(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids of deployments that go on or wait, and names of clusters."""
    return _names(ctx, incomplete, lambda view: [view["state"]["cluster"], *_deployments(view)])


def complete_config(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of canary configurations."""
    return _offer(ctx, incomplete, lambda client: [one["name"] for one in client.configs()])


def _groups(view: Any) -> list[str]:
    return [group["name"] for group in view["state"]["groups"]]


def _deployments(view: Any) -> list[str]:
    going = [view["running"]] if view.get("running") else []
    return [record["request"]["id"] for record in (*going, *view.get("waiting", ()))]


def _names(ctx: typer.Context, incomplete: str, names_of: Callable[[Any], list[str]]) -> list[str]:
    return _offer(
        ctx, incomplete, lambda client: [n for view in client.clusters() for n in names_of(view)]
    )


def _offer(
    ctx: typer.Context, incomplete: str, names_of: Callable[[Client], list[str]]
) -> list[str]:
    surroundings = ctx.find_object(Surroundings)
    if surroundings is None:
        return []
    server = ctx.params.get("server") or ctx.find_root().params.get("server") or ""
    try:
        with Invocation(surroundings, server).connect(timeout=IN_TIME) as client:
            found = names_of(client)
    except (CommandError, KeyError, TypeError):  # a broken prompt would help nobody
        return []
    return sorted(name for name in found if name.startswith(incomplete))
