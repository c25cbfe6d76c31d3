"""The command `turnout`: all commands, and the edge where errors become words and exit codes."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from turnout import __version__
from turnout.cli import (
    canary,
    clusters,
    demo,
    deployments,
    doctor,
    groups,
    journal,
    logs,
    options,
    schema,
    server,
    version,
)
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.help import SectionedHelp
from turnout.cli.invocation import Invocation, Output
from turnout.cli.surroundings import Surroundings, real_surroundings

_ONE_OF = re.compile(r"'(?P<given>[^']*)' is not one of (?P<choices>.*)")


def build_app() -> typer.Typer:
    """All commands, in the order of the help."""
    app = typer.Typer(
        name="turnout",
        help="Deploy a service, switch its traffic, take it back.",
        cls=SectionedHelp,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_before)
    for noun in (
        deployments,
        clusters,
        journal,
        logs,
        groups,
        canary,
        server,
        demo,
        doctor,
        schema,
        version,
    ):
        noun.register(app)
    return app


def main() -> None:
    """The entry point."""
    sys.exit(run(sys.argv[1:], real_surroundings()))


def run(arguments: Sequence[str], surroundings: Surroundings) -> int:
    """Run one command line and answer with its exit code. Nothing but a bug is raised."""
    try:
        code = typer.main.get_command(build_app()).main(
            args=list(arguments) or ["--help"],
            prog_name="turnout",
            standalone_mode=False,
            obj=surroundings,
        )
        surroundings.stdout.flush()
    except TyperException as error:
        return _tell(surroundings, arguments, _usage(error))
    except CommandError as error:
        return _tell(surroundings, arguments, error)
    except (KeyboardInterrupt, typer.Abort):
        return Exit.INTERRUPTED
    except (options.ReaderGone, BrokenPipeError):
        _forget_output(surroundings)
        return Exit.INTERRUPTED
    return int(code or 0)


def _print_version(ctx: typer.Context, wanted: bool) -> None:
    if wanted:
        options.invocation_of(ctx).say(f"turnout {__version__}")
        raise typer.Exit


def _before(
    server: options.ServerOption = "",
    output: options.OutputOption = None,
    no_color: options.ColorOption = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version.",
            is_eager=True,
            callback=_print_version,
        ),
    ] = False,
) -> None:
    """Options before the command's name count for every command."""


def _usage(error: TyperException) -> CommandError:
    """What Typer found wrong with the command line, as our own error."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "turnout"
    message = _number_wanted(error) or " ".join(
        error.format_message().replace("Value error, ", "").split()
    )
    possible = getattr(error, "possibilities", None)
    if possible:
        message = f"{error.message}. Did you mean {sorted(possible)[0]!r}?"
    elif wrong := _ONE_OF.search(message):
        near = get_close_matches(wrong["given"], re.findall(r"'([^']*)'", wrong["choices"]), n=1)
        message = message.rstrip(".") + (f". Did you mean {near[0]!r}?" if near else "")
    message = message.rstrip(".")
    return CommandError(
        message if message.endswith("?") else f"{message}.",
        f"See: {path} --help",
        Exit.USAGE,
        code="usage",
    )


def _number_wanted(error: TyperException) -> str:
    """For a number that is none, or out of bounds: which one is wanted. Else nothing."""
    parameter, cause = getattr(error, "param", None), error.__cause__
    least, most = getattr(parameter, "min", None), getattr(parameter, "max", None)
    problems = getattr(cause, "errors", None)
    if parameter is None or least is None or problems is None:
        return ""
    names = [name for name in parameter.opts if name.startswith("-")] or [parameter.metavar]
    bounds = f"from {least} to {most}" if most is not None else f"of at least {least}"
    given = str(problems()[0].get("input", ""))
    return f"{max(names, key=len)} must be a whole number {bounds}, not {given!r}"


def _tell(surroundings: Surroundings, arguments: Sequence[str], error: CommandError) -> int:
    """Two lines, one for each mistake in a document, or JSON; all to standard error."""
    call = Invocation(
        surroundings,
        output=Output.JSON if _wants_json(arguments) else Output.TEXT,
        no_color="--no-color" in arguments,
    )
    if call.is_json:
        import json

        print(json.dumps(_document(error), ensure_ascii=False), file=surroundings.stderr)
        return error.exit_code
    from rich.text import Text

    from turnout.cli.views.words import clean

    console = call.error_console()
    if error.lines:
        for line in error.lines:
            console.print(Text(clean(line)), soft_wrap=True)
        return error.exit_code
    label = "" if error.exit_code is Exit.INTERRUPTED else "Error: "
    console.print(Text.assemble((label, "bold red"), clean(error.message)), soft_wrap=True)
    if error.hint:
        console.print(Text(clean(error.hint)), soft_wrap=True)
    return error.exit_code


def _document(error: CommandError) -> dict[str, Any]:
    return {
        **error.details,
        "code": error.code,
        "detail": error.message,
        "hint": error.hint,
        "exit_code": int(error.exit_code),
    }


def _wants_json(arguments: Sequence[str]) -> bool:
    """Errors of usage come before the options are understood, so this looks for itself."""
    return any(w in ("-ojson", "-o=json", "--output=json") for w in arguments) or any(
        name in ("-o", "--output") and value == "json" for name, value in pairwise(arguments)
    )


def _forget_output(surroundings: Surroundings) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (surroundings.stdout, surroundings.stderr):
        if stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
