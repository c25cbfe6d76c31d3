"""`turnout canary show`: what was found, in words and a table; with `--follow` live."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnout.cli import options
from turnout.cli.canary.named import Canary, find_canary
from turnout.cli.errors import CommandError, Unreachable
from turnout.cli.exits import Exit
from turnout.cli.files import write_text
from turnout.cli.invocation import Invocation

if TYPE_CHECKING:
    from turnout.cli.client import Client
    from turnout.model.report import Report

PANEL = "Canaries"

REFRESH = 2.0
"""Seconds between two looks: a report is made anew for each."""

OF_VERDICT = {"pass": Exit.SUCCESS, "fail": Exit.ROLLED_BACK}


def register(group: typer.Typer) -> None:
    """Add the command."""
    options.command(group, "show", panel=PANEL)(show)


def show(
    call: Invocation,
    canary: Canary,
    *,
    page: Annotated[
        str,
        typer.Option(
            "--page", metavar="FILE", help="Write the report as a page here.", show_default=False
        ),
    ] = "",
    link: Annotated[
        bool,
        typer.Option(
            "--link", help="Print an address for a browser: for an hour it needs no token."
        ),
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the end; it is the exit code.")
    ] = False,
) -> int:
    """Show the report of a canary.

    Example: turnout canary show shop --follow
    """
    with call.connect() as client:
        found = find_canary(client, canary)
        if link:
            return _say_link(call, found)
        report = _follow(call, client, found) if follow else client.canary(found)
        if page:
            write_text(page, client.canary_page(found))
    if call.is_json:
        call.say_json(report)
    elif not (follow and call.is_live):
        call.say(drawn(call, read_report(report)))
        if page:
            call.say(f"The page is in {page}.")
    return OF_VERDICT.get(report["verdict"], Exit.FAILED) if follow else Exit.SUCCESS


def await_end(call: Invocation, client: Client, canary: str) -> Exit:
    """As `show --follow`: show a canary until it ends."""
    report = _follow(call, client, canary)
    if call.is_json:
        call.say_json(report)
    elif not call.is_live:
        call.say(drawn(call, read_report(report)))
    return OF_VERDICT.get(report["verdict"], Exit.FAILED)


def read_report(document: Any) -> Report:
    """Raises `Unreachable` when it is none."""
    from turnout.cli.answers import read_answer
    from turnout.model.report import Report

    return read_answer(Report, document)


def drawn(call: Invocation, report: Report) -> Any:
    """As a person reads it."""
    from turnout.cli.views.canaries import page_address, report_view

    address = page_address(call.url, report.id)
    return report_view(report, call.signs, call.surroundings.zone, width=call.width, page=address)


def _say_link(call: Invocation, canary: str) -> int:
    from rich.text import Text

    from turnout.cli.views.canaries import page_address
    from turnout.model.page_link import build_page_link

    token = call.surroundings.environment.get("TURNOUT_TOKEN", "")
    link = call.url + build_page_link(token, page_address("", canary), time.time())
    if call.is_json:
        call.say_json({"link": link})
    else:
        call.say(Text(link, no_wrap=True, overflow="ignore"))
    return Exit.SUCCESS


def _follow(call: Invocation, client: Client, canary: str) -> Any:
    """The last report. Raises `CommandError` when interrupted, or when the server stays away."""
    return _draw(call, client, canary) if call.is_live else _print(call, client, canary)


def _draw(call: Invocation, client: Client, canary: str) -> Any:
    from rich.live import Live

    with Live(console=call.console(), auto_refresh=False, vertical_overflow="crop") as live:
        return _watch(
            call,
            client,
            canary,
            lambda report: live.update(drawn(call, report), refresh=True),
        )


def _print(call: Invocation, client: Client, canary: str) -> Any:
    """A line whenever something else is said."""
    from turnout.cli.views.words import clean, clock_time

    console = call.error_console() if call.is_json else call.console()
    told = ""

    def tell(report: Report) -> None:
        nonlocal told
        said = " ".join((report.headline, *report.reasons))
        if said != told and report.ended_at is None:
            console.print(f"{clock_time(report.made_at, call.surroundings.zone)}  {clean(said)}")
        told = said

    return _watch(call, client, canary, tell)


def _watch(call: Invocation, client: Client, canary: str, tell: Callable[[Report], None]) -> Any:
    heard, report = time.monotonic(), None
    try:
        while True:
            try:
                document = client.canary(canary)
            except Unreachable:
                if time.monotonic() - heard > call.surroundings.patience:
                    raise
            else:
                heard, report = time.monotonic(), read_report(document)
                tell(report)
                if report.ended_at is not None:
                    return document
            time.sleep(REFRESH)
    except KeyboardInterrupt:
        raise _interrupted(canary, report) from None


def _interrupted(canary: str, report: Report | None) -> CommandError:
    is_repeated = report is not None and report.windows
    so_far = f" So far: {report.sentence}" if report and is_repeated else ""
    end = f" End it: turnout canary answer {canary} fail." if is_repeated else ""
    return CommandError(
        f"You stopped looking; {canary} goes on in the server.{so_far}",
        f"Look again: turnout canary show {canary} --follow.{end}",
        Exit.INTERRUPTED,
        code="interrupted",
    )
