"""Options that several commands share, and those that every command has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from turnout.cli.completion import complete_cluster, complete_deployment, complete_group
from turnout.cli.invocation import Invocation, Output
from turnout.cli.surroundings import Surroundings


class Busy(StrEnum):
    """`turnout.model.deployment.OnBusy`, without its import."""

    QUEUED = "queued"
    REJECTED = "rejected"
    SUPERSEDING = "superseding"


class Strategy(StrEnum):
    """`turnout.model.deployment.StrategyName`, without its import."""

    BLUE_GREEN = "blue_green"
    ROLLING_BLUE_GREEN = "rolling_blue_green"
    HIGHLANDER = "highlander"
    CANARY = "canary"
    DARK = "dark"


class Answer(StrEnum):
    """`turnout.model.deployment.Choice`, without its import."""

    RETRY = "retry"
    CONTINUE = "continue"
    ROLLBACK = "rollback"
    STOP = "stop"


class StatusName(StrEnum):
    """`turnout.model.deployment.Status`, without its import."""

    QUEUED = "queued"
    RUNNING = "running"
    ROLLING_BACK = "rolling_back"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    REFUSED = "refused"
    REJECTED = "rejected"
    CANCELED = "canceled"


ServerOption = Annotated[
    str,
    typer.Option(
        "--server",
        metavar="URL",
        help="The Turnout server. [env: TURNOUT_SERVER; default: http://127.0.0.1:7600]",
        show_default=False,
    ),
]
OutputOption = Annotated[
    Output | None,
    typer.Option("--output", "-o", help="Print for people or for programs. [default: text]"),
]
ColorOption = Annotated[bool, typer.Option("--no-color", help="No colours. [env: NO_COLOR]")]

Cluster = Annotated[
    str,
    typer.Argument(metavar="CLUSTER", help="Name of a cluster.", autocompletion=complete_cluster),
]
MaybeCluster = Annotated[
    str,
    typer.Argument(
        metavar="[CLUSTER]",
        help="Only this cluster.",
        autocompletion=complete_cluster,
        show_default=False,
    ),
]
Group = Annotated[
    str,
    typer.Argument(metavar="GROUP", help="Name of a server group.", autocompletion=complete_group),
]
Deployment = Annotated[
    str,
    typer.Argument(
        metavar="DEPLOYMENT",
        help="Id of a deployment, or a cluster: the one that goes on there.",
        autocompletion=complete_deployment,
    ),
]

OnBusy = Annotated[
    Busy,
    typer.Option(
        "--on-busy",
        help="While another deployment of the cluster runs: wait for it, give up, or cancel it.",
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; recorded.", show_default=False)
]
Force = Annotated[
    str,
    typer.Option(
        "--force",
        metavar="REASON",
        help="Override guards, a hold and a freeze, for this reason; recorded.",
        show_default=False,
    ),
]
Fingerprint = Annotated[
    str,
    typer.Option(
        "--fingerprint",
        metavar="F",
        help="Only if cluster and wish are still those of the plan with this fingerprint.",
        show_default=False,
    ),
]
Wait = Annotated[
    bool,
    typer.Option("--wait/--no-wait", help="Show the progress until the end, or leave at once."),
]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Only show what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class ReaderGone(Exception):
    """Nobody reads the output any more: `turnout history | head`."""


def command(
    app: typer.Typer, name: str, *, panel: str, shared: bool = True
) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Register a function: it is called with an `Invocation` and answers with its exit code.

    With `shared` the command has the options that all have.
    """

    def register(function: Callable[..., int | None]) -> Callable[..., int | None]:
        app.command(name, rich_help_panel=panel)(_with_invocation(function, shared))
        return function

    return register


def _with_invocation(function: Callable[..., int | None], shared: bool) -> Callable[..., None]:
    def run(ctx: typer.Context, **given: Any) -> None:
        mine = {key: given.pop(key) for key in ("server", "output", "no_color") if shared}
        call = invocation_of(ctx, **mine)
        try:
            code = function(call, **given)
        except BrokenPipeError as error:  # which Typer would take for a failure of the command
            raise ReaderGone from error
        raise typer.Exit(int(code or 0))

    _, *own = inspect.signature(function, eval_str=True).parameters.values()
    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_ONLY, annotation=typer.Context),
        *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own),
        *(_SHARED if shared else ()),
    ]
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__dict__["__signature__"] = inspect.Signature(parameters)
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


_SHARED = tuple(
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, default, annotation in (
        ("server", "", ServerOption),
        ("output", None, OutputOption),
        ("no_color", False, ColorOption),
    )
)


def invocation_of(
    ctx: typer.Context, server: str = "", output: Output | None = None, no_color: bool = False
) -> Invocation:
    """What a command is called with; its own options win over those before the command's name."""
    found = ctx.find_object(Surroundings)
    if found is None:
        raise RuntimeError("a command needs its surroundings: call turnout.cli.app.run")
    before = ctx.find_root().params
    return Invocation(
        found,
        server or before.get("server") or "",
        output or before.get("output") or Output.TEXT,
        no_color or bool(before.get("no_color")),
    )
