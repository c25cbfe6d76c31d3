"""Texts of the service file that mean more than a text: commands, names, statuses. Pure; each
raises `ValueError` with a sentence for the author.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
import warnings
from datetime import timedelta

from turnout.documents.report import shown
from turnout.model.units import parse_duration, parse_share

NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
HEADER_PATTERN = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
STICKY_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
VERSION_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._+:/@-]{0,127}$"
PATH_PATTERN = r"^/[!-~]{0,2047}$"
STATUS_PATTERN = r"^[1-5][0-9]{2}( ?- ?[1-5][0-9]{2})?$"
DURATION_PATTERN = (
    r"^(?=[0-9])([0-9]+(\.[0-9]+)?(ms|s|m|h|d)|"
    r"([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?|0)$"
)
SHARE_PATTERN = r"^[0-9]+(\.[0-9]+)? ?[%‰]?$"

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_STATUS = re.compile(r"([1-5][0-9]{2})(?: ?- ?([1-5][0-9]{2}))?")
_SHELL = frozenset({"&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1", "2>"})
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_TAKEN_HEADERS = frozenset(
    {"authorization", "connection", "content-length", "content-type", "cookie", "host", "te"}
    | {"transfer-encoding", "upgrade"}
)
_OURS = frozenset({"PORT", "INSTANCE", "VERSION"})


def parse_line(text: str) -> str:
    """Any text without line ends and control characters, not empty."""
    if not text.strip():
        raise ValueError("this is empty")
    if _CONTROL.search(text):
        raise ValueError(f"{shown(text)} holds a control character or a line end")
    return text


def parse_block(text: str) -> str:
    """Any text, line ends included; only what no program can be given is refused."""
    if "\x00" in text:
        raise ValueError("this holds a zero byte")
    return text


def parse_command(text: str) -> tuple[str, ...]:
    """Split a command as a shell would, without being one."""
    try:
        words = tuple(shlex.split(parse_line(text)))
    except ValueError as error:
        raise ValueError(f"this command cannot be split: {str(error).lower()}") from error
    if not words:
        raise ValueError("the command is empty")
    if _ASSIGNMENT.match(words[0]):
        raise ValueError(f"{shown(words[0])} is a setting, not a command: write it as environment")
    if operators := _SHELL.intersection(words):
        raise ValueError(
            f"there is no shell here that would understand {' '.join(sorted(operators))}: "
            "put the command into a script, or write [sh, -c, '…']"
        )
    return check_command(words)


def check_command(words: tuple[str, ...]) -> tuple[str, ...]:
    """A command that somebody has split already."""
    if not all(words) or not words[0].strip():
        raise ValueError("a word of the command is empty")
    return words


def parse_environment_name(text: str) -> str:
    """A name of an environment variable that is the author's to choose."""
    if not re.match(NAME_PATTERN, text) or text.endswith("\n"):
        raise ValueError(
            f"{shown(text)} is no name for an environment variable: use A-Z, 0-9 and _"
        )
    if text in _OURS or text.startswith("TURNOUT_"):
        raise ValueError(f"{text} is set by Turnout for every instance; choose another name")
    return text


def parse_token(text: str) -> str:
    """A name of an HTTP header."""
    if not re.fullmatch(HEADER_PATTERN[1:-1], text):
        raise ValueError(f"{shown(text)} is no name for a header")
    return text


def parse_preview_header(text: str) -> str:
    """A name of an HTTP header, in small letters as the router compares it."""
    name = parse_token(text).lower()
    if name in _TAKEN_HEADERS:
        raise ValueError(f"{shown(text)} has a meaning of its own; choose a name like x-preview")
    return name


def parse_sticky_name(text: str) -> str:
    """A name of a cookie or header that keeps users on one version."""
    if not re.fullmatch(STICKY_PATTERN[1:-1], text):
        raise ValueError(f"{shown(text)} is no name: use up to 64 of A-Z, a-z, 0-9, _ and -")
    return text


def parse_version(text: str) -> str:
    """A version of an artifact."""
    if not re.fullmatch(VERSION_PATTERN[1:-1], text):
        raise ValueError(
            f"{shown(text)} is no version: use up to 128 letters, digits and . _ + : / @ -, "
            "beginning with a letter or digit"
        )
    return text


def parse_url_path(text: str) -> str:
    """The path of a request, query included."""
    if not text.startswith("/"):
        raise ValueError(f"{shown(text)} is no path: it begins with /, as in /healthz")
    if not re.fullmatch(PATH_PATTERN[1:-1], text):
        raise ValueError(f"{shown(text)} holds a character that must be written as %XX in a path")
    return text


def parse_status(text: str) -> tuple[int, int]:
    """`204` or `200-299`."""
    found = _STATUS.fullmatch(text)
    if found is None:
        raise ValueError(f"{shown(text)} is no HTTP status: write 204 or 200-299")
    first, last = int(found[1]), int(found[2] or found[1])
    if first > last:
        raise ValueError(f"{shown(text)} ends before it begins")
    return first, last


def parse_address(text: str) -> str:
    """An address of this host to listen on."""
    if text == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise ValueError(
            f"{shown(text)} is no address: write 127.0.0.1 for this host only, 0.0.0.0 for all"
        ) from error


def parse_pattern(text: str) -> str:
    """A regular expression."""
    if len(text) > 1000:
        raise ValueError("this regular expression is longer than 1000 characters")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python will read otherwise one day is fine today
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{shown(text)} is no regular expression: {error}") from error
    return text


def parse_folder(text: str) -> str:
    """A folder, absolute or relative to the file."""
    if text.startswith("~"):
        raise ValueError("~ is not understood here: whose home it is depends; write it out")
    return parse_line(text)


def parse_positive_duration(text: str) -> timedelta:
    """A duration that is not nothing."""
    duration = parse_duration(text)
    if not duration:
        raise ValueError("this must be longer than 0")
    return duration


def parse_positive_share(text: str) -> int:
    """A share in per mille that is not nothing."""
    share = parse_share(text)
    if not share:
        raise ValueError("this must be more than 0")
    return share
