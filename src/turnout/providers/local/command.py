"""Builds what is run for one instance: arguments, environment, folder. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from turnout.model.servers import GroupSettings

_INHERITED = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"}
)
"""What a program needs to find its way around. Nothing else: the server's secrets are its own."""

_NAME = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<bare>[A-Za-z_][A-Za-z0-9_]*))")


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything that starting an instance takes."""

    command: tuple[str, ...]
    environment: dict[str, str]
    folder: str


def build_variables(
    cluster: str, group: str, version: str, instance: str, port: int
) -> dict[str, str]:
    """What an instance is told about itself."""
    return {
        "PORT": str(port),
        "INSTANCE": instance,
        "VERSION": version,
        "TURNOUT_CLUSTER": cluster,
        "TURNOUT_GROUP": group,
    }


def build_launch(
    settings: GroupSettings, variables: Mapping[str, str], inherited: Mapping[str, str]
) -> Launch:
    """Fill the instance's variables into command, environment and folder."""
    run = settings.run
    environment = {
        **{name: value for name, value in inherited.items() if _is_inherited(name)},
        **{name: fill_in(value, variables) for name, value in run.environment.items()},
        **variables,
    }
    command = tuple(fill_in(argument, variables) for argument in run.command)
    return Launch(command, environment, fill_in(run.folder, variables))


def fill_in(text: str, variables: Mapping[str, str]) -> str:
    """Replace `${NAME}` and `$NAME` for the given names; everything else stays as it is."""

    def value(match: re.Match[str]) -> str:
        return variables.get(match["braced"] or match["bare"], match[0])

    return _NAME.sub(value, text)


def _is_inherited(name: str) -> bool:
    return name in _INHERITED or name.startswith("LC_")
