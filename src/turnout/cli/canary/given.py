"""What a person gives to the commands about the past, as the API wants it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from turnout.cli.completion import complete_cluster, complete_config
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.files import read_text
from turnout.cli.invocation import Invocation

T = TypeVar("T")

CONFIG_WANTED = "Name a stored canary configuration, or a file: YAML or JSON in UTF-8."

ClusterOption = Annotated[
    str,
    typer.Option(
        "--cluster",
        metavar="CLUSTER",
        help="Of this cluster: what its router has counted.",
        autocompletion=complete_cluster,
        show_default=False,
    ),
]
ConfigOption = Annotated[
    str,
    typer.Option(
        "--config",
        metavar="CONFIG",
        help="A stored canary configuration, or a file.",
        autocompletion=complete_config,
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--param", metavar="K=V", help="A variable of templates; repeat it.", show_default=False
    ),
]
Location = Annotated[
    str,
    typer.Option(
        "--location",
        metavar="PLACE",
        help="The location of a metrics system; for the router the cluster.",
        show_default=False,
    ),
]


def chosen(call: Invocation, config: str) -> dict[str, str]:
    """A stored configuration by its name; what looks like a file is read. Raises `CommandError`."""
    is_file = config == "-" or not re.fullmatch(r"[A-Za-z0-9,_-]+", config)
    if is_file or Path(config).is_file():
        text, name = read_text(call, config, wanted=CONFIG_WANTED)
        return {"text": text, "name": name}
    return {"name": config}


def moment(call: Invocation, option: str, text: str) -> datetime:
    """`2026-11-23T20:00`, in the local zone unless it says another; or `2h` for so long ago."""
    from turnout.model.units import parse_duration

    now = call.surroundings.now()
    if re.match(r"^[0-9.]+[a-z]", text):
        return now - _read(option, parse_duration, text)
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise _usage(
            option, f"{text!r} is no time: write 2026-11-23T20:00, or 2h for two hours ago"
        ) from error
    zone = call.surroundings.zone
    return read if read.tzinfo else read.replace(tzinfo=zone) if zone else read.astimezone()


def times(call: Invocation, **given: str) -> dict[str, str]:
    """Those that were given, in UTC."""
    return {
        name: moment(call, f"--{name.replace('_', '-')}", text).astimezone(UTC).isoformat()
        for name, text in given.items()
        if text
    }


def duration(option: str, text: str) -> timedelta:
    """Raises `CommandError`."""
    from turnout.model.units import parse_duration

    return _read(option, parse_duration, text)


def seconds(option: str, text: str) -> float:
    """A duration as the API reads it."""
    return duration(option, text).total_seconds()


def share(option: str, text: str) -> int:
    """In per mille, above nothing and at most half. Raises `CommandError`."""
    from turnout.model.units import parse_share

    found = _read(option, parse_share, text)
    if not 0 < found <= 500:
        raise _usage(option, "each arm gets more than nothing, and at most 50%")
    return found


def part(option: str, text: str) -> float:
    """`1%` is 0.01, `0.05%` is 0.0005. Raises `CommandError`."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?%", text.strip())
    found = float(match[1]) / 100 if match else 0.0
    if not 0 < found < 10:
        raise _usage(option, f"{text!r} is no part of something: write 1% or 0.05%")
    return found


def parameters(given: Sequence[str] | None) -> dict[str, str]:
    """Raises `CommandError`."""
    pairs = [text.partition("=") for text in given or ()]
    wrong = [name for name, equals, _ in pairs if not (name and equals)]
    if wrong:
        raise _usage("--param", f"{wrong[0]!r} is not of the form name=value")
    return {name: value for name, _, value in pairs}


def _read(option: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise _usage(option, str(error)) from error


def _usage(option: str, why: str) -> CommandError:
    return CommandError(
        f"{option}: {why}.", "See: turnout canary COMMAND --help", Exit.USAGE, code="usage"
    )
