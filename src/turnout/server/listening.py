"""The API on its socket, within our own event loop."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from turnout.model.errors import Permanent
from turnout.settings import Settings

STREAMS_END_WITHIN = 3
"""Seconds that answers under way get when the server ends."""


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


class ApiServer(uvicorn.Server):
    """Leaves signals to us: there is more to end than the API, and in order.

    Derived because uvicorn has no other way to say so.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def build_server(app: FastAPI) -> ApiServer:
    """A server that has yet to be run: `serve(sockets=[...])`; ends when `should_exit` is set."""
    return ApiServer(
        uvicorn.Config(
            app,
            access_log=False,
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=STREAMS_END_WITHIN,
            ws="none",
        )
    )
