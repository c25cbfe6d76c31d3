"""`turnout canary config …`: what canaries are judged by, kept in versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnout.cli import options
from turnout.cli.completion import complete_config
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.files import read_text, write_text
from turnout.cli.invocation import Invocation
from turnout.cli.problems import format_problem, naming

if TYPE_CHECKING:
    from turnout.cli.client import Client
    from turnout.documents.canary import Change

PANEL = "Canaries"


class Format(StrEnum):
    """How a document is written."""

    YAML = "yaml"
    JSON = "json"


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name of a canary configuration.", autocompletion=complete_config
    ),
]
MaybeName = Annotated[
    str,
    typer.Argument(
        metavar="[NAME]",
        help="The versions of this one instead.",
        autocompletion=complete_config,
        show_default=False,
    ),
]
File = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="A canary configuration, YAML or JSON; - reads standard input."
    ),
]
Version = Annotated[
    int | None,
    typer.Option("--version", metavar="N", min=0, help="This version. [default: the newest]"),
]

_FILE_WANTED = "Name a canary configuration: YAML or JSON in UTF-8."


def register(group: typer.Typer) -> None:
    """Add the commands of this noun."""
    configs = typer.Typer(
        name="config", help="Canary configurations: import, look, compare.", rich_markup_mode=None
    )
    for name, function in (
        ("list", list_configs),
        ("show", show),
        ("check", check),
        ("import", import_file),
        ("export", export),
        ("diff", diff),
        ("delete", delete),
    ):
        options.command(configs, name, panel=PANEL)(function)
    group.add_typer(configs)


def list_configs(call: Invocation, name: MaybeName = "") -> int:
    """List canary configurations, or the versions of one.

    Example: turnout canary config list checkout
    """
    with call.connect() as client:
        document = client.config_versions(_checked(name)) if name else client.configs()
    if call.is_json:
        call.say_json(document)
        return Exit.SUCCESS
    from turnout.cli.answers import read_answer
    from turnout.cli.views.configs import list_view, versions_view
    from turnout.model.canary.stored import ConfigSummary, ConfigVersionLine

    zone = call.surroundings.zone
    if name:
        call.say(versions_view(read_answer(tuple[ConfigVersionLine, ...], document), zone))
    else:
        call.say(list_view(read_answer(tuple[ConfigSummary, ...], document), zone))
    return Exit.SUCCESS


def show(call: Invocation, name: Name, *, version: Version = None) -> int:
    """Show a canary configuration: judge, metrics, weights.

    Example: turnout canary config show default
    """
    with call.connect() as client:
        document = client.config(_checked(name), version)
    if call.is_json:
        call.say_json(document)
        return Exit.SUCCESS
    from turnout.cli.answers import read_answer
    from turnout.cli.views.configs import config_view
    from turnout.model.canary.configuration import CanaryConfig
    from turnout.model.canary.stored import ConfigView

    view = read_answer(ConfigView, document)
    config = read_answer(CanaryConfig, view.document)
    call.say(config_view(view, config, call.surroundings.zone))
    return Exit.SUCCESS


def check(call: Invocation, file: File) -> int:
    """Check a canary configuration, and keep nothing.

    Ends with 2 when it cannot be used; warnings change nothing.

    Example: turnout canary config check checkout.yaml
    """
    with call.connect() as client:
        checked, shown = _check(call, client, file)
    _warn(call, shown, checked)
    if call.is_json:
        call.say_json(checked)
    else:
        from turnout.cli.views.words import plural

        warnings = len(checked["warnings"])
        told = f", with {plural(warnings, 'warning')}" if warnings else ""
        call.say(f"{shown} can be used{told}.")
    return Exit.SUCCESS


def import_file(
    call: Invocation,
    file: File,
    *,
    name: Annotated[
        str,
        typer.Option("--name", metavar="NAME", help="Under this name, instead of the file's."),
    ] = "",
) -> int:
    """Keep a canary configuration in a new version.

    Takes what Kayenta exports, too. The same document again makes no version.

    Example: turnout canary config import checkout.yaml
    """
    with call.connect() as client:
        body = {**_document(call, file), "by": call.surroundings.user()}
        with naming(_shown(file)):
            kept = client.keep_config(_checked(name or _own_name(client, file, body)), body)
    _warn(call, _shown(file), kept)
    if call.is_json:
        call.say_json(kept)
    else:
        config = kept["config"]
        call.say(f"{config['name']} is kept, in version {config['version']}.")
    return Exit.SUCCESS


def export(
    call: Invocation,
    name: Name,
    *,
    version: Version = None,
    form: Annotated[
        Format, typer.Option("--format", help="How it is written; -o json means JSON, too.")
    ] = Format.YAML,
    to: Annotated[
        str,
        typer.Option("--to", metavar="FILE", help="Into this file. [default: standard output]"),
    ] = "",
) -> int:
    """Write a canary configuration as a file.

    What is written can be imported, here and, as JSON, by Kayenta.

    Example: turnout canary config export default --to checkout.yaml
    """
    from turnout.documents.canary import to_json, to_yaml

    with call.connect() as client:
        document = client.config(_checked(name), version)["document"]
    is_json = form is Format.JSON or call.is_json
    text = to_json(document) if is_json else to_yaml(document)
    if to:
        write_text(to, text)
    else:
        print(text, end="", file=call.surroundings.stdout)
    return Exit.SUCCESS


def diff(
    call: Invocation,
    name: Name,
    *,
    before: Annotated[
        str,
        typer.Argument(
            metavar="[FROM]",
            help="A version, or a file to compare the newest version with.",
            show_default=False,
        ),
    ] = "",
    after: Annotated[
        str, typer.Argument(metavar="[TO]", help="A version, or a file.", show_default=False)
    ] = "",
) -> int:
    """Show what differs between versions or files.

    Without FROM and TO between the two newest versions. Metrics are compared by name.

    Example: turnout canary config diff checkout 3 checkout.yaml
    """
    one, other = (before, after) if after or _is_version(before) else ("", before)
    with call.connect() as client:
        if not other or _is_version(other):
            found = client.config_diff(_checked(name), _version(one), _version(other))
        else:
            found = _diff_to_file(call, client, _checked(name), _version(one), other)
    if call.is_json:
        call.say_json(found)
        return Exit.SUCCESS
    from turnout.cli.views.configs import diff_view

    call.say(diff_view(found["name"], found["before"], found["after"], _changes(found)))
    return Exit.SUCCESS


def delete(call: Invocation, name: Name, *, yes: options.Yes = False) -> int:
    """Delete a canary configuration with all its versions. Asks first at a terminal.

    Canaries that run, and the journal, keep their copies.

    Example: turnout canary config delete checkout
    """
    from turnout.cli import asking
    from turnout.cli.views.words import plural

    with call.connect() as client:
        if call.is_interactive and not yes:
            versions = plural(len(client.config_versions(_checked(name))), "version")
            asking.confirm(call, f"Delete {name} with {versions}?")
        client.delete_config(_checked(name))
    if call.is_json:
        call.say_json({"name": name})
    else:
        call.say(f"{name} is deleted.")
    return Exit.SUCCESS


def _check(call: Invocation, client: Client, file: str) -> tuple[Any, str]:
    """The answer of the check, and what messages call the file. Raises `CommandError`."""
    shown = _shown(file)
    with naming(shown):
        return client.check_config(_document(call, file)), shown


def _document(call: Invocation, file: str) -> dict[str, str]:
    text, name = read_text(call, file, wanted=_FILE_WANTED)
    return {"text": text, "name": name}


def _shown(file: str) -> str:
    return "standard input" if file == "-" else file


def _warn(call: Invocation, shown: str, answer: Mapping[str, Any]) -> None:
    """Tell the warnings, beside JSON too: on standard error."""
    from rich.text import Text

    from turnout.cli.views.words import clean

    console = call.error_console()
    for problem in answer["warnings"]:
        console.print(Text(clean(format_problem(shown, problem))), soft_wrap=True)


def _own_name(client: Client, file: str, body: Mapping[str, str]) -> str:
    """The name that the document has. Raises `CommandError` when it has none."""
    given = {key: body[key] for key in ("text", "name")}
    name = client.check_config(given)["document"].get("name")
    if not name:
        raise CommandError(
            f"{_shown(file)} has no name.",
            "Give it one: --name NAME, or a line `name: …` in it.",
            Exit.USAGE,
            code="usage",
        )
    return str(name)


def _diff_to_file(
    call: Invocation, client: Client, name: str, version: int | None, file: str
) -> dict[str, Any]:
    """As the API answers, with the file's name instead of its version."""
    from turnout.documents.canary import compare

    stored = client.config(name, version)
    checked, shown = _check(call, client, file)
    after = {**checked["document"], "name": stored["document"].get("name")}
    return {
        "name": name,
        "before": stored["version"],
        "after": shown,
        "changes": [c.model_dump(mode="json") for c in compare(stored["document"], after)],
    }


def _changes(found: Mapping[str, Any]) -> tuple[Change, ...]:
    from turnout.cli.answers import read_answer
    from turnout.documents.canary import Change

    return read_answer(tuple[Change, ...], found["changes"])


def _is_version(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _version(text: str) -> int | None:
    """Raises `CommandError` for what is neither a number nor nothing."""
    if not text:
        return None
    if not _is_version(text) or len(text) > 6:
        raise CommandError(
            f"FROM must be the number of a version when TO is given, not {text!r}.",
            "See: turnout canary config diff --help",
            Exit.USAGE,
            code="usage",
        )
    return int(text)


def _checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9,_-]{1,100}", name):
        raise CommandError(
            f"{name!r} is no name for a canary configuration.",
            "A name has letters, digits, comma, underscore and hyphen; at most 100.",
            Exit.USAGE,
            code="usage",
        )
    return name
