"""What a command finds around it: environment, streams, time, network. Tests bring their own."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import httpx2


def user_name() -> str:
    """Who sits here: `anna@build1`."""
    import getpass
    import socket

    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Made once per process. `zone` None = the zone of this machine."""

    environment: Mapping[str, str]
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    zone: tzinfo | None = None
    user: Callable[[], str] = field(default=user_name)
    transport: httpx2.BaseTransport | None = None
    """Instead of the network."""
    patience: float = 60.0
    """For how many seconds a command that waits bears a server that does not answer."""

    @property
    def is_interactive(self) -> bool:
        """Whether a person sits there who can be asked."""
        return self.stdin.isatty() and self.stdout.isatty() and self.stderr.isatty()


def real_surroundings() -> Surroundings:
    """Those of this process. Characters that a stream cannot show are replaced, never an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    return Surroundings(os.environ, sys.stdin, sys.stdout, sys.stderr)
