"""Doctor: what is wrong, and what to do about it. Needs no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnout.cli import options
from turnout.cli.errors import Unreachable
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation

if TYPE_CHECKING:
    from turnout.cli.client import Json


def register(app: typer.Typer) -> None:
    """Add the command of this noun."""
    options.command(app, "doctor", panel="Server")(doctor)


def doctor(
    call: Invocation,
    *,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="FOLDER", help="Look here, with this data folder."),
    ] = None,
    config: Annotated[
        str | None, typer.Option("--config", metavar="FILE", help="Look here, with these settings.")
    ] = None,
) -> int:
    """Look for causes of trouble and say what to do.

    Asks the server; without one, or with --data or --config, looks at this machine itself. Ends
    with 3 when something is not well.
    """
    given = {"data": data, "config": config}
    asked = None if data or config else _ask(call)
    document = _look_here(given) if asked is None else asked
    is_well = all(finding["ok"] for finding in document)
    if call.is_json:
        call.say_json(document)
    else:
        from turnout.cli.answers import Finding, read_answer
        from turnout.cli.views.findings import findings_view

        call.say(findings_view(read_answer(tuple[Finding, ...], document), call.signs))
    return Exit.SUCCESS if is_well else Exit.FAILED


def _ask(call: Invocation) -> Json | None:
    """What the server finds; None when there is none."""
    from turnout.cli.answers import Finding, read_answer

    try:
        with call.connect() as client:
            document = client.doctor()
            read_answer(tuple[Finding, ...], document)
    except Unreachable as error:
        call.error_console().print(f"{error.message} Looking at this machine.", soft_wrap=True)
        return None
    return document


def _look_here(given: dict[str, str | None]) -> Any:
    """The server's own doctor, in this process."""
    from turnout.cli.server import read_settings
    from turnout.server.doctor import run

    return [finding.model_dump(mode="json") for finding in run(read_settings(given))]
