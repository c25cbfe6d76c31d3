"""The server, started from the command line: it loads far more than the other commands."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import options
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation
from turnout.cli.problems import format_problem

if TYPE_CHECKING:
    from turnout.model.errors import InvalidDocument
    from turnout.settings import Settings

DEFAULT_FILE = "turnout.yaml"


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """`auto` = for people at a terminal, JSON elsewhere."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


def register(app: typer.Typer) -> None:
    """Add the command of this noun."""
    options.command(app, "server", panel="Server", shared=False)(server)


def server(
    call: Invocation,
    *,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where the API listens. Off this machine only with a token. "
            "[default: 127.0.0.1:7600]",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Where everything is kept. [default: ~/.local/share/turnout]",
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A file with settings. [default: turnout.yaml in the data folder]"
        ),
    ] = None,
    token_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The token that callers must know. [or TURNOUT_TOKEN]"),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Database of the journal. [default: SQLite in the data]"),
    ] = None,
    temporal: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="A Temporal of your own. [default: one inside]"),
    ] = None,
    temporal_binary: Annotated[
        str | None, typer.Option(metavar="FILE", help="Another temporal program.")
    ] = None,
    envoy_binary: Annotated[
        str | None, typer.Option(metavar="FILE", help="Another envoy program.")
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Accounts of metrics systems. [default: metrics.yaml in the data folder]",
        ),
    ] = None,
    ports: Annotated[
        str | None,
        typer.Option(metavar="FIRST-LAST", help="Ports for instances. [default: 20000-29999]"),
    ] = None,
    log_level: Annotated[
        LogLevel | None, typer.Option(help="How much is logged. [default: info]")
    ] = None,
    log_format: Annotated[
        LogFormat | None,
        typer.Option(help="auto: for people at a terminal, JSON elsewhere. [default: auto]"),
    ] = None,
    keep_events_days: Annotated[
        int | None,
        typer.Option(metavar="DAYS", min=1, help="How long single events are kept. [default: 90]"),
    ] = None,
    keep_deployments_days: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS", min=1, help="How long deployments are kept. [default: for ever]"
        ),
    ] = None,
    keep_figures_days: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS", min=1, help="How long figures per second are kept. [default: 7]"
        ),
    ] = None,
    stop_everything: Annotated[
        bool,
        typer.Option("--stop-everything", help="At the end stop all instances and the router too."),
    ] = False,
) -> int:
    """Run the Turnout server, in the foreground.

    Every option can also be set as TURNOUT_<NAME> or in the settings file. Instances and the
    router go on when the server ends, unless told otherwise.
    """
    given = {
        "listen": listen,
        "data": data,
        "config": config,
        "token_file": token_file,
        "store": store,
        "temporal": temporal,
        "temporal_binary": temporal_binary,
        "envoy_binary": envoy_binary,
        "metrics": metrics,
        "ports": ports,
        "log_level": str(log_level) if log_level else None,
        "log_format": str(log_format) if log_format else None,
        "keep_events_days": keep_events_days,
        "keep_deployments_days": keep_deployments_days,
        "keep_figures_days": keep_figures_days,
        "stop_everything": stop_everything or None,
    }
    settings = read_settings(given)
    from turnout.model.errors import InvalidDocument
    from turnout.server import main

    try:
        return int(main(settings) or 0)
    except InvalidDocument as error:
        raise _refusal(error, str(settings.metrics_file or settings.data)) from error


def read_settings(given: Mapping[str, object]) -> Settings:
    """The server's settings. Raises `CommandError` with one line for every mistake."""
    from turnout import settings
    from turnout.model.errors import InvalidDocument

    try:
        return settings.read_settings(given)
    except InvalidDocument as error:
        name = str(given.get("config") or DEFAULT_FILE)
        raise _refusal(error, name) from error


def _refusal(error: InvalidDocument, file: str) -> CommandError:
    return CommandError(
        f"{error.message}.",
        "See: turnout server --help",
        Exit.USAGE,
        code=error.code,
        lines=tuple(_line(file, problem) for problem in error.problems),
    )


def _line(file: str, problem: object) -> str:
    line = getattr(problem, "line", 0)
    fields = ("message", "path", "line", "column", "nearest")
    told = {name: getattr(problem, name) for name in fields}
    return format_problem(file if line else "settings", told)
