"""`turnout canary answer`: a person decides."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from turnout.cli import options
from turnout.cli.canary.named import Canary, find_canary
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation

PANEL = "Canaries"


class Choice(StrEnum):
    """What can be said about a canary."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"


def register(group: typer.Typer) -> None:
    """Add the command."""
    options.command(group, "answer", panel=PANEL)(answer)


def answer(
    call: Invocation,
    canary: Canary,
    *,
    choice: Annotated[Choice, typer.Argument(metavar="CHOICE", help="pass or fail.")],
    comment: Annotated[
        str, typer.Option("--comment", metavar="TEXT", help="Why; recorded.", show_default=False)
    ] = "",
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="NAME", help="Who says so. [default: you]", show_default=False
        ),
    ] = "",
) -> int:
    """Decide a canary. The first answer counts.

    Example: turnout canary answer shop pass --comment "the errors are of the load test"
    """
    body = {"choice": str(choice), "by": by or call.surroundings.user(), "comment": comment}
    with call.connect() as client:
        found = find_canary(client, canary)
        document = client.judge_canary(found, body)
    if call.is_json:
        call.say_json(document)
    else:
        call.say(f"{found}: {document['by'] or 'somebody'} said {document['choice']}.")
    return Exit.SUCCESS
