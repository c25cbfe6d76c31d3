"""Where the API listens."""

from __future__ import annotations

import errno
import socket

from turnout.model.errors import Permanent
from turnout.settings import Settings


def bind(settings: Settings) -> socket.socket:
    """Take the API's address. Raises `Permanent` when that cannot be."""
    host, port = settings.address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        what = "somebody else listens there" if taken else error.strerror or str(error)
        raise Permanent(
            f"The API cannot listen on {settings.listen}: {what}",
            hint="Choose another address with --listen, or end what listens there "
            "(turnout doctor says who).",
        ) from error


def format_address(listening: socket.socket) -> str:
    """Where the API is to be found."""
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"
