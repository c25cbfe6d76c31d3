"""Files that a person names on the command line."""

from __future__ import annotations

from pathlib import Path

from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation


def read_text(call: Invocation, file: str, *, wanted: str) -> tuple[str, str]:
    """The text of a file, or of standard input for `-`, and what messages call it.

    `wanted` says what to name instead. Raises `CommandError`.
    """
    if file == "-":
        return call.surroundings.stdin.read(), "standard input"
    path = Path(file)
    try:
        return path.read_text(encoding="utf-8"), path.name[-100:]
    except UnicodeDecodeError as error:
        raise _unreadable(file, f"byte {error.start} is not UTF-8", wanted) from error
    except OSError as error:
        raise _unreadable(file, error.strerror or str(error), wanted) from error
    except ValueError as error:  # a name with a zero byte
        raise _unreadable(file, str(error), wanted) from error


def write_text(file: str, text: str) -> None:
    """Write it to a file, over what is there. Raises `CommandError`."""
    try:
        Path(file).write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CommandError(
            f"{file} cannot be written: {why}.",
            "Name a file in a folder that you may write to.",
            Exit.USAGE,
            code="unwritable_file",
        ) from error


def _unreadable(file: str, why: str, wanted: str) -> CommandError:
    return CommandError(
        f"{file} cannot be read: {why}.", wanted, Exit.USAGE, code="unreadable_file"
    )
